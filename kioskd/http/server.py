# SPDX-License-Identifier: Apache-2.0
"""The HTTP server: probes, health, metrics, pictures, console page, voice input.

Answers come from snapshots; nothing here waits for the render loop except the two that show
a picture. One server and one port for everything, so that there is one place where access is
decided (`kioskd.http.access`). What strangers can take of it before that is limited in
`driving_client.serving`; its thread is its own (`kioskd.http.service`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from driving_client.serving import GuardedServer, Limits, plain_bodies
from kioskd.about import About
from kioskd.config import Config
from kioskd.config.rules import as_reached_here
from kioskd.config.secrets import Secrets
from kioskd.errors import KioskError
from kioskd.health.status import Report, Status
from kioskd.http.access import HEADERS, guard, refuse
from kioskd.http.answers import console_answer, health_answer, not_ready
from kioskd.metrics import Metrics
from kioskd.screen.pictures import MAX_RATE, PictureDesk, PictureError

logger = logging.getLogger(__name__)

MAX_STREAMS = 4
WATCHER_S = 10.0
"""A watcher that takes no picture for that long gives its place to others."""
SHUTDOWN_S = 0.3
_BOUNDARY = "frame"
_VERSION = re.compile(r"\d{1,3}(\.\d{1,3}){0,2}")
AddRoutes = Callable[[web.Application], None]


class ListenError(KioskError):
    """The HTTP server cannot listen."""


@dataclass(frozen=True, slots=True)
class View:
    """What the server shows; every callable returns at once and is safe on any thread."""

    config: Callable[[], Config]
    secrets: Callable[[], Secrets]
    report: Callable[[], Report]
    figures: Callable[[], dict[str, Any]]
    alive: Callable[[], bool]
    metrics: Metrics
    pictures: PictureDesk
    about: About = field(default_factory=About)


class HttpServer:
    """Serves one View; `add_routes` let other parts add theirs under the same access rules.

    `url` is where it listens, `local_url` the same as a browser on this machine takes it.
    `port` takes the configured one's place.
    """

    def __init__(self, view: View, *add_routes: AddRoutes, port: int | None = None) -> None:
        self._view = view
        self._port = port
        self._add_routes = add_routes
        self._started = time.monotonic()
        self._streams = 0
        self._closing = asyncio.Event()
        self._server: GuardedServer | None = None
        self.url = ""
        self.local_url = ""
        self.port = 0

    async def start(self) -> None:
        """Listen; the two addresses then say where. Raises ListenError."""
        health = self._view.config().health
        app = web.Application(
            middlewares=[guard(health.address, self._token), plain_bodies],
            client_max_size=64 * 1024,
        )
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/screenshot.png", self._screenshot)
        app.router.add_get("/stream.mjpg", self._stream, allow_head=False)
        if health.console:
            app.router.add_get("/console/health", self._console_health)
        for add in self._add_routes:
            add(app)
        app.on_response_prepare.append(_add_headers)
        tls = None if self._view.secrets().certificate is None else self._tls
        wanted = health.port if self._port is None else self._port
        refused = self._view.metrics.http_refused
        self._server = GuardedServer(
            app, Limits(), shutdown_s=SHUTDOWN_S, refused=lambda why: refused.labels(why).inc()
        )
        try:
            await self._server.start(health.address, wanted, tls)
        except OSError as error:
            raise ListenError(
                f"health.port: cannot listen on {health.address} port {wanted} "
                f"({error.strerror or error}); choose a free one (make run PORT=…) or "
                "stop what uses it"
            ) from error
        host, self.port = self._server.address
        name = f"[{host}]" if ":" in host else host
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://{name}:{self.port}/"
        self.local_url = f"{scheme}://{as_reached_here(str(host))}:{self.port}/"
        logger.info("health and console at %s", self.url, extra={"code": "http_listening"})

    async def stop(self) -> None:
        """End open streams and stop listening, within about SHUTDOWN_S."""
        self._closing.set()
        if self._server is not None:
            await self._server.stop()

    @property
    def connections(self) -> int:
        """How many there are now."""
        return 0 if self._server is None else self._server.connections

    def abandon(self) -> None:
        """Free the port; from any thread, also while this server's own is stuck."""
        if self._server is not None:
            self._server.abandon()

    def _token(self) -> str:
        return self._view.secrets().token

    def _tls(self) -> ssl.SSLContext:
        """A renewed certificate brings a context of its own; a server never loses TLS."""
        certificate = self._view.secrets().certificate
        assert certificate is not None
        return certificate.context

    async def _livez(self, _request: web.Request) -> web.Response:
        if self._view.alive():
            return web.Response(text="alive\n")
        return refuse(503, "render_loop_stalled", "no frame has been drawn for 10 s")

    async def _readyz(self, _request: web.Request) -> web.Response:
        hindered = not_ready(self._view.report())
        return web.json_response(
            {"ready": not hindered, "reasons": hindered}, status=503 if hindered else 200
        )

    async def _healthz(self, _request: web.Request) -> web.Response:
        report = self._view.report()
        status = 503 if report.status is Status.FAIL else 200
        return web.json_response(self._health(report), status=status)

    async def _console_health(self, _request: web.Request) -> web.Response:
        """Never 503: a browser writes that into its console, once a second."""
        report = self._view.report()
        return web.json_response(console_answer(self._health(report), report))

    def _health(self, report: Report) -> dict[str, Any]:
        return health_answer(
            report,
            self._view.config(),
            time.monotonic() - self._started,
            self._view.figures(),
            self._view.about,
        )

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(_accepted(request.headers.get("Accept", "")))
        body = encode(self._view.metrics.registry)
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _screenshot(self, _request: web.Request) -> web.Response:
        try:
            body = await self._view.pictures.png(await self._view.pictures.take())
        except PictureError as error:
            return refuse(503, "no_picture", str(error))
        return web.Response(body=body, content_type="image/png")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self._streams >= MAX_STREAMS:
            return refuse(503, "too_many_streams", f"at most {MAX_STREAMS} may watch at once")
        response = web.StreamResponse(
            headers={"Content-Type": f"multipart/x-mixed-replace; boundary={_BOUNDARY}"}
        )
        self._streams += 1
        token = self._token()
        try:
            await response.prepare(request)
            # What a token has opened ends with it
            while not self._closing.is_set() and self._token() == token:
                await self._send_picture(response)
        except ConnectionError:
            pass  # the viewer has left
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        finally:
            self._streams -= 1
        return response

    async def _send_picture(self, response: web.StreamResponse) -> None:
        try:
            body = await self._view.pictures.jpeg(await self._view.pictures.take())
        except PictureError:
            return  # health says why; the stream goes on as soon as frames do
        head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
        async with asyncio.timeout(WATCHER_S):
            await response.write(head.encode() + body + b"\r\n")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), 0.5 / MAX_RATE)


def _accepted(accept: str) -> str:
    """The Accept header, or nothing for one whose versions prometheus_client cannot compare."""
    versions = re.findall("version=([^;,]*)", accept)
    sane = accept.isascii() and all(_VERSION.fullmatch(version.strip()) for version in versions)
    return accept if sane else ""


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
