# SPDX-License-Identifier: Apache-2.0
"""The keeper changes links while they run: nothing is lost of the old one, nothing hangs."""

from __future__ import annotations

import asyncio

import pytest

from driving_client.link import LinkDown, LinkEvent, LinkUp
from kioskd.metrics import Metrics
from kioskd.service.link_keeper import LinkKeeper
from kioskd.service.local_links import NoLink


class SlowLink(NoLink):
    """Up at once; its end takes a moment, as closing a socket does."""

    async def run(self) -> None:
        self._sink(LinkUp("slow"))
        self.counters.bytes_received += 7
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.1)


def test_a_link_that_is_replaced_is_told_down_and_its_bytes_are_counted() -> None:
    events: list[LinkEvent] = []
    metrics = Metrics()

    async def story() -> None:
        keeper = LinkKeeper(events.append, metrics)
        keeper.use(SlowLink, configured=True)
        running = asyncio.create_task(keeper.run())
        await asyncio.sleep(0.02)
        assert keeper.snapshot.up
        keeper.use(NoLink, configured=False)
        assert not keeper.snapshot.up
        await asyncio.sleep(0.2)
        keeper.count()
        running.cancel()

    asyncio.run(story())
    assert [type(event) for event in events] == [LinkUp, LinkDown]
    received = {"direction": "received"}
    assert metrics.registry.get_sample_value("kiosk_link_bytes_total", received) == 7
    assert metrics.registry.get_sample_value("kiosk_link_up") == 0


def test_a_shutdown_while_a_link_is_being_replaced_ends_it() -> None:
    async def story() -> None:
        keeper = LinkKeeper(lambda _event: None, Metrics())
        keeper.use(SlowLink, configured=True)
        running = asyncio.create_task(keeper.run())
        await asyncio.sleep(0.02)
        keeper.use(SlowLink, configured=True)
        await asyncio.sleep(0.02)
        running.cancel()
        done, _ = await asyncio.wait({running}, timeout=1.0)
        assert done
        with pytest.raises(asyncio.CancelledError):
            running.result()

    asyncio.run(story())
