# SPDX-License-Identifier: Apache-2.0
"""One utterance as relay frames, in order and with the time each may go out.

Audio goes in pieces of 100 ms, motion in the service's batches, each batch ahead of the audio
that it belongs to. The first half second goes out at once, so that playback can start; the
rest at `speed` times real time. An utterance may be made piece by piece: what ends it is sent by
itself, for nobody knows of a piece that no other follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from driving_client.endpoint.batches import FIRST_BATCH, NEXT_BATCH
from driving_client.motion import FRAME_RATE, FloatArray
from driving_client.utterance import Samples
from driving_client.wire.messages import Animation
from driving_client.wire.relay_frames import AudioFrame, MetadataFrame, MotionFrame, RelayFrame

AUDIO_PIECE_S: Final = 0.1
HEAD_START_S: Final = 0.5


class RelayStream:
    """Each method gives pairs of (seconds after the utterance's start, frame)."""

    def __init__(self, metadata: MetadataFrame, speed: float) -> None:
        self._metadata = metadata
        self._speed = speed
        self._samples = 0
        self._batch = FIRST_BATCH

    @property
    def seconds(self) -> float:
        """Length of what has been given."""
        return self._samples / self._metadata.sample_rate

    def piece(self, samples: Samples, frames: FloatArray) -> Iterator[tuple[float, RelayFrame]]:
        """The next of the speech and its motion, of which frame 0 belongs to sample 0."""
        if not self._samples:
            yield 0.0, self._metadata
        rate = self._metadata.sample_rate
        step = round(AUDIO_PIECE_S * rate)
        position = 0
        for start in range(0, len(samples), step):
            while position < len(frames) and position <= start / rate * FRAME_RATE:
                part = frames[position : position + self._batch]
                position += len(part)
                self._batch = NEXT_BATCH
                yield self._due(), MotionFrame((self._animation(part, end=False),), last=False)
            part_of_audio = samples[start : start + step]
            due = self._due()
            self._samples += len(part_of_audio)
            yield due, AudioFrame(part_of_audio, last=False)

    def end(self) -> Iterator[tuple[float, RelayFrame]]:
        """Nothing more of it will come."""
        nothing = np.zeros((0, 120), np.float32)
        yield self._due(), MotionFrame((self._animation(nothing, end=True),), last=True)
        yield self._due(), AudioFrame(np.zeros(0, np.int16), last=True)

    def _due(self) -> float:
        return max(self.seconds - HEAD_START_S, 0.0) / self._speed

    def _animation(self, frames: FloatArray, *, end: bool) -> Animation:
        return Animation(self._metadata.request_id, frames, end, self._metadata.connection_id)
