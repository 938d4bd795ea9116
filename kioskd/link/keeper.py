# SPDX-License-Identifier: Apache-2.0
"""Keeps one link to the endpoint that is configured, and what health and metrics say of it.

The player outlives links: a reload may bring another endpoint, so the player and the voice
input speak to the keeper, and the keeper to whatever link there is. A link bears what its peer
sends; an exception that comes out of it all the same is a `link_fault` too, and the link is
begun anew: it never ends the daemon.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from driving_client.errors import DrivingError, LinkError
from driving_client.faults import FaultLog
from driving_client.link.heard import HEARD_RATE, Heard
from driving_client.link.interface import (
    EventSink,
    Link,
    LinkCounters,
    LinkDown,
    LinkEvent,
    LinkUp,
    PlaybackState,
    VoiceStream,
)
from driving_client.utterance import Samples, Utterance
from kioskd.link.snapshot import LinkSnapshot
from kioskd.metrics import Metrics

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0

MakeLink = Callable[[EventSink], Link]


class LinkKeeper:
    """Runs the link on the io thread; `snapshot` may be read from any."""

    def __init__(self, forward: EventSink, metrics: Metrics) -> None:
        self._forward = forward
        self._metrics = metrics
        self._link: Link | None = None
        self._replaced = asyncio.Event()
        self._seen = LinkCounters()
        self._faults = FaultLog()
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
        wait_s = FIRST_WAIT_S
        while True:
            self._replaced.clear()
            link = self._link
            assert link is not None
            running = asyncio.ensure_future(link.run())
            replaced = asyncio.ensure_future(self._replaced.wait())
            try:
                await asyncio.wait({running, replaced}, return_when=asyncio.FIRST_COMPLETED)
                if replaced.done():
                    wait_s = FIRST_WAIT_S
                elif (error := _error_of(running)) is None:
                    await replaced  # it gave up for good: only a reload brings another
                else:
                    self._tell_fault("running the link", error)
                    self._on_event(link, LinkDown(f"link_fault: {error!r:.200}", wait_s))
                    await asyncio.wait({replaced}, timeout=wait_s)
                    wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            finally:
                running.cancel()
                replaced.cancel()
                # Not `await running`: its cancellation could not be told from our own
                await asyncio.wait({running})

    def report_playback(self, request_id: str, state: PlaybackState, played_ms: int) -> None:
        """Pass on what became of an utterance; from any thread."""
        link = self._link
        if link is not None:
            with contextlib.suppress(LinkError), self._guard("reporting playback"):
                link.report_playback(request_id, state, played_ms)

    def report_heard(self, heard: Heard) -> None:
        """Pass on what was heard; from any thread."""
        link = self._link
        if link is not None:
            with contextlib.suppress(LinkError), self._guard("reporting what was heard"):
                link.report_heard(heard)

    @property
    def microphone_samples_sent(self) -> int:
        """Samples of the visitor's sound that this link has sent to its endpoint."""
        return 0 if self._link is None else self._link.counters.microphone_samples_sent

    def begin_voice(self, sample_rate: int) -> VoiceStream:
        """Start a local voice; on the io thread. It and its stream raise only DrivingError."""
        assert self._link is not None
        with self._guard("beginning a voice"):
            return _GuardedVoice(self._link.begin_voice(sample_rate), self._guard)

    def count(self) -> None:
        """Add what the link's counters have grown by to the metrics."""
        if self._link is None:
            return
        counters, seen = self._link.counters, self._seen
        now = replace(counters, failures=dict(counters.failures))
        metrics = self._metrics
        for metric, total, before in (
            (metrics.link_bytes.labels("received"), now.bytes_received, seen.bytes_received),
            (metrics.link_bytes.labels("sent"), now.bytes_sent, seen.bytes_sent),
            (metrics.link_sessions, now.connects, seen.connects),
            (metrics.link_messages, now.messages_received, seen.messages_received),
            (metrics.link_late_messages, now.late_messages, seen.late_messages),
            (metrics.link_frames_dropped, now.frames_dropped, seen.frames_dropped),
        ):
            metric.inc(total - before)
        dropped = now.microphone_samples_dropped - seen.microphone_samples_dropped
        metrics.link_microphone_dropped.inc(dropped / HEARD_RATE)
        for code, total in now.failures.items():
            self._count_errors(code, total - seen.failures.get(code, 0))
        self._seen = now

    def _count_errors(self, code: str, count: int) -> None:
        self._metrics.link_errors.labels(code).inc(count)
        if code == "link_fault":
            self._metrics.link_faults.inc(count)
        elif code == "protocol_error":
            self._metrics.link_bad_frames.inc(count)

    @contextlib.contextmanager
    def _guard(self, where: str) -> Iterator[None]:
        """Turns an unexpected exception into a LinkError, logged and counted."""
        try:
            yield
        except DrivingError:
            raise
        except Exception as error:
            self._tell_fault(where, error)
            raise LinkError(f"an internal error while {where}; see its log") from error

    def _tell_fault(self, where: str, error: BaseException) -> None:
        self._faults.tell(where, error)
        self._count_errors("link_fault", 1)

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


def _error_of(task: asyncio.Future[None]) -> BaseException | None:
    """What ended a task that is done; a task that ended itself as if cancelled is a fault too."""
    return asyncio.CancelledError() if task.cancelled() else task.exception()


class _GuardedVoice:
    """Implements VoiceStream; what fails in it unexpectedly is the link's fault, not the server's.

    `guard` is LinkKeeper's.
    """

    def __init__(
        self,
        stream: VoiceStream,
        guard: Callable[[str], contextlib.AbstractContextManager[None]],
    ) -> None:
        self._stream = stream
        self._guard = guard

    @property
    def utterance(self) -> Utterance:
        """See VoiceStream."""
        return self._stream.utterance

    def write(self, samples: Samples) -> None:
        """See VoiceStream."""
        with self._guard("taking a voice"):
            self._stream.write(samples)

    def end(self) -> None:
        """See VoiceStream. Never raises: the caller is done with the voice."""
        with contextlib.suppress(LinkError), self._guard("ending a voice"):
            self._stream.end()
