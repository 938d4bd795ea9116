# SPDX-License-Identifier: Apache-2.0
"""A scripted endpoint on a real socket, and a link that runs against it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web

from driving_client import Backoff, LinkSettings, make_link
from driving_client.link.interface import Link, LinkDown, LinkEvent, LinkUp, UtteranceStarted
from driving_client.utterance import Utterance
from driving_client.wire.codec import (
    Animation,
    AudioInput,
    ConfigureSession,
    ConfirmSession,
    WireMessage,
    decode_message,
    encode_message,
)
from driving_client.wire.relay_frames import MotionFrame, RelayFrame, encode_frame

Handler = Callable[[web.WebSocketResponse, web.Request], Awaitable[None]]

QUICK = Backoff(first_s=0.01, ceiling_s=0.04, slow_s=0.05, stable_s=60.0)


class Rig:
    """A link under test, what it told, and the server that it talks to."""

    def __init__(self, link: Link, events: list[LinkEvent], task: asyncio.Task[None]) -> None:
        self.link = link
        self.events = events
        self.task = task

    @property
    def utterances(self) -> list[Utterance]:
        return [e.utterance for e in self.events if isinstance(e, UtteranceStarted)]

    @property
    def ups(self) -> list[LinkUp]:
        return [e for e in self.events if isinstance(e, LinkUp)]

    @property
    def downs(self) -> list[LinkDown]:
        return [e for e in self.events if isinstance(e, LinkDown)]


async def until(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    """Wait for something to become true; TimeoutError if it does not."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.002)


def link_settings(url: str = "ws://127.0.0.1:1/relay", **own: Any) -> LinkSettings:
    """A relay without credentials, but for what a test sets."""
    plain = LinkSettings(
        url=url,
        dialect="relay",
        avatar_id="",
        app_id="",
        session_key="",
        token_url="",
        api_key="",
        sample_rate=16000,
        motion_offset_s=0.0,
        connect_timeout_s=10.0,
    )
    return replace(plain, **own)


@contextlib.asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """The application on a free port of loopback; yields `127.0.0.1:port`."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def linked(app: web.Application, **settings: object) -> AsyncIterator[Rig]:
    """The application served, and a running link to it."""
    async with serving(app) as address:
        dialect = str(settings.setdefault("dialect", "driveningress"))
        path = "/relay" if dialect == "relay" else ""
        settings.setdefault("backoff", QUICK)
        if "token_path" in settings:
            settings["token_url"] = f"http://{address}{settings.pop('token_path')}"
        events: list[LinkEvent] = []
        link = make_link(link_settings(f"ws://{address}{path}", **settings), events.append)
        task = asyncio.create_task(link.run())
        try:
            yield Rig(link, events, task)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def websocket_app(handler: Handler, *paths: str) -> web.Application:
    """An application whose WebSockets are served by `handler`."""

    async def upgrade(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await handler(socket, request)
        return socket

    app = web.Application()
    for path in paths or ("/websocket", "/relay"):
        app.router.add_get(path, upgrade)
    return app


def ramp(count: int, start: int = 0) -> np.ndarray:
    """Frames, shape (count, 120), whose first value tells which frame it is (i / 1000)."""
    frames = np.zeros((count, 120), np.float32)
    frames[:, 0] = np.arange(start, start + count) / 1000
    return frames


class ConfirmingEndpoint:
    """Confirms sessions, while `confirming` is set, and keeps what it is sent."""

    def __init__(self, capabilities: tuple[str, ...] = ()) -> None:
        self.capabilities = capabilities
        self.sessions: list[list[WireMessage]] = []
        self.requests: list[web.Request] = []
        self.socket: web.WebSocketResponse | None = None
        self.confirming = asyncio.Event()
        self.confirming.set()

    async def __call__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        received: list[WireMessage] = []
        self.sessions.append(received)
        self.requests.append(request)
        self.socket = socket
        async for frame in socket:
            assert frame.type is WSMsgType.BINARY
            message = decode_message(frame.data)
            received.append(message)
            if isinstance(message, ConfigureSession):
                await self.confirming.wait()
                confirm = ConfirmSession(f"connection-{len(self.sessions)}", self.capabilities)
                await socket.send_bytes(encode_message(confirm))

    @property
    def received(self) -> list[WireMessage]:
        return self.sessions[-1] if self.sessions else []

    def audio(self, session: int = -1) -> list[AudioInput]:
        return [m for m in self.sessions[session] if isinstance(m, AudioInput)]

    async def send(self, message: WireMessage) -> None:
        assert self.socket is not None
        await self.socket.send_bytes(encode_message(message))


class Backend:
    """Takes texts and, once somebody is connected, sends what the test wants."""

    def __init__(self) -> None:
        self.texts: list[dict[str, object]] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.sent = 0

    async def __call__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        socket.send_str = self._counted(socket.send_str)  # type: ignore[method-assign]
        socket.send_bytes = self._counted(socket.send_bytes)  # type: ignore[method-assign]
        self.sockets.append(socket)
        async for frame in socket:
            assert frame.type is WSMsgType.TEXT
            self.texts.append(json.loads(frame.data))

    def _counted(self, send: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
        def counted(data: Any) -> Awaitable[None]:
            self.sent += 1
            return send(data)

        return counted

    async def send(self, *frames: RelayFrame | dict[str, str]) -> None:
        for frame in frames:
            if isinstance(frame, dict):
                await self.sockets[-1].send_str(json.dumps(frame))
            else:
                await self.sockets[-1].send_bytes(encode_frame(frame))


def motion(request_id: str, count: int, start: int = 0, *, end: bool = False) -> MotionFrame:
    return MotionFrame((Animation(request_id, ramp(count, start), end),))


def relay(backend: Backend, **settings: object):
    return linked(websocket_app(backend), dialect="relay", **settings)


async def settled(rig: Rig, backend: Backend) -> None:
    """Everything that was sent before has been seen."""
    await until(lambda: rig.link.counters.messages_received == backend.sent)
