#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Takes a report that `kioskctl report` made on a board; what `make verified REPORT=...` calls."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from board_reports.board_file import add_entry
from board_reports.entry import entry_of
from board_reports.matrix import recount, redraw
from board_reports.reading import ReportError, read_report
from firmware.boards import BOARDS, ROOT, board_names, load_board
from firmware.steps import exit_status
from kioskd.report.form import schema
from splat_gles.errors import SplatError


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description="Check a report of `kioskctl report`, write it as an entry of verified_on into "
        "its board's board.yaml, and draw the matrix in board/README.md and the number on "
        "other pages anew. A report that is there already changes nothing.",
        epilog="Then read the board's README.md: its chapter Tier says what nobody has verified. "
        "The report itself is not kept, only the beginning of its SHA-256.",
    )
    parser.add_argument("report", type=Path, nargs="?", help="the report, a JSON file")
    parser.add_argument(
        "--schema", action="store_true", help="print the JSON schema (board/report.schema.json)"
    )
    parser.add_argument(
        "--draw", action="store_true", help="only draw matrix and number from the board files"
    )
    options = parser.parse_args(arguments)
    if options.schema:
        print(json.dumps(schema(), indent=2))
        return 0
    if options.report is None and not options.draw:
        parser.error("name a report: make verified REPORT=report.json")
    return exit_status(lambda: take(options.report, BOARDS, ROOT / "README.md"), SplatError)


def take(report: Path | None, boards: Path, front: Path) -> int:
    """Take a report into the board files of a folder, if there is one, and draw the pages."""
    changed = []
    if report is not None:
        told = read_report(report)
        if told["board"] not in board_names(boards):
            raise ReportError(
                f"{report}: no board '{told['board']}' here; the boards are "
                f"{', '.join(board_names(boards))}. A new one first needs its folder under board/"
            )
        board = load_board(told["board"], boards)
        if add_entry(board.folder / "board.yaml", entry_of(told, board)):
            changed.append(board.folder / "board.yaml")
            print(
                f"read {board.folder / 'README.md'}, chapter Tier, which may still say that no "
                "board was seen, and what other pages call an estimate"
            )
    all_boards = [load_board(name, boards) for name in board_names(boards)]
    changed += [boards / "README.md"] * redraw(boards / "README.md", all_boards)
    for page in (front, boards / "first_hour.md"):
        changed += [page] * recount(page, all_boards)
    print("\n".join(f"{path}: written" for path in changed) or "nothing to change")
    return 0


if __name__ == "__main__":
    sys.exit(main())
