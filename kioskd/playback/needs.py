# SPDX-License-Identifier: Apache-2.0
"""What the player needs of the parts beside it, so that tests can stand in for them."""

from __future__ import annotations

from typing import Protocol

from driving_client.utterance import Utterance
from kioskd.audio.snapshot import AudioSnapshot
from splat_gles.avatar import Avatar


class Sound(Protocol):
    """What the player needs of the sound; `AudioOutput` is it."""

    def play(self, utterance: Utterance, hold_s: float = 0.0) -> int:
        """Play this instead of what plays; returns the ticket of its snapshots."""

    def drop(self) -> None:
        """Silence now."""

    def pause(self) -> None:
        """Silence now; the position stays where it is."""

    def resume(self) -> None:
        """Go on."""

    def snapshot(self) -> AudioSnapshot:
        """Where the voice is."""


class HasAvatar(Protocol):
    """What the player needs of a rig: which avatar it moves."""

    @property
    def avatar(self) -> Avatar:
        """The avatar."""
