# SPDX-License-Identifier: Apache-2.0
"""An endpoint that sends short voices and takes the time until each is heard."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Final

import numpy as np
from aiohttp import web

from driving_client.wire.relay_frames import AudioFrame, MetadataFrame, encode_frame

RATE: Final = 16000
VOICE_S: Final = 0.3
NEVER_S: Final = 20.0
"""Instead of the time of what did not come."""


def tone() -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """A voice of VOICE_S at RATE."""
    return np.full(int(VOICE_S * RATE), 3000, np.int16)


class Relay:
    """Serves one kiosk, on a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._heard: asyncio.Queue[str] = asyncio.Queue()
        self._kiosk: web.WebSocketResponse | None = None
        self._count = 0

    def start(self) -> str:
        """Listen; the address."""
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        return asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def speak(self) -> float:
        """Send a voice; the seconds until it was heard."""
        return asyncio.run_coroutine_threadsafe(self._speak(), self._loop).result(2 * NEVER_S)

    async def _listen(self) -> str:
        app = web.Application()
        app.router.add_get("/relay", self._serve)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"ws://127.0.0.1:{runner.addresses[0][1]}/relay"

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        self._kiosk = kiosk = web.WebSocketResponse()
        await kiosk.prepare(request)
        async for message in kiosk:
            told = json.loads(message.data)
            if told.get("state") == "playing":
                self._heard.put_nowait(told["req_id"])
        return kiosk

    async def _speak(self) -> float:
        self._count += 1
        name = f"voice-{self._count}"
        begin = time.monotonic()
        try:
            async with asyncio.timeout(NEVER_S):
                while self._kiosk is None:
                    await asyncio.sleep(0.1)
                await self._kiosk.send_bytes(encode_frame(MetadataFrame(RATE, name)))
                await self._kiosk.send_bytes(encode_frame(AudioFrame(tone(), last=True)))
                while await self._heard.get() != name:
                    pass
        except (TimeoutError, ConnectionError):
            return NEVER_S
        return time.monotonic() - begin
