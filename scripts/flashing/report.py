# SPDX-License-Identifier: Apache-2.0
"""What a person sees while a board is flashed, and what state the board is in.

The state is kept beside the messages because it is what somebody needs who pressed Ctrl-C or
read an error: was anything written, is it whole, and what now.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence

UNTOUCHED = "Nothing was written: the board is as it was."


class Report:
    """Prints steps, commands and progress; remembers the state of the board in words."""

    def __init__(self) -> None:
        self.state = UNTOUCHED
        self._live = sys.stdout.isatty()
        self._open = False
        self._tenth = -1

    def step(self, text: str) -> None:
        """A new step begins."""
        self._end_line()
        self._tenth = -1
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

    def note(self, text: str) -> None:
        """Something worth knowing within a step; several lines are indented alike."""
        self._end_line()
        for line in text.strip().splitlines():
            print(f"         {line}", flush=True)

    def command(self, argv: Sequence[str]) -> None:
        """The command that is run now, as it would be typed."""
        self.note(f"$ {shlex.join(argv)}")

    def progress(self, fraction: float) -> None:
        """How much of the step is done, 0 to 1: a bar on a terminal, else every tenth."""
        fraction = min(max(fraction, 0.0), 1.0)
        if self._live:
            filled = "#" * round(fraction * 30)
            print(f"\r\x1b[K         [{filled:<30}] {fraction:4.0%}", end="", flush=True)
            self._open = True
        elif int(fraction * 10) > self._tenth:
            self._tenth = int(fraction * 10)
            print(f"         {fraction:4.0%}", flush=True)

    def _end_line(self) -> None:
        if self._open:
            print(flush=True)
            self._open = False
