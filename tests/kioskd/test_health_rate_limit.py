# SPDX-License-Identifier: Apache-2.0
"""How often another machine may ask: a flood is turned away, everybody else is served."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from driving_client.serving.rate_limit import (
    BURST,
    MAX_ADDRESSES,
    RATE,
    WRONG_TOKEN_COST,
    RateLimit,
)
from kioskd.http.access import guard

TOKEN = "a-token-long-enough"


def test_a_burst_is_served_and_then_the_rate() -> None:
    limit = RateLimit()
    served = sum(limit.take("192.0.2.1", 0.0) == 0.0 for _ in range(500))
    assert served == BURST
    assert limit.take("192.0.2.1", 0.0) == pytest.approx(1 / RATE)
    assert limit.take("192.0.2.2", 0.0) == 0.0, "others are not held up"
    served = sum(limit.take("192.0.2.1", 1.0) == 0.0 for _ in range(500))
    assert served == RATE


@given(gaps=st.lists(st.floats(0, 2), min_size=1, max_size=300), cost=st.floats(0.5, 50))
def test_no_pattern_of_asking_gets_more(gaps: list[float], cost: float) -> None:
    limit = RateLimit()
    now, taken = 0.0, 0.0
    for gap in gaps:
        now += gap
        wait_s = limit.take("192.0.2.1", now, cost)
        if wait_s == 0.0:
            taken += cost
        else:
            assert limit.take("192.0.2.1", now + wait_s + 1e-6, cost) == 0.0, "as was told"
            now += wait_s + 1e-6
            taken += cost
    assert taken <= BURST + RATE * now + 1e-3


def test_the_table_does_not_grow_and_a_network_is_one() -> None:
    limit = RateLimit()
    for number in range(10_000):
        limit.take(f"10.0.{number // 256}.{number % 256}", 0.0)
    assert len(limit._buckets) == MAX_ADDRESSES
    served = sum(limit.take(f"2001:db8::{number:x}", 9.0) == 0.0 for number in range(500))
    assert served == BURST
    served = sum(limit.take("192.0.2.9", 9.0) == 0.0 for _ in range(50))
    served += sum(limit.take("::ffff:192.0.2.9", 9.0) == 0.0 for _ in range(100))
    assert served == BURST, "one machine, however its address is written"
    assert limit.take("fe80::1%eth0", 9.0) == 0.0
    assert limit.take("", 9.0) == 0.0, "a Unix socket has no address"


def test_many_machines_together_have_a_limit_too() -> None:
    limit = RateLimit(together=50.0)
    served = sum(limit.take(f"192.0.2.{number % 200}", 0.0) == 0.0 for number in range(500))
    assert served == 150
    assert limit.wait(0.0) == pytest.approx(1 / 50)
    assert limit.take("198.51.100.1", 0.0) == pytest.approx(1 / 50)
    served = sum(limit.take(f"192.0.2.{number % 200}", 1.0) == 0.0 for number in range(500))
    assert served == 50
    assert limit.wait(1.02) == pytest.approx(0.0)


def test_guessing_a_token_is_slow() -> None:
    limit = RateLimit()
    guesses, now = 0, 0.0
    while now < 60.0:
        if limit.take("192.0.2.1", now) == 0.0:
            guesses += 1
            limit.punish("192.0.2.1", now)
        now += 0.01
    assert guesses <= (BURST + 60 * RATE) / WRONG_TOKEN_COST * 1.1


def own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


def test_the_server_turns_a_flood_away_but_never_this_machine() -> None:
    address = own_address()
    now = 100.0

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def statuses(session: aiohttp.ClientSession, url: str, **more: str) -> list[int]:
        found = []
        for _ in range(150):
            async with session.get(url, headers={"Authorization": f"Bearer {TOKEN}"} | more) as got:
                found.append(got.status)
                if got.status == 429:
                    assert int(got.headers["Retry-After"]) >= 1
        return found

    async def story() -> None:
        nonlocal now
        app = web.Application(middlewares=[guard("0.0.0.0", lambda: TOKEN, lambda: now)])
        app.router.add_get("/", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "0.0.0.0", 0).start()
        port = runner.addresses[0][1]
        async with aiohttp.ClientSession() as session:
            flood = await statuses(session, f"http://{address}:{port}/")
            assert flood == [200] * int(BURST) + [429] * (150 - int(BURST))
            assert set(await statuses(session, f"http://127.0.0.1:{port}/")) == {200}
            now += 2.5
            wrong = await statuses(session, f"http://{address}:{port}/", Authorization="Bearer no")
            allowed = int(2.5 * RATE / WRONG_TOKEN_COST) + 1
            assert wrong[:allowed] == [401] * allowed
            assert set(wrong[allowed + 1 :]) == {429}
        await runner.cleanup()

    asyncio.run(story())
