# SPDX-License-Identifier: Apache-2.0
"""What can be set about the sound, and the few figures that nobody needs to set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class AudioSettings:
    """The `audio` section of the configuration, which has the defaults.

    `device` is an ALSA PCM name (`default`, `plughw:CARD=HDMI`, …), or `auto` for the first card
    that fits a pattern of `match` (`kioskd.audio.cards`); `latency_ms` is what the
    device's own counters do not show (an amplifier's or a screen's delay) and is taken off
    the position; `buffer_ms` is how much sound the device holds at most; `volume` is 0 to 1.
    """

    device: str
    latency_ms: float
    buffer_ms: float
    volume: float
    enabled: bool
    match: tuple[str, ...]


PREFERRED_RATE: Final = 48000
"""Asked of the device first: every HDMI sink and most codecs run at it without resampling."""

PERIOD_S: Final = 0.01
"""The step of the writer, and the period asked of the device.

Measured over PulseAudio: the position's steps are one period wide, so 10 ms leaves an
uncertainty of 5 ms before smoothing, and 20 ms left 19 ms.
"""

LOW_WATER_S: Final = 0.04
"""While there is nothing to say, this much silence keeps the device from running dry.

Four periods: a render loop that holds Python's lock for 20 ms must not cause an underrun,
and speech that comes back queues behind no more than this.
"""

MOUTH_LEAD_S: Final = 0.08
"""How long before its first sound a voice is announced: what a mouth takes to open."""

LEAD_IN_S: Final = 0.04
"""The most silence written ahead of a voice for that; its own quiet beginning does the rest."""

LEAST_BUFFER_S: Final = 0.09
"""A device that holds less than some 100 ms (drivers round down) runs dry on a busy board."""

PREFILL_S: Final = 0.06
"""Speech starts once this much of it has come, or all of it: less would stutter at once."""

UNPACED_S: Final = 0.1
"""A device ahead of the monotonic clock by this much has no clock of its own."""
