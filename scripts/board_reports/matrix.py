# SPDX-License-Identifier: Apache-2.0
"""The matrix of board/README.md and the number that other pages tell, drawn from board files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from board_reports.reading import ReportError
from firmware.boards import Board

_BEGIN: Final = "<!-- `make verified` draws this from the board files -->\n"
_END: Final = "<!-- to here -->\n"
_COUNT: Final = re.compile(r"([Bb])oards reported: \d+")
_HEAD: Final = (
    "board", "vendor's system", "screen", "sound", "NPU", "watchdog",
    "frames a second: measured", "estimated", "report",
)  # fmt: skip


def boards_reported(boards: Sequence[Board]) -> int:
    """How many different boards people have reported; one that reports again counts once."""
    return len({(board.name, each.model) for board in boards for each in board.verified_on})


def matrix(boards: Sequence[Board]) -> str:
    """A row for each report, and one for each board without any."""
    rows = [_HEAD, ("---",) * len(_HEAD)]
    for board in boards:
        link = f"[`{board.name}`]({board.name}/README.md)"
        rows += [
            (
                f"{link} {each.model}",
                each.system,
                each.screen,
                each.sound,
                each.npu,
                each.watchdog,
                each.measured,
                each.estimated,
                f"{each.date}, {each.image}",
            )
            for each in board.verified_on
        ] or [(link, *("–",) * (len(_HEAD) - 2), "none yet")]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"Boards reported: {boards_reported(boards)}\n\n{table}\n"


def redraw(page: Path, boards: Sequence[Board]) -> bool:
    """Draw the matrix anew between its marks; whether the page changed. Raises ReportError."""
    text = page.read_text("utf-8")
    begin, end = text.find(_BEGIN), text.find(_END)
    if begin < 0 or end < begin:
        raise ReportError(f"{page}: the lines {_BEGIN.strip()} and {_END.strip()} are missing")
    return _write(page, text, text[: begin + len(_BEGIN)] + matrix(boards) + text[end:])


def recount(page: Path, boards: Sequence[Board]) -> bool:
    """Set the number that a page tells once; whether it changed. Raises ReportError."""
    text = page.read_text("utf-8")
    told, found = _COUNT.subn(rf"\g<1>oards reported: {boards_reported(boards)}", text)
    if found != 1:
        raise ReportError(f"{page}: must say `Boards reported: ` and a number once")
    return _write(page, text, told)


def _write(page: Path, before: str, after: str) -> bool:
    if after != before:
        page.write_text(after, "utf-8")
    return after != before
