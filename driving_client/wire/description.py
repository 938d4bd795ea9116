# SPDX-License-Identifier: Apache-2.0
"""What `python -m driving_client decode` prints: a recording's messages and its motion's ranges."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from driving_client.motion import FLAME_SLICES, FRAME_RATE
from driving_client.wire.recording import Recording


def recording_lines(recording: Recording) -> Iterator[str]:
    """The report line by line."""
    yield f"{recording.name}: request {recording.request_id}"
    seconds = len(recording.audio) / recording.sample_rate
    yield f"audio: {seconds:.2f} s at {recording.sample_rate} Hz, mono s16le"
    total = sum(len(message.frames) for message in recording.messages)
    yield (
        f"motion: {total} keyframes in {len(recording.messages)} messages, "
        f"{total / FRAME_RATE:.2f} s at {FRAME_RATE:g} frames a second"
    )
    yield ""
    yield "message  keyframes  dropped  from s  end"
    start = 0
    for number, message in enumerate(recording.messages, 1):
        yield (
            f"{number:7d}  {len(message.frames):9d}  {message.dropped:7d}  "
            f"{start / FRAME_RATE:6.2f}  {'end' if message.end else '-'}"
        )
        start += len(message.frames)
    if total:
        frames = np.concatenate([message.frames for message in recording.messages])
        yield ""
        yield "field        values  moving      min      max"
        for name, part in FLAME_SLICES.items():
            values = frames[:, part]
            moving = int((np.ptp(values, axis=0) > 1e-6).sum())
            yield (
                f"{name:<11s}  {values.shape[1]:6d}  {moving:6d}  "
                f"{values.min():7.3f}  {values.max():7.3f}"
            )
