# SPDX-License-Identifier: Apache-2.0
"""One utterance as relay frames, in order and with the time each may go out.

Audio goes in pieces of 100 ms, motion in the service's batches, each batch ahead of the audio
that it belongs to. The first half second goes out at once, so that playback can start; the
rest at `speed` times real time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from driving_client.endpoint.batches import FIRST_BATCH, NEXT_BATCH
from driving_client.motion import FRAME_RATE, FloatArray
from driving_client.utterance import Samples
from driving_client.wire.messages import Animation
from driving_client.wire.relay_frames import AudioFrame, MetadataFrame, MotionFrame, RelayFrame

AUDIO_PIECE_S: Final = 0.1
HEAD_START_S: Final = 0.5


def relay_frames(
    metadata: MetadataFrame, samples: Samples, frames: FloatArray, speed: float
) -> Iterator[tuple[float, RelayFrame]]:
    """Pairs of (seconds after the utterance's start, frame)."""
    yield 0.0, metadata
    piece = round(AUDIO_PIECE_S * metadata.sample_rate)
    position, batch = 0, FIRST_BATCH
    motion_done = False
    for start in range(0, max(len(samples), 1), piece):
        seconds = start / metadata.sample_rate
        due = max(seconds - HEAD_START_S, 0.0) / speed
        while not motion_done and position <= seconds * FRAME_RATE:
            part = frames[position : position + batch]
            position += len(part)
            batch = NEXT_BATCH
            motion_done = position >= len(frames)
            message = Animation(metadata.request_id, part, motion_done, metadata.connection_id)
            yield due, MotionFrame((message,), motion_done)
        end = start + piece
        yield due, AudioFrame(samples[start:end], last=end >= len(samples))
