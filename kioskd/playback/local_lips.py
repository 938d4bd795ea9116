# SPDX-License-Identifier: Apache-2.0
"""Lips that follow the voice itself, for the parts of an utterance that have no motion.

The voice is read ahead of what is heard, so the model's look-ahead costs no delay. The work
is spread over the frames: at each, at most `_CATCH_UP` times as much sound is taken in as has
passed since the frame before, so that starting in the middle of a long speech never costs one frame
its time (the model takes some milliseconds for a second of sound). Head, brows, blinks, gaze and
breath are not made here: they are laid over whatever moves the lips.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np

from driving_client.errors import DrivingError
from driving_client.motion import (
    ARKIT_NAMES,
    FRAME_RATE,
    FloatArray,
    MotionSample,
    MotionTrack,
    ParameterSpace,
)
from driving_client.retarget.mouth import arkit_mouth
from driving_client.utterance import Samples, Utterance

logger = logging.getLogger(__name__)

RUN_IN_S: Final = 1.0
"""Sound before the first instant wanted: what the model's window and its levels reach back."""

_AHEAD_S: Final = 0.2
"""How far the rows are kept ahead of the position: a slow frame must still find some."""

_CATCH_UP: Final = 4.0
READY_AFTER_S: Final = RUN_IN_S / (_CATCH_UP - 1) + 0.1
"""After so long the lips are ready for what is heard."""

_LONGEST_FRAME_S: Final = 0.5


class Mouth(Protocol):
    """Mouth controls from a voice, 25 rows a second; `SpeechMouth` is it."""

    def feed(self, samples: Samples) -> FloatArray:
        """Rows, shape (n, 6), that these samples completed."""

    def finish(self) -> FloatArray:
        """The rows still owed at the end of the voice."""


MakeMouth = Callable[[int], Mouth]
"""Called with the voice's sample rate; raises DrivingError where the model is damaged."""


class LocalLips:
    """One utterance's lips made from its sound; used by the render thread only."""

    def __init__(self, utterance: Utterance, make_mouth: MakeMouth) -> None:
        self._utterance = utterance
        self._make_mouth = make_mouth
        self._mouth: Mouth | None = None
        self._track = MotionTrack(ParameterSpace.ARKIT)
        self._broken = False
        self._taken = 0
        self._followed = 0.0

    def follow(self, now: float, position_s: float) -> None:
        """Listen on, some way beyond `position_s`; once per frame while lips may be wanted."""
        if self._mouth is None:
            self._begin(now, position_s)
        if self._mouth is None:
            return
        passed = min(now - self._followed, _LONGEST_FRAME_S)
        self._followed = now
        utterance = self._utterance
        if self._track.ended or len(self._track) >= (position_s + _AHEAD_S) * FRAME_RATE:
            return
        ended = utterance.audio_ended
        samples = utterance.audio(self._taken, round(_CATCH_UP * passed * utterance.sample_rate))
        self._taken += len(samples)
        self._add(self._mouth.feed(samples))
        if ended and self._taken >= utterance.audio_length:
            self._add(self._mouth.finish())
            self._track.ended = True

    @property
    def usable(self) -> bool:
        """Whether lips can be hoped for."""
        return not self._broken

    def forget(self) -> None:
        """Lips are not wanted any more; `follow` begins anew."""
        self._mouth = None

    def at(self, position_s: float) -> MotionSample | None:
        """The pose for `position_s`, in ARKit's space; None while it is not made yet."""
        if self._mouth is None:
            return None
        return self._track.sample(position_s)

    def ready(self, position_s: float) -> bool:
        """Whether the pose for `position_s` is its own, not one held for want of another."""
        sample = self.at(position_s)
        return sample is not None and sample.overdue_s == 0

    def _begin(self, now: float, position_s: float) -> None:
        if self._broken:
            return
        try:
            self._mouth = self._make_mouth(self._utterance.sample_rate)
        except DrivingError as error:
            self._broken = True
            logger.error("lips cannot follow: %s", error, extra={"code": "speech_model_damaged"})
            return
        place = int(max(position_s - RUN_IN_S, 0.0) * FRAME_RATE)
        # Every rate of the protocol holds a whole number of samples in 1/25 s
        self._taken = place * self._utterance.sample_rate // int(FRAME_RATE)
        self._track = MotionTrack(ParameterSpace.ARKIT)
        self._track.skip_to(place)
        self._followed = now - 1 / FRAME_RATE

    def _add(self, controls: FloatArray) -> None:
        if not len(controls):
            return
        rows = np.zeros((len(controls), ParameterSpace.ARKIT.size), np.float32)
        for row, control in zip(rows, controls, strict=True):
            row[: len(ARKIT_NAMES)] = arkit_mouth(control)
        self._track.append(rows)
