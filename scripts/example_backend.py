# SPDX-License-Identifier: Apache-2.0
"""A backend, forty lines in `speak` and `relay`: the kiosk says a WAV with motion, is interrupted.

  python scripts/example_backend.py voice.wav 9000
  make run ENDPOINT=ws://127.0.0.1:9000

Meant to be copied: it needs aiohttp and driveningress_pb2.py, made from driveningress.proto. The
jaw follows the loudness, where a real backend has a network's FLAME parameters. What goes over
the wire and why: driving_client/wire/README.md.
"""

from __future__ import annotations

import asyncio
import functools
import json
import struct
import sys
import uuid
import wave

import numpy as np
from aiohttp import web

from driving_client.wire import driveningress_pb2 as pb

AUDIO, MOTION, METADATA, LAST = b"\x01", b"\x02", b"\x03", b"\x01"
INTERRUPT_AFTER_S = 3.0


async def speak(socket: web.WebSocketResponse, rate: int, pcm: bytes) -> None:
    """Send one utterance, and stop it three seconds later."""
    request = uuid.uuid4().hex
    start = {"sample_rate": rate, "channels": 1, "req_id": request}
    await socket.send_bytes(METADATA + b"\0" + json.dumps(start).encode())
    frame = rate // 25  # one keyframe for every 40 ms of sound
    levels = [np.frombuffer(pcm[i : i + 2 * frame], "<i2") for i in range(0, len(pcm), 2 * frame)]
    animation = pb.ServerResponseAnimation(req_id=request, end=True)
    for samples in levels:
        jaw = min(float(np.abs(samples.astype(float)).mean()) / 32768, 0.1)
        animation.animation.keyframes.add(jaw_pose=[jaw, 0, 0], expression=[0] * 100)
    message = pb.Message(
        type=pb.MESSAGE_SERVER_RESPONSE_ANIMATION, server_response_animation=animation
    ).SerializeToString()
    await socket.send_bytes(MOTION + LAST + struct.pack(">II", 1, len(message)) + message)
    for begin in range(0, len(pcm), rate // 5):  # 100 ms a frame, sent faster than it plays
        last = LAST if begin + rate // 5 >= len(pcm) else b"\0"
        await socket.send_bytes(AUDIO + last + pcm[begin : begin + rate // 5])
    await asyncio.sleep(INTERRUPT_AFTER_S)
    await socket.send_str(json.dumps({"action": "interrupt", "req_id": request}))


VOICE = web.AppKey("voice", tuple[int, bytes])


async def relay(request: web.Request) -> web.WebSocketResponse:
    """One kiosk: its `start` begins the speech; what it reports is printed."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    speaking: list[asyncio.Task[None]] = []
    async for message in socket:  # reading also answers the kiosk's pings
        print(message.data, flush=True)
        if json.loads(message.data).get("action") == "start":
            speaking.append(asyncio.create_task(speak(socket, *request.app[VOICE])))
    return socket


def read_voice(path: str) -> tuple[int, bytes]:
    """The sample rate and the samples of a WAV, mono, 16 bit."""
    with wave.open(path) as file:
        if file.getnchannels() != 1 or file.getsampwidth() != 2:
            raise wave.Error("not 16-bit mono")
        return file.getframerate(), file.readframes(file.getnframes())


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[2].isdigit():
        sys.exit(__doc__)
    application = web.Application()
    try:
        application[VOICE] = read_voice(sys.argv[1])
    except (OSError, EOFError, wave.Error) as error:
        sys.exit(f"error: {sys.argv[1]}: {error}; give a WAV, for instance of espeak-ng --stdout")
    application.router.add_get("/{any:.*}", relay)
    told = functools.partial(print, flush=True)
    web.run_app(application, host="127.0.0.1", port=int(sys.argv[2]), print=told)
