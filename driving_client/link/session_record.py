# SPDX-License-Identifier: Apache-2.0
"""Which endpoints have worked once: what decides whether a refusal is final (`retry`).

A link is told by the key of its settings. Where the record is kept is the caller's business,
so that it can outlive the process; without one it is forgotten with it.
"""

from __future__ import annotations

from typing import Protocol


class SessionRecord(Protocol):
    """Keys of endpoints with which a session has worked. Used on the network's thread."""

    def has_worked(self, key: str) -> bool:
        """Whether a session has ever worked."""

    def note(self, key: str) -> None:
        """A session works; must return at once, and is told again and again."""


class Forgetful:
    """Implements SessionRecord in memory."""

    def __init__(self) -> None:
        self._keys: set[str] = set()

    def has_worked(self, key: str) -> bool:
        """See SessionRecord."""
        return key in self._keys

    def note(self, key: str) -> None:
        """See SessionRecord."""
        self._keys.add(key)
