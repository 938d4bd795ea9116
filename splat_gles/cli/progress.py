# SPDX-License-Identifier: Apache-2.0
"""A progress bar on standard error, for people: silent where that is not a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

_WIDTH = 30


class ProgressBar:
    """A bar that is told how far a work is; its line ends when it is left."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._started = time.monotonic()
        self._visible = sys.stderr.isatty()

    def show(self, done: int, of: int) -> None:
        """`done` steps `of` so many are done, at least one."""
        if not self._visible:
            return
        left = (time.monotonic() - self._started) / done * (of - done)
        filled = _WIDTH * done // of
        bar = "#" * filled + "-" * (_WIDTH - filled)
        sys.stderr.write(f"\r{self._doing} [{bar}] {done}/{of}, {left:.0f} s left ")
        sys.stderr.flush()

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._visible:
            sys.stderr.write("\n")


def with_progress(steps: range, doing: str) -> Iterator[int]:
    """Iterate over `steps`, showing how far it is and how long the rest will take."""
    with ProgressBar(doing) as bar:
        for done, step in enumerate(steps, 1):
            yield step
            bar.show(done, len(steps))
