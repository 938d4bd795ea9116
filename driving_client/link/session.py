# SPDX-License-Identifier: Apache-2.0
"""The life of a link that both dialects share: connect, serve, fail, wait, connect again.

A dialect fills in the methods marked so. All of this runs on the network's thread;
what reports may be called from others. An unexpected exception ends
the session as a `link_fault`, and the next one begins after the usual wait.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, ParamSpec, TypeVar

import aiohttp

from driving_client.errors import ProtocolError
from driving_client.faults import FaultLog
from driving_client.link.flood import FloodGuard
from driving_client.link.frame_reader import FrameReader
from driving_client.link.http_answers import no_redirects
from driving_client.link.http_client import uncompressed
from driving_client.link.interface import EventSink, LinkCounters, LinkDown, LinkUp, PlaybackState
from driving_client.link.meter import Meter
from driving_client.link.network import by_way_of
from driving_client.link.outgoing import Outgoing
from driving_client.link.retry import (
    FloodError,
    RetryPolicy,
    SessionError,
    network_fault,
    rule_for_close,
    unexpected_fault,
)
from driving_client.link.server_clock import ServerClock
from driving_client.link.session_record import SessionRecord
from driving_client.link.settings import LinkSettings
from driving_client.link.upgrade import hang_up, open_websocket

logger = logging.getLogger(__name__)

T = TypeVar("T")
P = ParamSpec("P")

WORKS_AFTER_S: Final = 5.0
"""A relay that refuses after the upgrade does so at once; one that has nothing to say is silent."""


class ReconnectingLink(ABC):
    """Base of the two dialects."""

    def __init__(
        self,
        settings: LinkSettings,
        sink: EventSink,
        record: SessionRecord,
        latest: Callable[[], LinkSettings] | None = None,
    ) -> None:
        self._settings = settings
        self._latest = latest or (lambda: settings)
        self._sink = sink
        self._record = record
        self._counters = LinkCounters()
        self._guard = FloodGuard()
        self._faults = FaultLog()
        self._clock = ServerClock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: FrameReader | None = None
        self._outgoing: Outgoing | None = None
        self._confirmed_at: float | None = None
        self._broken_by: SessionError | None = None
        self._noted = False
        self._told = ("", 0)
        self._closing: asyncio.Task[bool] | None = None

    @property
    def counters(self) -> LinkCounters:
        """Traffic and failures so far."""
        return self._counters

    @property
    def connected(self) -> bool:
        """Whether the session is confirmed and stands."""
        return self._confirmed_at is not None

    async def run(self) -> None:
        """Connect, serve and reconnect until cancelled; returns only after a fatal fault."""
        self._loop = asyncio.get_running_loop()
        policy = RetryPolicy(self._settings.backoff)
        while True:
            self._settings = self._latest()
            try:
                meter = Meter()
                async with uncompressed(
                    self._settings.network, middlewares=(no_redirects,), meter=meter
                ) as http:
                    fault = await self._one_session(http, meter)
            except Exception as error:  # noqa: BLE001 – logged with its traceback
                self._faults.tell("serving the endpoint", error)
                fault = unexpected_fault(error)
            finally:
                session_s = self._session_seconds()
                self._confirmed_at = None
                self._socket = self._outgoing = None
                self._guarded(self._lost)
            worked = self._record.has_worked(self._settings.key)
            delay = policy.delay_after(fault, session_s, worked=worked, now=time.monotonic())
            if session_s:
                self._told = ("", 0)
            self._tell_down(fault, delay)
            if delay is None:
                return
            await asyncio.sleep(delay)

    def report_playback(self, request_id: str, state: PlaybackState, played_ms: int) -> None:
        """Tell the endpoint what became of an utterance; may be called from any thread."""
        self._post(self._reported, request_id, state, played_ms)

    @abstractmethod
    async def _address(self, http: aiohttp.ClientSession) -> tuple[str, Mapping[str, str]]:
        """Dialect: URL and headers of the upgrade; may raise SessionError."""

    @abstractmethod
    async def _handshake(self) -> str:
        """Dialect: what makes a fresh socket a session; returns the connection id."""

    @abstractmethod
    def _received(self, message: aiohttp.WSMessage) -> None:
        """Dialect: one text or binary frame; may raise SessionError or ProtocolError."""

    @abstractmethod
    def _lost(self) -> None:
        """Dialect: the session is over, or none came about."""

    @abstractmethod
    def _reported(self, request_id: str, state: PlaybackState, played_ms: int) -> None:
        """Dialect: the player's report, on the network's thread."""

    @abstractmethod
    def _confirmed(self) -> None:
        """Dialect: the session stands; LinkUp has been told."""

    async def _one_session(self, http: aiohttp.ClientSession, meter: Meter) -> SessionError:
        """Connect and serve; returns why it ended."""
        sender: asyncio.Task[None] | None = None
        socket: aiohttp.ClientWebSocketResponse | None = None
        working: asyncio.TimerHandle | None = None
        politely = True
        self._broken_by = None
        self._noted = False
        try:
            url, headers = await self._address(http)
            connecting = open_websocket(http, url, headers, self._settings.heartbeat_s)
            way = by_way_of(self._settings.network, url)
            socket = self._socket = await self._in_time(connecting, "connect_timeout", way)
            self._guard = FloodGuard()
            meter.session_begins()
            self._reader = FrameReader(socket, self._guard, meter)
            self._outgoing = Outgoing(socket, self._counters)
            connection_id = await self._in_time(self._handshake(), "confirm_timeout")
            sender = asyncio.create_task(self._outgoing.run())
            sender.add_done_callback(self._task_ended)
            self._confirmed_at = time.monotonic()
            self._counters.connects += 1
            logger.info(
                "link is up, connection %s", connection_id or "unnamed", extra={"code": "link_up"}
            )
            self._sink(LinkUp(connection_id))
            self._confirmed()
            if connection_id:
                self._works()
            else:  # nothing has confirmed it: only time or a frame can tell
                working = asyncio.get_running_loop().call_later(WORKS_AFTER_S, self._works)
            while True:
                self._receive_checked(await self._receive())
        except SessionError as fault:
            politely = not isinstance(fault, FloodError)
            return fault
        except (aiohttp.ClientError, OSError) as error:
            return network_fault("connection_lost", str(error))
        finally:
            if working is not None:
                working.cancel()
            if sender is not None:
                sender.cancel()
            if socket is not None:
                await hang_up(http, socket, politely=politely)

    async def _in_time(self, step: Awaitable[T], code: str, way: str = "") -> T:
        """The step's result; SessionError `code` if it takes longer than the connect timeout.

        `way` ends its message.
        """
        timeout = self._settings.connect_timeout_s
        try:
            async with asyncio.timeout(timeout):
                return await step
        except TimeoutError as error:
            raise network_fault(code, f"no answer within {timeout:g} s{way}") from error

    async def _receive(self) -> aiohttp.WSMessage:
        """The next text or binary frame; SessionError where the connection ends instead."""
        socket, reader = self._socket, self._reader
        assert socket is not None
        assert reader is not None
        message = await reader.next()
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            self._counters.messages_received += 1
            self._counters.bytes_received += len(message.data)
            return message
        if self._broken_by is not None:
            raise self._broken_by
        code = socket.close_code
        detail = message.extra or socket.exception() or ""
        raise SessionError(f"close_{code}", rule_for_close(code), str(detail))

    def _receive_checked(self, message: aiohttp.WSMessage) -> None:
        """One frame to the dialect; a damaged one is dropped, counted and logged."""
        try:
            self._received(message)
        except ProtocolError as error:
            self._counters.fail("protocol_error")
            logger.warning("frame dropped: %s", error, extra={"code": "protocol_error"})
            self._guard.bad_frame()
        else:
            self._works()

    async def _send(self, data: bytes | str) -> None:
        """Send one frame, waiting while the peer does not read."""
        if self._outgoing is None:
            raise network_fault("connection_lost", "the socket is closed")
        await self._outgoing.send(data)

    def _send_soon(self, data: bytes | str) -> None:
        """Queue one frame; without a session it is dropped, for it would come too late."""
        if self.connected and self._outgoing is not None:
            self._outgoing.put(data)

    def _post(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call it on the network's thread, guarded; from any thread, dropped before `run`."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(
                functools.partial(self._guarded, function, *args, **kwargs)
            )

    def _session_seconds(self) -> float:
        return 0.0 if self._confirmed_at is None else time.monotonic() - self._confirmed_at

    def _works(self) -> None:
        if not self._noted:
            self._noted = True
            self._guarded(self._record.note, self._settings.key)

    def _guarded(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call what nobody waits for; an exception ends the session as a fault."""
        try:
            function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 – logged with its traceback
            self._break(error)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        """For the done callback of a task that nobody waits for."""
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._break(error)

    def _break(self, error: Exception) -> None:
        """An exception outside of receiving: the session ends with it as its fault."""
        self._faults.tell("serving the endpoint", error)
        if self._socket is None or self._broken_by is not None:
            self._counters.fail("link_fault")
            return
        self._broken_by = unexpected_fault(error)
        self._closing = asyncio.ensure_future(self._socket.close())

    def _tell_down(self, fault: SessionError, delay: float | None) -> None:
        """Tell and log; the same fault in a row is logged at its second, fourth, eighth time."""
        self._counters.fail(fault.code)
        kind, times = self._told
        times = times + 1 if kind == fault.code else 1
        self._told = (fault.code, times)
        if delay is None:
            logger.error("link is down for good: %s", fault, extra={"code": "link_fatal"})
        elif times & (times - 1) == 0:
            logger.warning(
                "link is down, next try in %.1f s: %s%s",
                delay,
                fault,
                f" ({times} times in a row)" if times > 1 else "",
                extra={"code": "link_down"},
            )
        self._guarded(self._sink, LinkDown(str(fault), delay, fatal=delay is None))
