# SPDX-License-Identifier: Apache-2.0
"""The echo canceller, behind the one file that knows its library.

WebRTC's AEC3 with its high-pass and noise suppression, by way of pywebrtc-audio: whatever takes
another's place has the same two methods.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from pywebrtc_audio import AudioProcessor

from kioskd.ears.frames import Samples
from kioskd.ears.settings import RATE

_NOISE_LEVEL: Final = 1


class Canceller:
    """Ten milliseconds at a time; used by one thread only."""

    def __init__(self) -> None:
        self._processor = AudioProcessor(
            sample_rate=RATE,
            echo_cancellation=True,
            noise_suppression=True,
            high_pass_filter=True,
            ns_level=_NOISE_LEVEL,
        )

    def cancel(self, recorded: Samples, played: Samples) -> Samples:
        """What was recorded without the echo of what was played; FRAME samples each, int16."""
        return np.asarray(self._processor.process(recorded, played), np.int16)

    def reset(self) -> None:
        """Forget the room: what was learned no longer holds."""
        self._processor.reset()
