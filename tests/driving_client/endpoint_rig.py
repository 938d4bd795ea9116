# SPDX-License-Identifier: Apache-2.0
"""A running endpoint and the two kinds of clients, for tests of what it says."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import wave
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import numpy as np
from aiohttp import WSMsgType

from driving_client.endpoint import EndpointSettings, make_endpoint
from driving_client.wire.relay_frames import AudioFrame, MetadataFrame, MotionFrame, decode_frame

FAST = EndpointSettings(speed=40.0)


@contextlib.asynccontextmanager
async def endpoint(
    settings: EndpointSettings = FAST,
) -> AsyncIterator[tuple[str, aiohttp.ClientSession]]:
    """A running endpoint on a free port: its base URL and a client session."""
    server = make_endpoint(settings)
    await server.start("127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.address[1]}"
    try:
        async with aiohttp.ClientSession() as client:
            yield url, client
    finally:
        await server.stop()


async def receive(socket: aiohttp.ClientWebSocketResponse, timeout_s: float = 60.0) -> Any:
    message = await asyncio.wait_for(socket.receive(), timeout_s)
    assert message.type is WSMsgType.BINARY, message
    return message.data


async def kiosk(
    client: aiohttp.ClientSession, url: str, rate: int = 16000, voice: object = None
) -> aiohttp.ClientWebSocketResponse:
    """A connected kiosk, which asks for a voice where one is given."""
    socket = await client.ws_connect(f"{url}/relay")
    start = {"action": "start", "avatar_id": "somebody", "sample_rate": rate}
    await socket.send_str(json.dumps(start if voice is None else {**start, "voice": voice}))
    await asyncio.sleep(0.1)  # there is no answer to a start
    return socket


async def utterance(
    socket: aiohttp.ClientWebSocketResponse,
) -> tuple[MetadataFrame | None, list[np.ndarray], list[Any]]:
    """All frames of the next utterance: metadata, audio, list of animations."""
    metadata, audio, motion = None, [], []
    audio_last = motion_last = False
    while not (audio_last and motion_last):
        match decode_frame(await receive(socket)):
            case MetadataFrame() as frame:
                assert metadata is None
                metadata = frame
            case AudioFrame(samples, last):
                audio.append(samples)
                audio_last = last
            case MotionFrame(messages, last):
                motion += messages
                motion_last = last
                assert messages[-1].end == last
    return metadata, audio, motion


def wav(samples: np.ndarray, rate: int, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()
