# SPDX-License-Identifier: Apache-2.0
"""The echo canceller, behind the one file that knows its library.

WebRTC's AEC3 with its high-pass and noise suppression, by way of pywebrtc-audio: whatever takes
another's place has the same two methods. Own filter first, see `kioskd.ears.linear_echo`. There is
no gain control: what is decided about a visitor rests on levels.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from pywebrtc_audio import AudioProcessor

from kioskd.ears.frames import Samples
from kioskd.ears.linear_echo import LinearEcho, Sound
from kioskd.ears.settings import RATE

_NOISE_LEVEL: Final = 2

_PLAYED: Final = 0.1
"""AEC3 is told that so much was played: what is left for it is some 20 dB below what a room sends
back, and it suppresses in proportion to what it is told. Visitors who are 6 dB below the echo then
lose 1.0 to 1.4 dB, with all of it 2.3 to 4.1; the echo is reduced by 35 to 49 dB, with a thirtieth
by 30 (three simulated rooms, median of 12 sentences)."""


class Canceller:
    """Ten milliseconds at a time; used by one thread only."""

    def __init__(self) -> None:
        self._linear = LinearEcho()
        self._processor = AudioProcessor(
            sample_rate=RATE,
            echo_cancellation=True,
            noise_suppression=True,
            high_pass_filter=True,
            ns_level=_NOISE_LEVEL,
        )

    def cancel(self, recorded: Samples, played: Samples) -> tuple[Samples, Samples]:
        """What was recorded without the echo of what was played; FRAME samples each.

        The second is what the linear filter alone leaves: more of the echo, and all of a visitor.
        """
        near, far = _sound(recorded), _sound(played)
        left = self._linear.cancel(near, far)
        untouched = left is near
        clean = self._processor.process(
            near if untouched else np.clip(left, -1, 1), far * np.float32(_PLAYED)
        )
        return _samples(clean), recorded if untouched else _samples(left)

    def move(self) -> None:
        """What was played comes earlier or later from now on: AEC3 finds that out by itself."""
        self._linear = LinearEcho()
        self._processor.reset()


def _sound(samples: Samples) -> Sound:
    return samples.astype(np.float32) / np.float32(32768)


def _samples(sound: Sound) -> Samples:
    return np.clip(np.rint(sound * 32768), -32768, 32767).astype(np.int16)
