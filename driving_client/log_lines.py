# SPDX-License-Identifier: Apache-2.0
"""A log record is one line, whatever others' texts hold: what would move a cursor is escaped.

`texts` says which characters those are. Tracebacks alone take several lines, indented.
"""

from __future__ import annotations

import logging
from typing import Final

from driving_client.texts import printable

LONGEST_TEXT: Final = 2000
"""Characters of a message; an endpoint may answer with a page."""
_TRACE_LINES: Final = 60
_INDENT: Final = "    "


def shortened(text: str, longest: int = LONGEST_TEXT) -> str:
    """The text's beginning, and how much is left out."""
    left_out = len(text) - longest
    return text if left_out <= 0 else f"{text[:longest]} … {left_out:,} more characters"


class LineFormatter(logging.Formatter):
    """A Formatter whose records take one line each, and below it an indented traceback, if any."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
        """The format string filled in; only then, as the fields may be others' texts too."""
        record.message = shortened(record.message)
        return printable(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802  (logging's name)
        """The traceback: its first and last lines where it has more than a person reads."""
        lines = super().formatException(ei).splitlines()  # type: ignore[arg-type]
        if len(lines) > _TRACE_LINES:
            half = _TRACE_LINES // 2
            lines[half:-half] = [f"… {len(lines) - 2 * half:,} more lines …"]
        return "\n".join(_INDENT + printable(shortened(line)) for line in lines)

    def formatStack(self, stack_info: str) -> str:  # noqa: N802  (logging's name)
        """Indented as a traceback is."""
        return "\n".join(_INDENT + printable(line) for line in stack_info.splitlines())
