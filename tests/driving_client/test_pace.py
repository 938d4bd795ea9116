# SPDX-License-Identifier: Apache-2.0
"""Sound on lines of every width and length, in their own time: little of it is ever under way."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest
from aiohttp import ClientSession, web
from scripted_endpoint import serving, until, websocket_app

from driving_client.link.pace import MOST_FRAMES, Line, Pace, line_of

FRAME = 668
"""Bytes of 20 ms of PCM, with the heads of its frames."""


class Simulated:
    """A line of so many bytes a second: what is sent waits for its turn, and then for the way."""

    def __init__(self, rate: float, round_trip_s: float) -> None:
        self.now = 0.0
        self.rate = rate
        self.round_trip_s = round_trip_s
        self.free_at = 0.0
        self.sent = 0
        self._due: deque[tuple[float, int]] = deque()
        self._acknowledged = 0

    @property
    def waiting_s(self) -> float:
        """How long what is sent now waits behind what has been."""
        return max(self.free_at - self.now, 0.0)

    def send(self, count: int) -> None:
        self.sent += count
        self.free_at = max(self.free_at, self.now) + count / self.rate
        self._due.append((self.free_at + self.round_trip_s, self.sent))

    def look(self) -> Line:
        while self._due and self._due[0][0] <= self.now:
            _, self._acknowledged = self._due.popleft()
        return Line(self._acknowledged, self.sent - self._acknowledged, self.round_trip_s)


def told(line: Simulated, seconds: float = 60.0) -> tuple[int, list[float]]:
    """Sound sent as the kiosk does: frames that were lost, and how long reports would wait."""
    pace = Pace(line.look, lambda: line.now)
    queue = lost = 0
    waits = []
    for turn in range(int(seconds / 0.02)):
        line.now = turn * 0.02
        queue += 1
        if queue > 100:
            queue, lost = 100, lost + 1
        while queue and pace.room():
            line.send(FRAME)
            pace.sent()
            queue -= 1
        waits.append(line.waiting_s)
    return lost, waits


@pytest.mark.parametrize("round_trip_s", [0.0, 0.02, 0.1, 0.3, 0.6])
def test_a_line_that_carries_it_loses_nothing_whatever_its_length(round_trip_s: float) -> None:
    lost, waits = told(Simulated(60_000.0, round_trip_s))
    assert lost == 0
    assert max(waits) < 0.3


@pytest.mark.parametrize("round_trip_s", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("rate", [2_000.0, 8_000.0, 16_000.0, 30_000.0])
def test_a_slow_line_is_used_and_a_report_waits_for_little(
    rate: float, round_trip_s: float
) -> None:
    line = Simulated(rate, round_trip_s)
    lost, waits = told(line)
    assert lost > 0
    worst = max(0.3 + round_trip_s, 2.1 * FRAME / rate)  # it is learned a round trip late
    assert max(waits[50:]) < worst
    assert line.sent > 0.3 * rate * 60


def test_a_line_that_stands_still_for_a_while_holds_little_and_goes_on() -> None:
    line = Simulated(60_000.0, 0.05)
    assert told(line, 10.0)[0] == 0
    line.free_at = 1000.0  # nothing gets through for long
    pace = Pace(line.look, lambda: line.now)
    while pace.room():
        line.send(FRAME)
        pace.sent()
    assert line.look().under_way <= 10 * FRAME
    line.now = 1100.0
    assert pace.room()


def test_an_ended_connection_holds_nobody_up() -> None:
    pace = Pace(lambda: None)
    for _ in range(3 * MOST_FRAMES):
        assert pace.room()
        pace.sent()


def test_a_real_connection_tells_what_has_arrived() -> None:
    async def story() -> None:
        received = asyncio.Event()

        async def take(socket: web.WebSocketResponse, _request: web.Request) -> None:
            await socket.receive()
            received.set()
            await socket.receive()

        async with serving(websocket_app(take)) as address, ClientSession() as session:
            socket = await session.ws_connect(f"ws://{address}/relay")
            before = line_of(socket)
            assert before is not None
            await socket.send_bytes(bytes(5000))
            await received.wait()
            await until(lambda: line_of(socket).under_way == 0)  # type: ignore[union-attr]
            after = line_of(socket)
            assert after is not None
            assert after.acknowledged - before.acknowledged == 5000 + 8
            assert 0 < after.round_trip_s < 10
            await socket.close()
            assert line_of(socket) is None

    asyncio.run(story())
