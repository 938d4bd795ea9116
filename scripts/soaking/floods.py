# SPDX-License-Identifier: Apache-2.0
"""Relays that send too much or nonsense, each on the port where the endpoint was."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import struct
from collections.abc import Iterator
from typing import Final

from aiohttp import web

from driving_client.wire import driveningress_pb2 as pb
from driving_client.wire.relay_frames import MetadataFrame, encode_frame

_KEYFRAMES: Final = 2900
"""In each message: nearly as many as are taken at all."""

_PAUSE_EVERY: Final = 200


def bad_frames() -> Iterator[bytes | str]:
    """Bytes that are not frames."""
    return itertools.cycle((b"", b"\x01", b"\x01\0odd", b"\x02\0\0\0\xff\xff", b"\x03\0{"))


def empty_keyframes() -> Iterator[bytes | str]:
    """Motion without anything in it, thousands of keyframes a message."""
    motion = pb.ServerResponseAnimation(
        animation=pb.FlameAnimation(keyframes=[pb.Flame()] * _KEYFRAMES)
    )
    message = pb.Message(
        type=pb.MESSAGE_SERVER_RESPONSE_ANIMATION, server_response_animation=motion
    ).SerializeToString()
    return itertools.repeat(b"\x02\0" + struct.pack(">II", 1, len(message)) + message)


def texts() -> Iterator[bytes | str]:
    """Requests and objects where a word is expected."""
    return itertools.cycle(('{"action": {}, "req_id": []}', '{"action": "interrupt"}', "[]", "{"))


def utterances() -> Iterator[bytes | str]:
    """A new utterance with every frame, none of which goes on."""
    return (encode_frame(MetadataFrame(16000, f"flood-{n}")) for n in itertools.count())


FLOODS: Final = (bad_frames, empty_keyframes, texts, utterances)


def flood(port: int, which: int, seconds: float) -> tuple[str, int]:
    """Serve one flood on the port for some seconds; its name, and how many frames were sent."""
    make = FLOODS[which % len(FLOODS)]
    return make.__name__, asyncio.run(_serve(port, make(), seconds))


async def _serve(port: int, frames: Iterator[bytes | str], seconds: float) -> int:
    sent = 0

    async def relay(request: web.Request) -> web.WebSocketResponse:
        nonlocal sent
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            for frame in frames:
                if socket.closed:
                    break
                await (
                    socket.send_str(frame) if isinstance(frame, str) else socket.send_bytes(frame)
                )
                sent += 1
                if sent % _PAUSE_EVERY == 0:
                    await asyncio.sleep(0)
        return socket

    app = web.Application()
    app.router.add_get("/relay", relay)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
    await asyncio.sleep(seconds)
    await runner.cleanup()
    return sent
