# SPDX-License-Identifier: Apache-2.0
"""One utterance: a request's audio and motion on one time axis, in any order and chunking.

Written by the network's thread, read by the audio and render threads; one lock, held only
for copies. Times are seconds of this utterance's audio. Voice and motion may come from
different sources and either may fail alone: `fail_motion` makes the utterance audio-only
and keeps the sound untouched.
"""

from __future__ import annotations

import threading
import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from driving_client.errors import ProtocolError
from driving_client.motion import FloatArray, MotionSample, MotionTrack, ParameterSpace
from driving_client.motion_failure import MotionFailure, MotionReason
from driving_client.sample_rates import rate_fault

Samples = NDArray[np.int16]

MAX_SECONDS: Final = 600.0
"""An utterance longer than this is refused: 58 MB at 48 kHz is where a board still copes."""


class Utterance:
    """Audio and motion of one request id.

    `motion_offset_s` is a property of the endpoint: frame i is shown at i / rate plus it.
    """

    def __init__(
        self,
        request_id: str,
        sample_rate: int,
        *,
        space: ParameterSpace = ParameterSpace.FLAME,
        motion_offset_s: float = 0.0,
    ) -> None:
        if fault := rate_fault(sample_rate):
            raise ProtocolError(
                f"utterance {request_id}: {fault}; resample the audio before sending it"
            )
        self.request_id = request_id
        self.sample_rate = sample_rate
        self._lock = threading.Lock()
        self._motion_offset_s = motion_offset_s
        self._track = MotionTrack(space)
        self._audio: Samples = np.zeros(sample_rate, np.int16)
        self._audio_length = 0
        self._audio_ended = False
        self._motion_failure: MotionReason | None = None
        self._first_motion: float | None = None

    def append_audio(self, samples: Samples) -> None:
        """Add mono samples; ignored after `end_audio`; raises ProtocolError past MAX_SECONDS."""
        with self._lock:
            if self._audio_ended:
                return
            needed = self._audio_length + len(samples)
            if needed > MAX_SECONDS * self.sample_rate:
                raise ProtocolError(
                    f"utterance {self.request_id}: more than {MAX_SECONDS:.0f} s of audio; "
                    "split the speech into several requests"
                )
            if needed > len(self._audio):
                grown = np.zeros(max(needed, 2 * len(self._audio)), np.int16)
                grown[: self._audio_length] = self._audio[: self._audio_length]
                self._audio = grown
            self._audio[self._audio_length : needed] = samples
            self._audio_length = needed

    def end_audio(self) -> None:
        """No more audio will come. Repeated ends count once."""
        with self._lock:
            self._audio_ended = True

    def append_motion(self, frames: FloatArray) -> None:
        """Add frames, shape (n, space.size); ignored once motion has ended or failed."""
        with self._lock:
            if self._track.ended or self._motion_failure is not None or len(frames) == 0:
                return
            self._check_motion_place(self._track.next_place + len(frames))
            self._track.append(frames)
            if self._first_motion is None:
                self._first_motion = time.monotonic()

    def skip_motion(self, count: int) -> None:
        """Leave `count` places without motion: their frames came, but were unusable."""
        with self._lock:
            if self._track.ended or self._motion_failure is not None:
                return
            place = self._track.next_place + count
            self._check_motion_place(place)
            self._track.skip_to(place)

    def _check_motion_place(self, place: int) -> None:
        if place > MAX_SECONDS * self._track.rate:
            raise ProtocolError(
                f"utterance {self.request_id}: more than {MAX_SECONDS:.0f} s of motion; "
                "split the speech into several requests"
            )

    def end_motion(self) -> None:
        """No more motion will come; an end without any frame is a failure, EMPTY."""
        with self._lock:
            self._track.ended = True
            if len(self._track) == 0 and self._motion_failure is None:
                self._motion_failure = MotionFailure.EMPTY

    def fail_motion(self, reason: MotionReason) -> None:
        """Motion failed (link lost, server error, timeout): audio goes on alone."""
        with self._lock:
            if not self._track.ended and self._motion_failure is None:
                self._motion_failure = reason

    def restore_motion(self, place: int = 0) -> None:
        """Motion that had failed is coming again (the link is back), from frame `place` on.

        The next frame appended is for `place` / rate seconds, or follows the last one where
        that is later. Motion that had ended empty does not come again.
        """
        with self._lock:
            if self._motion_failure is not MotionFailure.EMPTY:
                self._motion_failure = None
                self._track.skip_to(place)

    def audio(self, start: int, count: int) -> Samples:
        """Copy up to `count` samples from sample `start`; shorter where they have not come."""
        with self._lock:
            return self._audio[start : min(start + count, self._audio_length)].copy()

    def motion_at(self, seconds: float) -> MotionSample | None:
        """Motion for this instant of the audio, or None where no frame has come so far."""
        with self._lock:
            return self._track.sample(seconds - self._motion_offset_s)

    def motion_frames(self) -> FloatArray:
        """All places so far, shape (n, space.size), as a copy; breaks hold the frame before."""
        with self._lock:
            return self._track.frames()

    @property
    def space(self) -> ParameterSpace:
        """The space of this utterance's motion."""
        return self._track.space

    @property
    def audio_length(self) -> int:
        """Samples that have arrived."""
        with self._lock:
            return self._audio_length

    @property
    def audio_seconds(self) -> float:
        """Seconds of audio that have arrived."""
        return self.audio_length / self.sample_rate

    @property
    def audio_ended(self) -> bool:
        """Whether the last of the audio has come."""
        with self._lock:
            return self._audio_ended

    @property
    def motion_length(self) -> int:
        """Places up to the last frame that has arrived (breaks count)."""
        with self._lock:
            return len(self._track)

    @property
    def next_motion_place(self) -> int:
        """The frame that motion appended now would begin with."""
        with self._lock:
            return self._track.next_place

    @property
    def motion_ended(self) -> bool:
        """Whether the last of the motion has come."""
        with self._lock:
            return self._track.ended

    @property
    def motion_failure(self) -> MotionReason | None:
        """Why this utterance has no (more) motion, or None."""
        with self._lock:
            return self._motion_failure

    @property
    def first_motion(self) -> float | None:
        """`time.monotonic()` at the first motion frame's arrival, or None."""
        with self._lock:
            return self._first_motion
