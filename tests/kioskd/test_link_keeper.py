# SPDX-License-Identifier: Apache-2.0
"""The keeper changes links while they run: nothing is lost of the old one, nothing hangs."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from own_time_loop import run_in_own_time

from driving_client.errors import LinkError
from driving_client.link.interface import (
    EventSink,
    LinkDown,
    LinkEvent,
    LinkUp,
    PlaybackState,
    VoiceStream,
)
from driving_client.link.local_voice import LocalVoice
from driving_client.utterance import Utterance
from kioskd.link import keeper as link_keeper
from kioskd.link.keeper import LinkKeeper
from kioskd.link.local_links import NoLink
from kioskd.metrics import Metrics


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

    run_in_own_time(story())
    assert [type(event) for event in events] == [LinkUp, LinkDown]
    received = {"direction": "received"}
    assert metrics.registry.get_sample_value("kiosk_link_bytes_total", received) == 7
    assert metrics.registry.get_sample_value("kiosk_link_up") == 0


class BrokenLink(NoLink):
    """Fails where nobody expects it: twice in its running, then in a voice and in reports."""

    def __init__(self, sink: EventSink) -> None:
        super().__init__(sink)
        self.runs = 0
        self.counters.failures.update(link_fault=2, protocol_error=5)

    async def run(self) -> None:
        self.runs += 1
        if self.runs == 1:
            raise KeyError("odd")
        if self.runs == 2:
            raise asyncio.CancelledError
        await super().run()

    def report_playback(self, request_id: str, state: PlaybackState, played_ms: int) -> None:
        raise TypeError("odd")

    def begin_voice(self, sample_rate: int) -> VoiceStream:
        if sample_rate == 8000:
            raise IndexError("odd")
        utterance = Utterance("x", sample_rate)

        def changed() -> None:
            raise ValueError("odd")

        return LocalVoice(utterance, changed)


def test_a_link_that_breaks_is_a_fault_and_begins_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(link_keeper, "FIRST_WAIT_S", 0.01)
    events: list[LinkEvent] = []
    metrics = Metrics()
    links: list[BrokenLink] = []

    def make(sink: EventSink) -> BrokenLink:
        links.append(BrokenLink(sink))
        return links[0]

    async def story() -> None:
        keeper = LinkKeeper(events.append, metrics)
        keeper.use(make, configured=True)
        running = asyncio.create_task(keeper.run())
        async with asyncio.timeout(60):
            while links[0].runs < 3:
                await asyncio.sleep(0.005)
        assert keeper.snapshot.reason.startswith("link_fault: CancelledError")
        keeper.report_playback("x", PlaybackState.ENDED, 0)
        with pytest.raises(LinkError, match="see its log"):
            keeper.begin_voice(8000)
        voice = keeper.begin_voice(16000)
        with pytest.raises(LinkError, match="see its log"):
            voice.write(np.zeros(1, np.int16))
        voice.end()
        keeper.count()
        keeper.count()
        assert not running.done()
        running.cancel()

    run_in_own_time(story())
    assert [event.reason.split(":")[0] for event in events if isinstance(event, LinkDown)] == [
        "link_fault"
    ] * 2
    assert metrics.registry.get_sample_value("kiosk_link_faults_total") == 2 + 4 + 2
    assert metrics.registry.get_sample_value("kiosk_link_bad_frames_total") == 5
    for code, count in (("link_fault", 8), ("protocol_error", 5)):
        by_code = metrics.registry.get_sample_value("kiosk_link_errors_total", {"code": code})
        assert by_code == count
    assert all(getattr(record, "code", "") == "link_fault" for record in caplog.records)


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

    run_in_own_time(story())
