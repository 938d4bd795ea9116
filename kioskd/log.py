# SPDX-License-Identifier: Apache-2.0
"""Log lines with a stable code each: to journald under systemd, readable ones on stderr else.

A fleet is watched by code (`journalctl KIOSK_CODE=link_down`), never by text;
so every line of ours carries `extra={"code": …}`, and lines of libraries get `library`. What
nobody has caught is logged too, `crashed` or `thread_died`, with its traceback. Whatever others'
texts hold, a record is one line, and repeated ones are counted (`driving_client.log_limit`).
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Mapping
from types import TracebackType

from systemd import journal

from driving_client.log_limit import LimitedHandler, code_of
from driving_client.log_lines import LineFormatter
from driving_client.texts import printable

logger = logging.getLogger(__name__)

SYSLOG_IDENTIFIER = "kioskd"
_PRIORITIES = (
    (logging.CRITICAL, journal.LOG_CRIT),
    (logging.ERROR, journal.LOG_ERR),
    (logging.WARNING, journal.LOG_WARNING),
    (logging.INFO, journal.LOG_INFO),
)
_OUR_PACKAGES = ("kioskd", "driving_client", "splat_gles")


def set_up_logging(level: str) -> None:
    """Send the log where this process's errors go; `level` is a word of `log.level`."""
    handler: logging.Handler
    if stderr_is_the_journal():
        handler = JournalHandler()
        handler.setFormatter(LineFormatter())
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(
            LineFormatter(
                "%(asctime)s.%(msecs)03d %(levelname)-7s %(code)s: %(message)s", "%H:%M:%S"
            )
        )
        handler.addFilter(_add_code)
    sys.excepthook = _log_crash
    threading.excepthook = _log_dead_thread
    root = logging.getLogger()
    root.handlers[:] = [LimitedHandler(handler)]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    set_level(level)


def set_level(level: str) -> None:
    """Change what is kept of our own packages; libraries stay at warnings."""
    for package in _OUR_PACKAGES:
        logging.getLogger(package).setLevel(level.upper())


def suppressed_lines() -> Mapping[str, int]:
    """Lines that were counted instead of written since the start, by code."""
    counts: dict[str, int] = {}
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LimitedHandler):
            counts |= handler.suppressed
    return counts


def stderr_is_the_journal() -> bool:
    """Whether systemd has connected standard error to journald (systemd.exec(5))."""
    try:
        stat = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{stat.st_dev}:{stat.st_ino}"


class JournalHandler(logging.Handler):
    """Sends a record with its code as the field KIOSK_CODE."""

    def emit(self, record: logging.LogRecord) -> None:
        """Hand the record to journald, which keeps it even when this process dies next."""
        priority = next(
            (value for level, value in _PRIORITIES if record.levelno >= level), journal.LOG_DEBUG
        )
        try:
            journal.send(
                self.format(record),
                PRIORITY=str(priority),
                SYSLOG_IDENTIFIER=SYSLOG_IDENTIFIER,
                KIOSK_CODE=printable(code_of(record)),
                LOGGER=printable(record.name),
                THREAD_NAME=printable(record.threadName or ""),
                CODE_FILE=record.pathname,
                CODE_LINE=record.lineno,
                CODE_FUNC=record.funcName,
            )
        except (OSError, ValueError):
            self.handleError(record)


def _log_crash(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    logger.critical(
        "%s", str(error) or kind.__name__, exc_info=(kind, error, trace), extra={"code": "crashed"}
    )


def _log_dead_thread(dead: threading.ExceptHookArgs) -> None:
    name = dead.thread.name if dead.thread is not None else "unknown"
    logger.critical(
        "thread %s has ended: %s",
        name,
        str(dead.exc_value) or dead.exc_type.__name__,
        exc_info=dead.exc_value,
        extra={"code": "thread_died"},
    )


def _add_code(record: logging.LogRecord) -> bool:
    record.code = code_of(record)
    return True
