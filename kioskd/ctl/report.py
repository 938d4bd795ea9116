# SPDX-License-Identifier: Apache-2.0
"""kioskctl report: what this board is and how it does, for those who have none like it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

from driving_client.texts import printable
from kioskd.board_facts import BoardFacts, read_board_facts
from kioskd.config.part_settings import audio_settings
from kioskd.ctl.client import ControlError
from kioskd.ctl.doctor import ask, board_checks, usable_config
from kioskd.ctl.printing import show
from kioskd.report.making import Seen, make
from kioskd.report.page import page
from kioskd.update.store import store_from

_WHAT_NEXT: Final = (
    "It holds no serial number, address, token, name of yours, word or picture: read it, or "
    "`kioskctl report --text`. Send it to the project, where `make verified REPORT=FILE` takes it"
)


def board_report(options: argparse.Namespace) -> int:
    """Make the report and print it, or write it to a file."""
    board = read_board_facts(os.environ)
    store = store_from(os.environ)
    checks, answered = _checks(board)
    audio = audio_settings(usable_config(store), board.audio_match)
    told = make(Seen(board.name, checks, answered, audio, store.data), _note)
    output: Path | None = options.output
    text = page(told) if options.text else json.dumps(told, indent=1) + "\n"
    if output is None:
        sys.stdout.write(text)
        return 0
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        raise ControlError(f"{output} cannot be written: {error.strerror}") from error
    show(f"{output}: {len(text)} bytes. {_WHAT_NEXT}")
    return 0


def _note(missing: str) -> None:
    print(f"note: {printable(missing)}", file=sys.stderr)


def _checks(board: BoardFacts) -> tuple[dict[str, Any], bool]:
    """Those of kioskd and of the board around it in a health answer's form; whether it answered."""
    answer, silence = ask()
    if answer is None:
        _note(f"kioskd does not answer, so its checks are missing: {silence}")
    checks: dict[str, Any] = {} if answer is None else dict(answer["checks"])
    for check in board_checks(board):
        if check.name not in checks:
            finding = check.run(time.monotonic())
            checks[check.name] = {
                "status": finding.status.word,
                "reasons": [{"code": reason.code} for reason in finding.reasons],
            }
    return checks, answer is not None
