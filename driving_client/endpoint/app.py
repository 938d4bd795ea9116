# SPDX-License-Identifier: Apache-2.0
"""The HTTP application: both dialects and `POST /say`."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from typing import Any, Final

from aiohttp import WSCloseCode, web

from driving_client.endpoint.driveningress_session import DrivingIngressSession
from driving_client.endpoint.identifiers import new_identifier
from driving_client.endpoint.relay_session import Queued, RelaySession
from driving_client.endpoint.settings import EndpointSettings
from driving_client.endpoint.speaker import Speaker
from driving_client.errors import SpeechError
from driving_client.lipsync.espeak import MAXIMUM_CHARACTERS, EspeakMissingError
from driving_client.retarget import load_retarget
from driving_client.wire.codec import MAX_MESSAGE_BYTES

logger = logging.getLogger(__name__)

_MAXIMUM_BODY: Final = 64 * 1024
_HEARTBEAT_S: Final = 20.0
_EXAMPLE: Final = 'send JSON such as {"text": "Hello."}'


def make_endpoint(settings: EndpointSettings) -> web.Application:
    """An aiohttp application; raises RetargetError if the retarget file cannot be used."""
    endpoint = _Endpoint(settings)
    application = web.Application(client_max_size=_MAXIMUM_BODY)
    application.add_routes(
        [
            web.get("/websocket", endpoint.driveningress),
            web.get("/relay", endpoint.relay),
            web.post("/say", endpoint.say),
        ]
    )
    application.cleanup_ctx.append(endpoint.lifetime)
    application.on_shutdown.append(endpoint.shutdown)
    return application


class _Endpoint:
    def __init__(self, settings: EndpointSettings) -> None:
        self._settings = settings
        self._retarget = load_retarget(settings.retarget)
        self._speaker = Speaker(settings, self._retarget)
        self._sockets: set[web.WebSocketResponse] = set()
        self._kiosks: dict[str, RelaySession] = {}

    async def lifetime(self, _: web.Application) -> AsyncIterator[None]:
        yield
        self._speaker.close()

    async def shutdown(self, _: web.Application) -> None:
        for socket in list(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"endpoint stops")

    async def driveningress(self, request: web.Request) -> web.WebSocketResponse:
        socket = await self._upgrade(request)
        try:
            session = DrivingIngressSession(socket, self._retarget, self._settings.speed)
            await session.serve()
        finally:
            self._sockets.discard(socket)
        return socket

    async def relay(self, request: web.Request) -> web.WebSocketResponse:
        socket = await self._upgrade(request)
        session = RelaySession(socket, self._speaker, self._settings.speed)
        self._kiosks[session.connection_id] = session
        greeting = (self._settings.greeting,) if self._settings.greeting else ()
        try:
            await session.serve(greeting + self._settings.say)
        finally:
            del self._kiosks[session.connection_id]
            self._sockets.discard(socket)
        return socket

    async def say(self, request: web.Request) -> web.Response:
        """Say a text at every connected kiosk, or at the one that `connection_id` names."""
        try:
            text, interrupt, connection_id = _parse_say(await request.read())
        except web.HTTPRequestEntityTooLarge:
            return _error(400, f"POST /say: the body exceeds {_MAXIMUM_BODY} bytes; {_EXAMPLE}")
        except ValueError as error:
            return _error(400, f"POST /say: {error}")
        kiosks = [
            kiosk
            for kiosk in self._kiosks.values()
            if kiosk.started and connection_id in (None, kiosk.connection_id)
        ]
        if not kiosks:
            return _error(
                503,
                "POST /say: no kiosk is connected"
                + (f" as {connection_id}" if connection_id else "")
                + "; connect one to /relay (a kiosk on /websocket sends its own voice)",
            )
        try:
            take = await self._speaker.speak(text)
        except EspeakMissingError as error:
            return _error(503, f"POST /say: {error}")
        except SpeechError as error:
            return _error(400, f"POST /say: {error}")
        queued = Queued(new_identifier(), take)
        taken = [k.connection_id for k in kiosks if await k.say(queued, interrupt)]
        if not taken:
            return _error(
                503, 'POST /say: the queue is full; wait, or send "interrupt": true to clear it'
            )
        return web.json_response(
            {
                "req_id": queued.request_id,
                "seconds": round(take.seconds, 3),
                "connection_ids": taken,
            }
        )

    async def _upgrade(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(
            max_msg_size=MAX_MESSAGE_BYTES, heartbeat=_HEARTBEAT_S, compress=False
        )
        await socket.prepare(request)
        self._sockets.add(socket)
        return socket


def _parse_say(body: bytes) -> tuple[str, bool, str | None]:
    """Text, interrupt and connection id; ValueError says what is wrong with the body."""
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the body is not JSON ({error}); {_EXAMPLE}") from error
    if not isinstance(document, dict):
        raise ValueError(f"the body is JSON but no object; {_EXAMPLE}")
    text = document.get("text")
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f'"text" is missing, empty or no string; {_EXAMPLE}')
    if len(text.strip()) > MAXIMUM_CHARACTERS:
        raise ValueError(
            f'"text" has {len(text.strip())} characters, at most {MAXIMUM_CHARACTERS} are taken; '
            "split it into several requests"
        )
    interrupt = document.get("interrupt", False)
    if not isinstance(interrupt, bool):
        raise ValueError('"interrupt" is neither true nor false; send one of them or leave it out')
    connection_id = document.get("connection_id")
    if connection_id is not None and not isinstance(connection_id, str):
        raise ValueError('"connection_id" is no string; leave it out to speak at every kiosk')
    return text, interrupt, connection_id


def _error(status: int, message: str) -> web.Response:
    logger.warning("%s", message, extra={"code": "say_refused"})
    return web.json_response({"error": message}, status=status)
