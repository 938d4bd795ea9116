# SPDX-License-Identifier: Apache-2.0
"""A progress bar on standard error, for people: silent where that is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

_WIDTH = 30


def with_progress(steps: range, doing: str) -> Iterator[int]:
    """Iterate over `steps`, showing how far it is and how long the rest will take."""
    started = time.monotonic()
    visible = sys.stderr.isatty()
    for done, step in enumerate(steps, 1):
        yield step
        if visible:
            filled = _WIDTH * done // len(steps)
            left = (time.monotonic() - started) / done * (len(steps) - done)
            bar = "#" * filled + "-" * (_WIDTH - filled)
            sys.stderr.write(f"\r{doing} [{bar}] {done}/{len(steps)}, {left:.0f} s left ")
            sys.stderr.flush()
    if visible:
        sys.stderr.write("\n")
