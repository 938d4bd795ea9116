# SPDX-License-Identifier: Apache-2.0
"""Texts that others wrote, made fit for a log line, a terminal or a health answer.

A text from the network or a file may carry line ends that feign a record, escape sequences that
repaint a terminal, marks that turn the reading direction, or halves of a surrogate pair that no
sink can encode. What Python's repr() would escape is escaped in the same way; backslashes stay
as they are, so that a path reads as it is.
"""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Final

LONGEST: Final = 200


def printable(text: str) -> str:
    """The text as one line: control, format and surrogate characters become \\x1b, \\u202e, …"""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def excerpt(text: str, longest: int = LONGEST) -> str:
    """The text's beginning as one printable line; "…" where more follows."""
    return printable(text[:longest] + "…" if len(text) > longest else text)


def did_you_mean(name: str, known: Collection[str], prefix: str = "") -> str:
    """The end of a message about an unknown name: the likeliest known one, or all of them."""
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {prefix}{close[0]}?"
    return f"; known are {', '.join(known)}"
