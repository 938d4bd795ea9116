# SPDX-License-Identifier: Apache-2.0
"""Keeps one link to the endpoint that is configured, and what health and metrics say of it.

The player outlives links: a reload may bring another endpoint, so the player and the voice
input speak to the keeper, and the keeper to whatever link there is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from driving_client.link import (
    EventSink,
    Link,
    LinkCounters,
    LinkDown,
    LinkEvent,
    LinkUp,
    PlaybackState,
    VoiceStream,
)
from kioskd.health.sources import LinkSnapshot
from kioskd.metrics import Metrics

MakeLink = Callable[[EventSink], Link]


class LinkKeeper:
    """Runs the link on the io thread; `snapshot` may be read from any."""

    def __init__(self, forward: EventSink, metrics: Metrics) -> None:
        self._forward = forward
        self._metrics = metrics
        self._link: Link | None = None
        self._replaced = asyncio.Event()
        self._seen = LinkCounters()
        self.snapshot = LinkSnapshot(configured=False, since=time.monotonic())

    def use(self, make: MakeLink, *, configured: bool) -> None:
        """Take another link from now on; the old one is ended. On the io thread once it runs."""
        self.count()
        was_up = self.snapshot.up
        self.snapshot = LinkSnapshot(configured=configured, since=time.monotonic())
        self._seen = LinkCounters()
        self._link = link = make(lambda event: self._on_event(link, event))
        self._metrics.link_up.set(0)
        self._replaced.set()
        if was_up:
            self._forward(LinkDown("another endpoint is configured", 0.0))

    async def run(self) -> None:
        """Run the link, and the next one when it is replaced; until cancelled."""
        while True:
            self._replaced.clear()
            link = self._link
            assert link is not None
            running = asyncio.ensure_future(link.run())
            replaced = asyncio.ensure_future(self._replaced.wait())
            try:
                await asyncio.wait({running, replaced}, return_when=asyncio.FIRST_COMPLETED)
                if running.done() and not replaced.done():
                    running.result()
                    await replaced  # it gave up for good: only a reload brings another
            finally:
                running.cancel()
                replaced.cancel()
                # Not `await running`: its cancellation could not be told from our own
                await asyncio.wait({running})

    def report_playback(self, request_id: str, state: PlaybackState, played_ms: int) -> None:
        """Pass on what became of an utterance; from any thread."""
        link = self._link
        if link is not None:
            link.report_playback(request_id, state, played_ms)

    def begin_voice(self, sample_rate: int) -> VoiceStream:
        """Start a local voice; on the io thread."""
        assert self._link is not None
        return self._link.begin_voice(sample_rate)

    def count(self) -> None:
        """Add what the link's counters have grown by to the metrics."""
        if self._link is None:
            return
        counters, seen = self._link.counters, self._seen
        received, sent = counters.bytes_received, counters.bytes_sent
        self._metrics.link_bytes.labels("received").inc(max(received - seen.bytes_received, 0))
        self._metrics.link_bytes.labels("sent").inc(max(sent - seen.bytes_sent, 0))
        self._seen = LinkCounters(bytes_received=received, bytes_sent=sent)

    def _on_event(self, link: Link, event: LinkEvent) -> None:
        if link is not self._link:
            return  # the last words of a link that has been replaced
        if isinstance(event, LinkUp):
            self._metrics.link_up.set(1)
            self._set(up=True, connection_id=event.connection_id)
        elif isinstance(event, LinkDown):
            self._metrics.link_up.set(0)
            self._metrics.link_failures.inc()
            self._set(fatal=event.fatal, reason=event.reason, retry_in_s=event.retry_in_s)
        self._forward(event)

    def _set(
        self,
        *,
        up: bool = False,
        fatal: bool = False,
        reason: str = "",
        retry_in_s: float | None = None,
        connection_id: str = "",
    ) -> None:
        self.snapshot = LinkSnapshot(
            configured=self.snapshot.configured,
            up=up,
            fatal=fatal,
            reason=reason,
            retry_in_s=retry_in_s,
            connection_id=connection_id,
            since=time.monotonic(),
        )
