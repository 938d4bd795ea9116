# SPDX-License-Identifier: Apache-2.0
"""aiohttp's HTTP protocol with limits, and one log line for what is not a proper request.

aiohttp offers the limits, with values for a service behind a proxy: an idle connection may
stay for an hour, and what follows a refusal is read for ten seconds more. What it lacks: it
logs a traceback for each malformed request, and sends all of the parser's words, with what it was
sent; here the first of its lines goes out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from aiohttp import web

from driving_client.serving.listener import Lost, Refused
from driving_client.small_reads import PIECE_BYTES, SmallReads

logger = logging.getLogger(__name__)

HEAD_S: Final = 10.0
"""From the connection, or from an answer, to the end of the next request's head."""
MAX_LINE: Final = 8190
MAX_FIELD: Final = 4096
MAX_FIELDS: Final = 64

Received = Callable[[int], None]
"""Told how many bytes have come; raises ConnectionError where the connection must end."""


def meter_connection(request: web.Request, received: Received) -> None:
    """Count what comes over a request's connection from now on: it becomes a WebSocket."""
    protocol = request.protocol
    assert isinstance(protocol, GuardedProtocol)
    protocol.meter(received)


class GuardedProtocol(web.RequestHandler):
    """One connection; `refused` is told `malformed`, `lost` is called at the connection's end."""

    __slots__ = ("_connection", "_lost", "_received", "_refused")

    def __init__(
        self,
        server: web.Server,
        loop: asyncio.AbstractEventLoop,
        connection: SmallReads,
        lost: Lost,
        refused: Refused,
    ) -> None:
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]
            keepalive_timeout=HEAD_S,
            max_line_size=MAX_LINE,
            max_field_size=MAX_FIELD,
            max_headers=MAX_FIELDS,
            # The rest of a body that nobody wants is not read, and nothing is unpacked
            lingering_time=0.0,
            auto_decompress=False,
        )
        self._connection = connection
        self._lost = lost
        self._refused = refused
        self._received: Received | None = None

    def meter(self, received: Received) -> None:
        """From now on read in small pieces, and tell how many bytes each has."""
        self._connection.most_bytes = PIECE_BYTES
        self._received = received

    def data_received(self, data: bytes) -> None:
        """asyncio: some bytes have come."""
        if self._received is not None:
            try:
                self._received(len(data))
            except ConnectionError:
                assert self.transport is not None
                self.transport.abort()  # closing would wait until the peer has read everything
                return
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """asyncio: the connection is over."""
        super().connection_lost(exc)
        self._lost()

    def owes_head(self) -> bool:
        """Whether the next thing to happen is the head of a request, which is not whole yet."""
        return self._waiter is not None and not self._waiter.done()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """aiohttp: the answer to what cannot be parsed (400), or to a handler's own fault."""
        if status >= 500 and not _is_text(request):
            # Also aiohttp's own answers repeat headers, and cannot encode these
            status, message = 400, "bytes that are not UTF-8 in its head"
        if status < 500:
            self._refused("malformed")
            told = (message or "no HTTP").strip().partition("\n")[0][:200]
            logger.warning(
                "malformed request from %s: %s",
                request.remote,
                told,
                extra={"code": "http_malformed"},
            )
            body = {"error": "malformed_request", "message": told}
        elif isinstance(exc, ConnectionError) and self.transport is None:
            told = "the connection ended before the body"
            logger.info(
                "%s %s: %s", request.method, request.path, told, extra={"code": "http_cut_off"}
            )
            status, body = 400, {"error": "cut_off", "message": told}  # which nobody reads
        else:
            logger.error(
                "%s %s: %s",
                request.method,
                request.path,
                exc or "took too long",
                exc_info=exc,
                extra={"code": "http_failed"},
            )
            body = {"error": "internal_error", "message": "see the log"}
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        answer = web.json_response(body, status=status)
        answer.force_close()
        return answer


def _is_text(request: web.BaseRequest) -> bool:
    """Whether the head can be written again as it was read."""
    try:
        for name, value in request.headers.items():
            (request.path + name + value).encode()
    except UnicodeEncodeError:
        return False
    return True
