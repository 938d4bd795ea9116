# SPDX-License-Identifier: Apache-2.0
"""Repeated log lines are counted instead of written, so that no flood fills a log or takes time.

A kind of line is its place in the source and its code. Within a minute ten lines of a kind are
written, of warnings and errors each text once; the rest is told as one line, "… 19,999 more of
these in 60 s". Below warnings a line reports an action, such as a reload, and the same action again
is worth its line. Kinds do not share their allowance: a flood of one hides no other. A peer that
chooses the code (it names its error) gains nothing, because a place has eight kinds at most.

One such handler stands before the real one. What it left out is always told: when the minute is
over, by a timer, and when logging shuts down.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from driving_client.log_lines import shortened

WINDOW_S: Final = 60.0
LINES_A_KIND: Final = 10
CODES_A_PLACE: Final = 8
MOST_KINDS: Final = 256
MOST_CODES: Final = 64
_REST: Final = "other"
_LONGEST_LAST: Final = 300
Place = tuple[str, int, str, int]


class _Kind:
    def __init__(self, until: float) -> None:
        self.until = until
        self.texts: set[int] = set()
        self.written = 0
        self.left_out = 0
        self.last: logging.LogRecord | None = None


class LimitedHandler(logging.Handler):
    """Passes records to `sink`, the repeated ones as a count. For any thread."""

    def __init__(self, sink: logging.Handler, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._sink = sink
        self._clock = clock
        self._kinds: dict[tuple[Place, str], _Kind] = {}
        self._due = float("inf")
        self._timer: threading.Timer | None = None
        self._suppressed: Counter[str] = Counter()

    @property
    def suppressed(self) -> Mapping[str, int]:
        """Lines left out since the start, by code; the rarer of very many codes as "other"."""
        with self._locked():
            return dict(self._suppressed)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, or count it."""
        now = self._clock()
        if now >= self._due:
            self.tell_due()
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001  (arguments that do not fit may raise anything)
            self.handleError(record)
            return
        kind = self._kind_of(record, now)
        again = hash(text) in kind.texts and record.levelno >= logging.WARNING
        if not again and kind.written < LINES_A_KIND:
            kind.texts.add(hash(text))
            kind.written += 1
            self._sink.handle(record)
            return
        kind.left_out += 1
        kind.last = _without_arguments(record, text)
        self._suppressed[self._counted_code(record)] += 1
        self._due = min(self._due, kind.until)
        self._wake_at(self._due - now)

    def tell_due(self) -> None:
        """Tell what was left out of the minutes that are over."""
        with self._locked():
            now = self._clock()
            for key, kind in list(self._kinds.items()):
                if now >= kind.until:
                    self._tell(key, kind)
            self._due = min(
                (kind.until for kind in self._kinds.values() if kind.left_out), default=float("inf")
            )

    def flush(self) -> None:
        """Flush the sink; counts of minutes that go on are not told yet."""
        self._sink.flush()

    def close(self) -> None:
        """Tell every count; called when logging shuts down."""
        with self._locked():
            if self._timer is not None:
                self._timer.cancel()
            for key, kind in list(self._kinds.items()):
                self._tell(key, kind)
            self._due = float("inf")
        super().close()

    def _kind_of(self, record: logging.LogRecord, now: float) -> _Kind:
        place: Place = (record.name, record.levelno, record.pathname, record.lineno)
        key = (place, code_of(record))
        if key not in self._kinds:
            self._forget_the_quiet(now)
            if sum(1 for other, _ in self._kinds if other == place) >= CODES_A_PLACE:
                key = (place, _REST)
            elif len(self._kinds) >= MOST_KINDS:
                key = (("", record.levelno, "", 0), _REST)
        kind = self._kinds.get(key)
        if kind is None or (now >= kind.until and not kind.left_out):
            kind = self._kinds[key] = _Kind(now + WINDOW_S)
        return kind

    def _forget_the_quiet(self, now: float) -> None:
        for key in [k for k, kind in self._kinds.items() if now >= kind.until]:
            self._tell(key, self._kinds[key])

    def _tell(self, key: tuple[Place, str], kind: _Kind) -> None:
        del self._kinds[key]
        last = kind.last
        if last is None:
            return
        seconds = WINDOW_S - max(0.0, kind.until - self._clock())
        last.msg = "… %s more of these in %.0f s, the last: %s"
        last.args = (f"{kind.left_out:,}", max(1.0, seconds), last.message)
        self._sink.handle(last)

    def _counted_code(self, record: logging.LogRecord) -> str:
        code = code_of(record)
        return code if code in self._suppressed or len(self._suppressed) < MOST_CODES else _REST

    def _wake_at(self, seconds: float) -> None:
        if self._timer is not None and self._timer.is_alive():
            return
        self._timer = threading.Timer(max(0.0, seconds), self._wake)
        self._timer.daemon = True
        self._timer.name = "log"
        try:
            self._timer.start()
        except RuntimeError:  # no thread can start any more; the next record or the end tells
            self._timer = None

    def _wake(self) -> None:
        with self._locked():
            self._timer = None
            self.tell_due()
            if self._due < float("inf"):
                self._wake_at(self._due - self._clock())

    def _locked(self) -> threading.RLock:
        assert self.lock is not None
        return self.lock


def code_of(record: logging.LogRecord) -> str:
    """The record's stable code; "library" for records of packages that are not ours."""
    return str(getattr(record, "code", "library"))


def _without_arguments(record: logging.LogRecord, text: str) -> logging.LogRecord:
    """A copy that keeps no exception, frame or message of others alive for a minute."""
    copy = logging.makeLogRecord(record.__dict__)
    copy.exc_info = copy.exc_text = copy.stack_info = None
    copy.args = None
    copy.message = shortened(text, _LONGEST_LAST)
    return copy
