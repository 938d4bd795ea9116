# SPDX-License-Identifier: Apache-2.0
"""A file that lies there while GL is being opened: whoever finds it knows that it never came back.

A driver may crash the process or hang until the watchdog ends it, at every start anew, until the
service manager starts it no more. With the mark the next start shows the still picture first and
speaks, and tries GL later. Not synced: it outlives the process, and a power cut proves nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

_NAME: Final = "screen-opening"
_MOST: Final = 1000


class OpeningMark:
    """The mark in `folder`. `unfinished` counts the attempts in a row that never came back."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        self.unfinished = 0
        try:
            text = self._path.read_text("ascii", "replace")
        except FileNotFoundError:
            return
        except OSError as error:
            logger.warning("%s", error, extra={"code": "no_opening_mark"})
            return
        self.unfinished = min(int(text), _MOST) if text.isdecimal() and len(text) < 5 else 1

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Around the attempt, whose errors are as good an end as any."""
        try:
            self._path.write_text(f"{self.unfinished + 1}", "ascii")
        except OSError as error:
            logger.warning("%s", error, extra={"code": "no_opening_mark"})
        try:
            yield
        finally:
            self.unfinished = 0
            try:
                self._path.unlink(missing_ok=True)
            except OSError as error:
                logger.warning("%s", error, extra={"code": "no_opening_mark"})
