# SPDX-License-Identifier: Apache-2.0
"""Speech to a FLAME performance: the mouth follows the phonemes, or the voice itself.

Head, brows and cheeks rest. Who shows the face moves them by what the voice stresses, for this
stream as for others that leave them still: kioskd does, `kioskd/prosody`. Two players of one head
would be worse than none.
"""

from __future__ import annotations

import numpy as np

from driving_client.lipsync.coarticulation import mouth_controls
from driving_client.lipsync.speech_mouth import SpeechMouth
from driving_client.motion import FRAME_RATE, FloatArray
from driving_client.retarget import Retarget
from driving_client.utterance import Samples
from driving_client.voices.speech import Speech


def frame_count(samples: int, sample_rate: int) -> int:
    """Whole frames that fit the audio: the tail under 40 ms has none.

    See driving_client/README.md, An utterance and its time axis.
    """
    return int(samples * FRAME_RATE) // sample_rate


def perform(speech: Speech, retarget: Retarget) -> FloatArray:
    """FLAME frames, shape (floor(25 · seconds), 120), of synthesised speech.

    Where no phonemes are told, the lips are heard in the sound.
    """
    if not speech.phonemes:
        performance = VoicePerformance(speech.sample_rate, retarget)
        return np.concatenate([performance.feed(speech.samples), performance.finish()])
    count = frame_count(len(speech.samples), speech.sample_rate)
    return retarget.frames(mouth_controls(speech.phonemes, count))


class VoicePerformance:
    """FLAME frames for a voice that comes in pieces and without text."""

    def __init__(self, sample_rate: int, retarget: Retarget) -> None:
        self._mouth = SpeechMouth(sample_rate)
        self._retarget = retarget

    def feed(self, samples: Samples) -> FloatArray:
        """Frames, shape (n, 120), that these samples completed."""
        return self._retarget.frames(self._mouth.feed(samples))

    def finish(self) -> FloatArray:
        """The frames still owed once the voice has ended: one for each whole 40 ms in all."""
        return self._retarget.frames(self._mouth.finish())
