# SPDX-License-Identifier: Apache-2.0
"""Motion in the service's chunks and pace, by the clock of the test's own loop."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from own_time_loop import run_in_own_time

from driving_client.endpoint.batches import PATIENCE_S, QUIET_S, MotionBatches

Sent = list[tuple[float, int, bool]]


def rows(count: int) -> np.ndarray:
    return np.zeros((count, 120), np.float32)


class Stream:
    """Batches whose sending is noted: seconds after the beginning, frames, whether the last."""

    def __init__(self, speed: float) -> None:
        self.sent: Sent = []
        self._now = asyncio.get_running_loop().time
        self._begin = self._now()
        self.batches = MotionBatches(self._send, speed)
        self.running = asyncio.create_task(self.batches.run())

    async def _send(self, frames: np.ndarray, end: bool) -> None:
        self.sent.append((pytest.approx(self._now() - self._begin, abs=1e-6), len(frames), end))


def test_the_pace_is_about_three_times_real_time() -> None:
    """The recording of the real service: 507 frames as 50, four times 100, and 57."""

    async def story() -> Sent:
        stream = Stream(3.0)
        stream.batches.push(rows(507))
        stream.batches.end()
        await stream.running
        return stream.sent

    due = [0, 50 / 75, 150 / 75, 250 / 75, 350 / 75, 450 / 75]
    sizes = [50, 100, 100, 100, 100, 57]
    assert run_in_own_time(story()) == list(zip(due, sizes, [*[False] * 5, True], strict=True))


def test_motion_of_a_voice_that_is_still_being_made_does_not_wait_for_50_frames() -> None:
    async def story() -> Sent:
        stream = Stream(3.0)
        await asyncio.sleep(1.0)
        stream.batches.push(rows(7))
        await asyncio.sleep(1.0)
        stream.batches.end()
        await stream.running
        return stream.sent

    assert run_in_own_time(story()) == [(1.0 + QUIET_S, 7, False), (2.0, 0, True)]


def test_frames_that_come_one_by_one_wait_for_each_other_so_long_and_no_longer() -> None:
    """One each 30 ms, so never quiet: the oldest of a batch has waited for 120 ms, no more."""

    async def story() -> Sent:
        stream = Stream(1000.0)
        for _ in range(12):
            stream.batches.push(rows(1))
            await asyncio.sleep(0.75 * QUIET_S)
        stream.batches.end()
        await stream.running
        return stream.sent

    assert (QUIET_S, PATIENCE_S) == (0.04, 0.12)
    assert run_in_own_time(story()) == [(0.12, 5, False), (0.27, 5, False), (0.36, 2, True)]
