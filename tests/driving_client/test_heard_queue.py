# SPDX-License-Identifier: Apache-2.0
"""Sound between two threads: in order, the newest two seconds, whatever comes when."""

from __future__ import annotations

import asyncio

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from driving_client.link.heard import HeardSound
from driving_client.link.heard_queue import STEP, HeardQueue

FRAME = 160
frames = st.lists(st.sampled_from([0, 0, 0, 0, 0, 0, FRAME, 5 * FRAME]), max_size=300)
"""How much sound is missing before each frame."""


def sounds(gaps: list[int]) -> list[HeardSound]:
    position, made = 0, []
    for gap in gaps:
        position += gap
        samples = np.full(FRAME, (position // FRAME) % 30_000, np.int16)
        made.append(HeardSound(samples, position))
        position += FRAME
    return made


async def all_of(queue: HeardQueue) -> list[HeardSound]:
    taken = []
    while True:
        try:
            async with asyncio.timeout(0):
                taken.append(await queue.next())
        except TimeoutError:
            return taken


@given(frames, st.integers(0, 300))
def test_what_comes_out_is_the_newest_in_order_and_the_rest_is_counted(
    gaps: list[int], taken_after: int
) -> None:
    put = sounds(gaps)

    async def story() -> None:
        queue = HeardQueue()
        for sound in put[:taken_after]:
            queue.put(sound)
        taken = await all_of(queue)
        for sound in put[taken_after:]:
            queue.put(sound)
        assert len(queue._pieces) <= 100
        taken += await all_of(queue)
        assert all(len(sound.samples) <= STEP for sound in taken)
        positions = [
            position
            for sound in taken
            for position in range(sound.position, sound.position + len(sound.samples), FRAME)
        ]
        assert positions == sorted(set(positions))
        for sound in taken:
            expected = [(sound.position + at) // FRAME % 30_000 for at in range(len(sound.samples))]
            assert (sound.samples == expected).all(), "the samples are those of their position"
        waiting = sum(len(piece.samples) for piece in queue._pieces)
        assert waiting < STEP, "only half a step waits for its other half"
        out = sum(len(sound.samples) for sound in taken)
        assert out + waiting + queue.take_dropped() == FRAME * len(put)
        assert queue.take_dropped() == 0

    asyncio.run(story())


def test_who_waits_is_woken_from_another_thread_and_once_for_much() -> None:
    async def story() -> None:
        queue = HeardQueue()
        loop = asyncio.get_running_loop()
        wakes: list[object] = []
        call = loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *a: (wakes.append(a), call(*a))[1]  # type: ignore
        waiting = asyncio.ensure_future(queue.next())
        await asyncio.sleep(0)
        hears = asyncio.get_running_loop().run_in_executor(
            None, lambda: [queue.put(sound) for sound in sounds([0] * 60)]
        )
        async with asyncio.timeout(60):
            assert (await waiting).position == 0
            await hears
        assert [(await queue.next()).position for _ in range(29)] == [*range(320, 9600, 320)]
        own = [each for each in wakes if each[0] == queue._filled.set]
        assert 1 <= len(own) <= 3, "not once for every frame"

    asyncio.run(story())


def test_a_loop_that_has_ended_costs_the_ears_nothing() -> None:
    async def made() -> HeardQueue:
        return HeardQueue()

    queue = asyncio.run(made())
    for sound in sounds([0] * 1000):
        queue.put(sound)
    assert queue.take_dropped() == 1000 * FRAME - 100 * STEP
