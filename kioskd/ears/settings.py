# SPDX-License-Identifier: Apache-2.0
"""What can be set about the ears, and the few figures that all of their parts share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

RATE: Final = 16000
"""Samples a second of everything behind the microphone: what recognisers take."""

FRAME_S: Final = 0.01
FRAME: Final = 160
"""Samples of a frame: the step of the echo canceller and of the voice activity's decision."""

POLICIES: Final = ("auto", "barge_in", "half_duplex")

WAKE_WORDS: Final = ("alexa", "hey_jarvis", "hey_mycroft", "okay_nabu")
"""Those that the extra `wake` brings."""


@dataclass(frozen=True, slots=True)
class EarsSettings:
    """The `ears` section of the configuration, which has the defaults.

    `device` and `match` are as in `kioskd.audio.settings`, for capture; `latency_ms` is what the
    microphone's own path takes beyond what ALSA knows; `policy` is one of POLICIES;
    `end_of_turn_s` is the silence that ends what a visitor says.
    """

    enabled: bool
    device: str
    match: tuple[str, ...]
    latency_ms: float
    policy: str
    end_of_turn_s: float
