# SPDX-License-Identifier: Apache-2.0
"""The HTTP application: both dialects, `POST /say`, and tokens for clients that ask for one."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable
from typing import Final

from aiohttp import WSCloseCode, web

from driving_client.endpoint.driveningress_session import DrivingIngressSession
from driving_client.endpoint.relay_session import RelaySession
from driving_client.endpoint.say import SayDesk
from driving_client.endpoint.say_request import MAXIMUM_JSON
from driving_client.endpoint.session_tokens import PATHS, grant
from driving_client.endpoint.settings import EndpointSettings
from driving_client.endpoint.speaker import Speaker
from driving_client.faults import FaultLog
from driving_client.link.flood import FloodGuard
from driving_client.link.frame_reader import FrameReader
from driving_client.link.meter import Meter
from driving_client.link.retry import FloodError
from driving_client.retarget import load_retarget
from driving_client.serving import GuardedServer, Limits, meter_connection, plain_bodies
from driving_client.voices.choice import Voice, Voices
from driving_client.voices.wish import VoiceWish
from driving_client.wire.codec import MAX_MESSAGE_BYTES

logger = logging.getLogger(__name__)

_HEARTBEAT_S: Final = 20.0
_LIMITS: Final = Limits(strangers=512, by_source=256, here=256)
"""Kiosks keep their connections, and one machine may stand for a whole floor of them."""
_SHUTDOWN_S: Final = 1.0


def make_endpoint(settings: EndpointSettings) -> GuardedServer:
    """A server to be started; raises RetargetError if the retarget file cannot be used."""
    endpoint = _Endpoint(settings)
    application = web.Application(middlewares=[plain_bodies], client_max_size=MAXIMUM_JSON)
    application.add_routes(
        [
            web.get("/websocket", endpoint.driveningress),
            web.get("/relay", endpoint.relay),
            web.post("/say", endpoint.desk.say),
            web.put("/say", endpoint.desk.say),
            *(web.post(path, grant) for path in PATHS),
        ]
    )
    application.cleanup_ctx.append(endpoint.lifetime)
    application.on_shutdown.append(endpoint.shutdown)
    return GuardedServer(application, _LIMITS, shutdown_s=_SHUTDOWN_S)


class _Endpoint:
    def __init__(self, settings: EndpointSettings) -> None:
        self._settings = settings
        self._retarget = load_retarget(settings.retarget)
        self._speaker = Speaker(self._retarget)
        self._voices = Voices(settings.brought)
        self._faults = FaultLog()
        self._sockets: set[web.WebSocketResponse] = set()
        self._kiosks: dict[str, RelaySession] = {}
        self.desk = SayDesk(self._kiosks, self._speaker, self._voice_for)

    async def lifetime(self, _: web.Application) -> AsyncIterator[None]:
        yield
        self._speaker.close()

    async def shutdown(self, _: web.Application) -> None:
        for socket in list(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"endpoint stops")

    async def driveningress(self, request: web.Request) -> web.WebSocketResponse:
        socket, reader = await self._upgrade(request)
        session = DrivingIngressSession(socket, reader, self._retarget, self._settings.speed)
        return await self._serve(request, socket, session.serve())

    async def relay(self, request: web.Request) -> web.WebSocketResponse:
        socket, reader = await self._upgrade(request)
        session = RelaySession(socket, reader, self._speaker, self._voice_for, self._settings.speed)
        self._kiosks[session.connection_id] = session
        greeting = (self._settings.greeting,) if self._settings.greeting else ()
        try:
            opening = greeting + self._settings.say
            return await self._serve(request, socket, session.serve(opening))
        finally:
            del self._kiosks[session.connection_id]

    async def _serve(
        self, request: web.Request, socket: web.WebSocketResponse, session: Awaitable[None]
    ) -> web.WebSocketResponse:
        """One session to its end; what a client causes is that client's trouble alone."""
        try:
            await session
        except FloodError as error:
            logger.warning("a client is cut off: %s", error.detail, extra={"code": error.code})
            if request.transport is not None:
                request.transport.abort()  # closing would read on what it sends
        except ConnectionError as error:
            logger.debug("a client has left: %s", error, extra={"code": "client_gone"})
        except Exception as error:  # noqa: BLE001 – logged with its traceback
            self._faults.tell("serving a client", error, "session_fault")
            await socket.close(code=WSCloseCode.INTERNAL_ERROR, message=b"internal error")
        finally:
            self._sockets.discard(socket)
        return socket

    def _voice_for(self, *wishes: VoiceWish) -> Voice:
        """The voice for these wishes, the most important first, and what the settings name."""
        return self._voices.choose(*wishes, self._settings.voice)

    async def _upgrade(self, request: web.Request) -> tuple[web.WebSocketResponse, FrameReader]:
        meter = Meter()
        meter.session_begins()
        meter_connection(request, meter.received)
        socket = web.WebSocketResponse(
            max_msg_size=MAX_MESSAGE_BYTES,
            heartbeat=_HEARTBEAT_S,
            autoping=False,  # the session's reader answers them
            compress=False,
        )
        await socket.prepare(request)
        self._sockets.add(socket)
        return socket, FrameReader(socket, FloodGuard(), meter)
