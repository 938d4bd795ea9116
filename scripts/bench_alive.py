#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make bench-alive`: how alive the face is, in figures beside those of people.

The real player is driven for ten minutes a state by a clock that is not waited for; what it shows
is counted. One JSON line a state goes to standard output, steps and a table for people to
standard error.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Final

from alive_bench.drive import watch
from alive_bench.human import MEASURES
from alive_bench.stage import State
from splat_gles.bundle import read_bundle
from splat_gles.errors import SplatError

ROOT: Final = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    """Measure every state; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "avatar",
        type=Path,
        nargs="?",
        default=ROOT / "config/avatars/default-20k.avatar",
        help="bundle whose eyes are joints (default: %(default)s)",
    )
    parser.add_argument("--minutes", type=_minutes, default=10.0, help="of each state (10)")
    parser.add_argument("--seed", type=int, default=1, help="of the face's own life (1)")
    chosen = parser.parse_args(arguments)
    try:
        avatar = read_bundle(chosen.avatar)
        if avatar.gaze != "joints":
            raise SplatError(f"{chosen.avatar}: its eyes are no joints, so gaze cannot be measured")
    except SplatError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    columns: list[list[str]] = []
    for state in State:
        began = time.process_time()
        watched = watch(avatar, state, 60 * chosen.minutes, chosen.seed)
        figures = [(measure, measure.count(watched)) for measure in MEASURES]
        cpu_s = time.process_time() - began
        print(f"{state.value}: {cpu_s:.0f} s of CPU", file=sys.stderr, flush=True)
        values = {m.title: None if value is None else round(value, 4) for m, value in figures}
        print(json.dumps({"state": state.value, **values}), flush=True)
        columns.append([_written(value, m.written) for m, value in figures])
    print(_table(columns), file=sys.stderr)
    return 0


def _written(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _table(columns: list[list[str]]) -> str:
    heads = ["", *(state.value for state in State), "people", "source"]
    rows = [
        [measure.title, *(column[i] for column in columns), measure.people, measure.source]
        for i, measure in enumerate(MEASURES)
    ]
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [heads, *rows]
    ]
    return "\n".join(lines)


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0.2 <= minutes <= 120:
        raise argparse.ArgumentTypeError(f"{text}: from 0.2 to 120 minutes")
    return minutes


if __name__ == "__main__":
    sys.exit(main())
