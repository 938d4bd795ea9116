# SPDX-License-Identifier: Apache-2.0
"""A voice made on this side, and the request ids of the wire."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from driving_client.utterance import Samples, Utterance

_ALPHABET: Final = string.ascii_letters + string.digits + "_-"


def new_request_id() -> str:
    """`YYYYMMDDHHMMSS_<12 random>` in UTC: 72 random bits, so never the same twice."""
    random_part = "".join(secrets.choice(_ALPHABET) for _ in range(12))
    return f"{datetime.now(UTC):%Y%m%d%H%M%S}_{random_part}"


class LocalVoice:
    """Implements link.VoiceStream: samples go to the utterance, `changed` tells the forwarder."""

    def __init__(self, utterance: Utterance, changed: Callable[[], None]) -> None:
        self._utterance = utterance
        self._changed = changed

    @property
    def utterance(self) -> Utterance:
        """The utterance that this voice speaks."""
        return self._utterance

    def write(self, samples: Samples) -> None:
        """Add mono samples; ignored once the utterance was interrupted or replaced."""
        self._utterance.append_audio(samples)
        self._changed()

    def end(self) -> None:
        """The voice is complete."""
        self._utterance.end_audio()
        self._changed()
