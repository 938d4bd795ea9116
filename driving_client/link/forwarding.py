# SPDX-License-Identifier: Apache-2.0
"""One utterance's voice on its way up to a driveningress endpoint.

Knows what has been sent under which request id and how far the player is, and so from where
motion is still worth asking for after a lost link.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp
import numpy as np
import soxr

from driving_client.link.interface import PlaybackState
from driving_client.motion import FRAME_RATE
from driving_client.utterance import Samples, Utterance
from driving_client.wire.codec import AudioInput, encode_message

logger = logging.getLogger(__name__)

Send = Callable[[bytes], Awaitable[None]]

_CHUNKS_PER_SECOND: Final = 10


class PlaybackEstimate:
    """Where the player is by its own reports, which come at changes of state only."""

    def __init__(self) -> None:
        self.state: PlaybackState | None = None
        self._played_s = 0.0
        self._at = 0.0

    def report(self, state: PlaybackState, played_ms: int, now: float) -> None:
        """The player's report, received at `now` (monotonic seconds)."""
        self.state, self._played_s, self._at = state, played_ms / 1000, now

    def position(self, now: float) -> float:
        """Seconds of the utterance heard at `now`; while it plays, counted on by the clock."""
        running = self.state is PlaybackState.PLAYING
        return self._played_s + (now - self._at if running else 0.0)


class Forwarding:
    """The voice of one utterance, sent at `session_rate` in pieces of at most 100 ms.

    `request_id` is the id on the wire: that of the utterance at first, a new one after a
    lost link, "" while nothing is being sent. `changed` is to be set when the voice grows;
    `task_ended` hears of the end of each task that sends, and of its exception.
    """

    def __init__(
        self,
        utterance: Utterance,
        session_rate: int,
        task_ended: Callable[[asyncio.Task[None]], None],
    ) -> None:
        self.utterance = utterance
        self.playback = PlaybackEstimate()
        self.changed = asyncio.Event()
        self.request_id = ""
        self.unsent = True
        self._session_rate = session_rate
        self._task_ended = task_ended
        self._task: asyncio.Task[None] | None = None

    def start(self, request_id: str, place: int, send: Send) -> None:
        """Send the voice from motion frame `place` on, also what has still to be made."""
        self.stop()
        self.request_id = request_id
        self.unsent = False
        # Every rate of the protocol holds a whole number of samples in 1/25 s
        first = place * self.utterance.sample_rate // int(FRAME_RATE)
        self._task = asyncio.create_task(self._forward(request_id, first, send))
        self._task.add_done_callback(self._task_ended)

    def stop(self) -> None:
        """Send no more; what comes for the request id is late from now on."""
        self.request_id = ""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def place_to_rejoin(self, now: float) -> int | None:
        """The first frame worth asking for: not there yet, not heard yet; None if there is none."""
        utterance = self.utterance
        heard = min(self.playback.position(now), utterance.audio_seconds)
        place = max(utterance.next_motion_place, int(heard * FRAME_RATE))
        remaining_s = utterance.audio_seconds - place / FRAME_RATE
        return None if utterance.audio_ended and remaining_s < 1 / FRAME_RATE else place

    async def _forward(self, request_id: str, position: int, send: Send) -> None:
        utterance = self.utterance
        resample = _Resampler(utterance.sample_rate, self._session_rate)
        try:
            while True:
                self.changed.clear()
                ended = utterance.audio_ended
                chunk = utterance.audio(position, utterance.sample_rate // _CHUNKS_PER_SECOND)
                position += len(chunk)
                last = ended and position >= utterance.audio_length
                if not len(chunk) and not last:
                    await self.changed.wait()
                    continue
                audio = resample.chunk(chunk, last).astype("<i2").tobytes()
                if audio or last:
                    await send(encode_message(AudioInput(request_id, audio, last)))
                if last:
                    return
        except (aiohttp.ClientError, OSError) as error:
            # The receiving side meets the same end, reports it and asks for the rest later
            logger.debug("voice not sent on: %s", error, extra={"code": "forward_failed"})


class _Resampler:
    """From the voice's rate to the session's, exactly nothing where they agree."""

    def __init__(self, rate_in: int, rate_out: int) -> None:
        self._stream = (
            None
            if rate_in == rate_out
            else soxr.ResampleStream(rate_in, rate_out, 1, dtype="int16")
        )

    def chunk(self, samples: Samples, last: bool) -> Samples:
        if self._stream is None:
            return samples
        resampled: Samples = np.asarray(self._stream.resample_chunk(samples, last=last), np.int16)
        return resampled
