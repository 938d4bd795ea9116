# SPDX-License-Identifier: Apache-2.0
"""Texts that others wrote, made fit for a log line or a health answer."""

from __future__ import annotations

LONGEST = 200


def printable(text: str, longest: int = LONGEST) -> str:
    """On one line, without control characters or halves of surrogate pairs, and cut."""
    cut = text[:longest] + "…" if len(text) > longest else text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)
