# SPDX-License-Identifier: Apache-2.0
"""A scripted endpoint on a real socket, and a link that runs against it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np
from aiohttp import web

from driving_client import Backoff, LinkSettings, make_link
from driving_client.link import Link, LinkDown, LinkEvent, LinkUp, UtteranceStarted
from driving_client.utterance import Utterance

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


async def until(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    """Wait for something to become true; fail with the condition's own source line."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.002)


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
        link = make_link(
            LinkSettings(url=f"ws://{address}{path}", **settings),  # type: ignore[arg-type]
            events.append,
        )
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
