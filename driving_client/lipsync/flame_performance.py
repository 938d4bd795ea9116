# SPDX-License-Identifier: Apache-2.0
"""Speech to a FLAME performance: the mouth follows the phonemes, the head its energy."""

from __future__ import annotations

import numpy as np

from driving_client.lipsync.coarticulation import mouth_controls
from driving_client.lipsync.head_motion import HeadGesture, fade_out, levels_of
from driving_client.lipsync.speech_mouth import SpeechMouth
from driving_client.motion import FRAME_RATE, FloatArray
from driving_client.retarget import Retarget
from driving_client.retarget.mouth import OPEN
from driving_client.utterance import Samples
from driving_client.voices.speech import Speech


def frame_count(samples: int, sample_rate: int) -> int:
    """Whole frames that fit the audio: the tail under 40 ms has none.

    See driving_client/README.md, An utterance and its time axis.
    """
    return int(samples * FRAME_RATE) // sample_rate


def perform(speech: Speech, retarget: Retarget) -> FloatArray:
    """FLAME frames, shape (floor(25 · seconds), 120), of synthesised speech."""
    count = frame_count(len(speech.samples), speech.sample_rate)
    controls = mouth_controls(speech.phonemes, count)
    levels = levels_of(speech.samples, speech.sample_rate, count)
    return retarget.frames(controls, fade_out(HeadGesture().feed(levels)))


class VoicePerformance:
    """FLAME frames for a voice that comes in pieces and without text."""

    def __init__(self, sample_rate: int, retarget: Retarget) -> None:
        self._mouth = SpeechMouth(sample_rate)
        self._head = HeadGesture()
        self._retarget = retarget

    def feed(self, samples: Samples) -> FloatArray:
        """Frames, shape (n, 120), that these samples completed."""
        return self._frames(self._mouth.feed(samples))

    def finish(self) -> FloatArray:
        """The frames still owed once the voice has ended: one for each whole 40 ms in all."""
        return self._frames(self._mouth.finish())

    def _frames(self, controls: FloatArray) -> FloatArray:
        if len(controls) == 0:
            return np.zeros((0, 120), np.float32)
        return self._retarget.frames(controls, self._head.feed(controls[:, OPEN]))
