# SPDX-License-Identifier: Apache-2.0
"""GET /v1/listen: what the microphone hears, over a WebSocket, for software beside the kiosk.

It makes a listening device of the kiosk. So it is for this machine alone unless the configuration
says otherwise, each listener is logged with its address, the metric `kiosk_listeners` tells how
many there are, and what goes to other machines is counted for the mark on the screen. Nothing is
kept: who is slow loses the oldest sound.

The ears' thread hands over through a bounded queue for each client (`HeardQueue`); a client that
reads nothing costs nobody else anything and is cut off by its unanswered pings.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, hdrs, web

from driving_client.address import is_loopback
from driving_client.link.flood import FloodGuard
from driving_client.link.frame_reader import FrameReader
from driving_client.link.heard import HEARD_RATE, Heard, HeardEvent, HeardSound, event_document
from driving_client.link.heard_queue import HeardQueue
from driving_client.link.meter import Meter
from driving_client.link.pace import Pace, line_of
from driving_client.link.retry import FloodError
from driving_client.serving import meter_connection
from kioskd.http.access import refuse
from kioskd.metrics import Metrics

logger = logging.getLogger(__name__)

MOST_LISTENERS: Final = 4
_ALLOWED_EVERY_S: Final = 0.5
_HEARTBEAT_S: Final = 20.0
_CLOSE_S: Final = 0.2
_MOST_TEXTS: Final = 64
_MOST_FROM_CLIENT: Final = 4096


class ListenOutput:
    """The route. `enabled`: the kiosk has ears; `remote`: other machines may listen as well.

    What a token has opened ends with it, and what `remote` has let in as well. `heard_elsewhere`
    counts what clients on other machines were told.
    """

    def __init__(
        self,
        enabled: bool,
        remote: Callable[[], bool],
        token: Callable[[], str],
        metrics: Metrics,
    ) -> None:
        self._enabled = enabled
        self._remote = remote
        self._token = token
        self._metrics = metrics
        self._lock = threading.Lock()
        self._clients: tuple[_Client, ...] = ()
        self.heard_elsewhere = 0

    def add_routes(self, app: web.Application) -> None:
        """Add GET /v1/listen, which ends with the application."""
        app.router.add_get("/v1/listen", self._listen, allow_head=False)
        app.on_shutdown.append(self._end)

    @property
    def listeners(self) -> int:
        """How many there are; from any thread."""
        return len(self._clients)

    def hear(self, heard: Heard) -> None:
        """Tell all of them; from the ears' thread, returns at once."""
        for client in self._clients:
            client.hear(heard)
            self.heard_elsewhere += client.elsewhere

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(
            max_msg_size=_MOST_FROM_CLIENT,
            heartbeat=_HEARTBEAT_S,
            autoping=False,  # the reader answers them
            compress=False,
            timeout=_CLOSE_S,
        )
        if refused := self._refusal(request, socket):
            return refused
        client = _Client(socket, request, self._count_dropped)
        with self._lock:
            self._clients += (client,)
        where = request.remote or "nowhere"
        self._metrics.listeners.inc()
        logger.info("%s listens to the microphone", where, extra={"code": "listen_opened"})
        try:
            await client.serve(self._allowed(request))
        finally:
            with self._lock:
                self._clients = tuple(each for each in self._clients if each is not client)
            self._metrics.listeners.dec()
            logger.info("%s listens no more", where, extra={"code": "listen_closed"})
        return socket

    def _refusal(self, request: web.Request, socket: web.WebSocketResponse) -> web.Response | None:
        if not self._enabled:
            return refuse(
                409,
                "ears_disabled",
                "the kiosk has no ears; set ears.enabled: true in its configuration, restart it",
            )
        if not self._may_listen(request):
            return refuse(
                403,
                "listen_remote",
                "other machines may not listen; set ears.listen_remote: true in the kiosk's "
                "configuration, or ask from the kiosk itself",
            )
        if not socket.can_prepare(request):
            answer = refuse(
                426, "not_a_websocket", "open it as a WebSocket, ws:// or wss:// in the address"
            )
            answer.headers[hdrs.UPGRADE] = "websocket"
            return answer
        if self.listeners >= MOST_LISTENERS:
            told = f"at most {MOST_LISTENERS} may listen at once"
            return refuse(503, "too_many_listeners", told)
        return None

    def _may_listen(self, request: web.Request) -> bool:
        return is_loopback(request.remote or "") or self._remote()

    def _allowed(self, request: web.Request) -> Callable[[], bool]:
        token = self._token()
        return lambda: self._token() == token and self._may_listen(request)

    def _count_dropped(self, samples: int) -> None:
        self._metrics.listen_dropped.inc(samples / HEARD_RATE)

    async def _end(self, app: web.Application) -> None:
        """Another server's clients, which one that is stuck may have, are its own to end."""
        own = [client for client in self._clients if client.request.app is app]
        await asyncio.gather(*(client.close(b"the kiosk stops") for client in own))


class _Client:
    """One WebSocket; `hear` alone may be called from other threads."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        request: web.Request,
        dropped: Callable[[int], None],
    ) -> None:
        self.request = request
        self.elsewhere = not is_loopback(request.remote or "")
        self._socket = socket
        self._dropped = dropped
        self._loop = asyncio.get_running_loop()
        self._sound = HeardQueue()
        self._texts: asyncio.Queue[str] = asyncio.Queue(_MOST_TEXTS)

    def hear(self, heard: Heard) -> None:
        if isinstance(heard, HeardSound):
            self._sound.put(heard)
        else:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._tell, heard)

    async def serve(self, allowed: Callable[[], bool]) -> None:
        """Until either side ends it, or it is not allowed any more."""
        meter = Meter()
        meter.session_begins()
        meter_connection(self.request, meter.received)
        await self._socket.prepare(self.request)
        reader = FrameReader(self._socket, FloodGuard(), meter)
        steps = (
            self._read(reader),
            self._send_texts(),
            self._send_sound(),
            self._watch(allowed),
        )
        tasks = [asyncio.create_task(step) for step in steps]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            self._dropped(self._sound.take_dropped())
        for error in results:
            if isinstance(error, FloodError):
                logger.warning("a listener is cut off: %s", error, extra={"code": error.code})
                self._abort()
            elif isinstance(error, Exception) and not isinstance(error, ConnectionError):
                raise error
        await self.close(b"")

    async def close(self, why: bytes) -> None:
        """End it, in a moment whatever the client does."""
        try:
            async with asyncio.timeout(2 * _CLOSE_S):
                await self._socket.close(code=WSCloseCode.GOING_AWAY, message=why)
        except TimeoutError:
            self._abort()

    def _abort(self) -> None:
        if self.request.transport is not None:
            self.request.transport.abort()

    def _tell(self, event: HeardEvent) -> None:
        try:
            self._texts.put_nowait(json.dumps(event_document(event)))
        except asyncio.QueueFull:
            logger.warning("a listener reads nothing: cut off", extra={"code": "listener_stuck"})
            self._abort()

    async def _read(self, reader: FrameReader) -> None:
        """What a client says is not looked at; its going is."""
        while (await reader.next()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
            pass

    async def _watch(self, allowed: Callable[[], bool]) -> None:
        while allowed():
            await asyncio.sleep(_ALLOWED_EVERY_S)

    async def _send_texts(self) -> None:
        begin = {"event": "listening", "codec": "pcm_s16le", "sample_rate": HEARD_RATE}
        await self._socket.send_str(json.dumps(begin))
        while True:
            await self._socket.send_str(await self._texts.get())

    async def _send_sound(self) -> None:
        position = None
        pace = Pace(partial(line_of, self._socket))
        while True:
            sound = await pace.next_of(self._sound, self._dropped)
            if sound.position != position:
                told = {"event": "position", "position": sound.position}
                await self._socket.send_str(json.dumps(told))
            await self._socket.send_bytes(sound.samples.astype("<i2").tobytes())
            pace.sent()
            position = sound.position + len(sound.samples)
