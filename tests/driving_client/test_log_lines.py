# SPDX-License-Identifier: Apache-2.0
"""Others' texts in the log: one line each, and a flood of them as a count."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driving_client.log_limit import LINES_A_KIND, MOST_KINDS, WINDOW_S, LimitedHandler
from driving_client.log_lines import LONGEST_TEXT, LineFormatter
from driving_client.texts import printable

HOSTILE = (
    "a\nb", "a\rb", "\x1b[2J\x1b]0;title\x07", "a\x00b", "a\x7fb", "a\x85b", "a\x9bb",
    "a\u2028b", "a\u2029b", "a\u202eb", "a\u2066b", "\ufeffa", "\ud800", "a\udcffb", "\v\f\x1c",
)  # fmt: skip


class Kept(logging.Handler):
    """The sink: what would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.codes: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
        self.codes.append(str(getattr(record, "code", "library")))


class Log:
    """A logger behind the limit, with a clock of its own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.kept = Kept()
        self.kept.setFormatter(LineFormatter())
        self.handler = LimitedHandler(self.kept, lambda: self.now)
        self.logger = logging.Logger("test")
        self.logger.addHandler(self.handler)

    def warn(self, text: str, code: str = "protocol_error") -> None:
        self.logger.warning("frame dropped: %s", text, extra={"code": code})


@pytest.fixture
def log() -> Iterator[Log]:
    made = Log()
    yield made
    made.handler.close()


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_what_moves_a_cursor_or_cannot_be_encoded_is_escaped(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) == 1
    shown.encode("utf-8")


@given(st.text(st.characters()))
def test_every_text_becomes_one_printable_line(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    if text.isprintable():
        assert shown == text


def test_texts_of_every_script_stay_as_they_are() -> None:
    for text in ("Grüße aus Köln", "你好", "مرحبا", "C:\\new", "→ 5 ½ %", "🙂"):
        assert printable(text) == text


@given(st.text(st.characters()), st.text(st.characters()))
def test_a_record_is_one_line_and_its_traceback_is_indented(text: str, detail: str) -> None:
    log = Log()
    try:
        raise ValueError(detail)
    except ValueError:
        log.logger.exception("it broke: %s", text)
    log.handler.close()
    first, *trace = log.kept.lines[0].split("\n")
    assert first.startswith("it broke: ")
    assert trace[0] == "    Traceback (most recent call last):"
    assert all(line.startswith("    ") and line.isprintable() for line in trace)


def test_long_texts_and_tracebacks_are_cut(log: Log) -> None:
    log.warn("x" * 4_000_000)
    assert len(log.kept.lines[0]) < LONGEST_TEXT + 100
    assert "more characters" in log.kept.lines[0]

    def deep(left: int) -> None:
        if not left:
            raise ValueError("\n" * 500)
        deep_of[left % 2](left - 1)

    deep_of: list[Callable[[int], None]] = [deep, lambda left: deep(left)]
    try:
        deep(200)
    except ValueError:
        log.logger.exception("it broke")
    assert log.kept.lines[1].count("\n") < 70
    assert "more lines" in log.kept.lines[1]


def test_the_first_of_the_same_lines_is_written_and_the_rest_counted(log: Log) -> None:
    for _ in range(20_000):
        log.warn("bad magic")
    assert log.kept.lines == ["frame dropped: bad magic"]
    log.now = WINDOW_S
    log.handler.tell_due()
    assert log.kept.lines[1:] == [
        "… 19,999 more of these in 60 s, the last: frame dropped: bad magic"
    ]
    assert log.kept.codes == ["protocol_error"] * 2
    assert log.handler.suppressed == {"protocol_error": 19_999}


def test_a_flood_of_different_texts_is_counted_too(log: Log) -> None:
    for number in range(20_000):
        log.warn(f"number {number}")
    assert len(log.kept.lines) == LINES_A_KIND


def test_acts_are_told_each_until_they_are_a_flood(log: Log) -> None:
    for _ in range(1000):
        log.logger.info("configuration read again", extra={"code": "config_reloaded"})
    assert log.kept.lines == ["configuration read again"] * LINES_A_KIND


def test_a_flood_hides_no_other_kind(log: Log) -> None:
    for number in range(1000):
        log.warn(f"number {number}")
        log.warn(f"number {number}", code=f"server_error_{number}")
    log.logger.error("the sound device is gone", extra={"code": "audio_device_lost"})
    assert log.kept.lines[-1] == "the sound device is gone"
    assert len(log.kept.lines) < 10 * LINES_A_KIND, "the peer's codes gain it no more lines"


def test_memory_is_bounded_whatever_the_codes_and_texts(log: Log) -> None:
    for number in range(5 * MOST_KINDS):
        record = logging.LogRecord(f"l{number}", 30, "x", number, f"t{number}", None, None)
        log.handler.handle(record)
        log.warn(f"{number}", code=f"server_error_{number}")
    assert len(log.handler._kinds) <= MOST_KINDS + 2
    assert len(log.handler.suppressed) <= 65


def test_a_flood_that_goes_on_is_told_every_minute(log: Log) -> None:
    for second in range(181):
        log.now = float(second)
        log.warn("bad magic")
    assert [line for line in log.kept.lines if "more of these" in line] == [
        "… 59 more of these in 60 s, the last: frame dropped: bad magic"
    ] * 3


def test_lines_a_minute_apart_are_all_written(log: Log) -> None:
    for minute in range(5):
        log.now = minute * WINDOW_S
        log.warn("bad magic")
    assert log.kept.lines == ["frame dropped: bad magic"] * 5


def test_what_was_counted_is_told_when_logging_ends(log: Log) -> None:
    for _ in range(3):
        log.warn("bad magic")
    log.now = 5.0
    log.handler.close()
    assert log.kept.lines[-1] == "… 2 more of these in 5 s, the last: frame dropped: bad magic"


def test_a_count_is_told_by_a_timer_where_no_other_line_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("driving_client.log_limit.WINDOW_S", 0.2)
    told = threading.Event()

    class Telling(Kept):
        def emit(self, record: logging.LogRecord) -> None:
            super().emit(record)
            if "more of these" in self.lines[-1]:
                told.set()

    logger = logging.Logger("test")
    handler = LimitedHandler(Telling())
    logger.addHandler(handler)
    for _ in range(2):
        logger.warning("again")
    assert told.wait(60)
    handler.close()


def test_many_threads_lose_no_line(log: Log) -> None:
    threads = [
        threading.Thread(target=lambda: [log.warn("bad magic") for _ in range(2000)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.handler.suppressed == {"protocol_error": 15_999}
    assert len(log.kept.lines) == 1


def test_a_record_whose_arguments_do_not_fit_ends_nothing(
    log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    log.logger.warning("%d", "no number")
    log.warn("next")
    assert log.kept.lines == ["frame dropped: next"]
    assert "no number" in capsys.readouterr().err


@pytest.mark.parametrize(
    "set_up",
    [
        "from kioskd import log; log.set_up_logging('info')",
        "from driving_client.endpoint import __main__ as m; m._set_up_logging()",
    ],
    ids=["kioskd", "endpoint"],
)
def test_both_processes_write_such_lines(root: Path, set_up: str) -> None:
    script = (
        f"{set_up}; import logging; logger = logging.getLogger('driving_client.x')\n"
        "for number in range(1000): logger.warning('bad: %s', '\\x1b[2J\\nfeigned \\ud800')"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    first, count = result.stderr.splitlines()
    assert first.endswith("bad: \\x1b[2J\\nfeigned \\ud800")
    assert re.search(r"… 999 more of these in \d+ s, the last: bad: \\x1b\[2J\\nfeigned", count)
