# SPDX-License-Identifier: Apache-2.0
"""Asks board/probe.sh, the script that judges a board before anything is flashed, once more."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from kioskd.report.form import JUDGED, VERDICTS

SCRIPT: Final = Path(__file__).resolve().parents[2] / "board/probe.sh"
"""In a checkout and in an image, where it lies beside our packages."""
_PATIENCE_S: Final = 120.0
_MAKERS: Final = ("mali", "mesa", "powervr", "vivante", "nvidia")


def ask(note: Callable[[str], None], script: Path = SCRIPT) -> dict[str, Any]:
    """What it found; empty where it is not there or does not answer, and `note` hears why."""
    if not script.is_file():
        note(f"{script} is not there, so what it judges is missing")
        return {}
    try:
        done = subprocess.run(
            ["sh", str(script), "--facts"],
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        note(f"{script} does not answer: {error}")
        return {}
    told = read(done.stdout.decode("utf-8", "replace"))
    if not told:
        note(f"{script} gives no verdict (exit status {done.returncode})")
    return told


def read(facts: str) -> dict[str, Any]:
    """Of its NAME=FOUND lines: the verdicts, and three things found that are no one's own."""
    told = dict(line.partition("=")[::2] for line in facts.splitlines() if "=" in line)
    if told.get("verdict") not in VERDICTS:
        return {}
    systemd = re.match(r"\d{1,4}", told.get("systemd", ""))
    return {
        "verdict": told["verdict"],
        "board_file": told.get("board_file", ""),
        "listed": told.get("board_listed") == "yes",
        "verdicts": {
            name: verdict
            for name in JUDGED
            if (verdict := told.get(f"{name}.verdict", "")) in VERDICTS
        },
        **({"systemd": int(systemd[0])} if systemd else {}),
        "gl": [maker for maker in _MAKERS if maker in told.get("gl", "")],
    }
