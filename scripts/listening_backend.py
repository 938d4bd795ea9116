# SPDX-License-Identifier: Apache-2.0
"""A backend that answers what it hears, forty lines in `relay` and `answer`: a parrot.

  python scripts/listening_backend.py 9000
  make run ENDPOINT=ws://127.0.0.1:9000

Meant to be copied: it needs aiohttp alone. It says back what a visitor has said, where a real
backend has speech recognition, an agent and a voice. The kiosk needs `ears.enabled: true`; it is
the kiosk that notices who speaks when, falls silent for them, and makes the lips from the sound.
What goes over the wire and why: driving_client/wire/README.md, Microphone.
"""

from __future__ import annotations

import functools
import json
import struct
import sys
import uuid
from typing import Any

from aiohttp import WSMsgType, web

RATE = 16000
AUDIO, MOTION, METADATA, LAST, NOT_LAST = b"\x01", b"\x02", b"\x03", b"\x01", b"\0"
KEPT = 60 * RATE
LEAD = RATE // 4
"""Samples before the first that was noticed: words begin softly."""


async def answer(socket: web.WebSocketResponse, pcm: bytes) -> None:
    """Send one utterance, whose motion is left to the kiosk."""
    start = {"sample_rate": RATE, "channels": 1, "req_id": uuid.uuid4().hex}
    await socket.send_bytes(METADATA + NOT_LAST + json.dumps(start).encode())
    await socket.send_bytes(MOTION + LAST + struct.pack(">I", 0))
    for begin in range(0, len(pcm), RATE // 5):  # 100 ms a frame, sent faster than it plays
        await socket.send_bytes(AUDIO + NOT_LAST + pcm[begin : begin + RATE // 5])
    await socket.send_bytes(AUDIO + LAST)


async def relay(request: web.Request) -> web.WebSocketResponse:
    """One kiosk: what it hears is kept for a minute, and a visitor's turn is said back."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    heard, end, began = bytearray(), 0, 0  # positions count samples
    async for message in socket:  # reading also answers the kiosk's pings
        if message.type is WSMsgType.BINARY:
            position = struct.unpack_from(">Q", message.data, 2)[0]
            missing = min(position - end, KEPT) if heard else 0
            heard += bytes(2 * missing) + message.data[10:]
            end = position + len(message.data[10:]) // 2
            del heard[: -2 * KEPT]
            continue
        print(message.data, flush=True)
        told: dict[str, Any] = json.loads(message.data)
        match told:
            case {"action": "start", "capabilities": {"microphone": _}}:
                await socket.send_str(json.dumps({"action": "listen", "codec": "pcm_s16le"}))
            case {"action": "start"}:
                print("this kiosk has no ears; set ears.enabled: true in its configuration")
            case {"event": "speech", "state": "began"}:
                began = told["position"]
            case {"event": "speech", "state": "ended"}:
                first = end - len(heard) // 2
                turn = slice(max(began - LEAD - first, 0) * 2, max(told["position"] - first, 0) * 2)
                await answer(socket, bytes(heard[turn]))
    return socket


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit(__doc__)
    application = web.Application()
    application.router.add_get("/{any:.*}", relay)
    told = functools.partial(print, flush=True)
    web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), print=told)
