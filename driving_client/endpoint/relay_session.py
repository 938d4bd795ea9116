# SPDX-License-Identifier: Apache-2.0
"""One relay connection: texts are queued, spoken one after the other, and streamed.

An utterance streams faster than it plays, and the next one's start interrupts it at the
kiosk; so the queue waits until the kiosk reports its end, or, for kiosks that report nothing,
until it must have ended. A pause that is reported holds the queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import WSMsgType, web

from driving_client.endpoint.identifiers import new_identifier
from driving_client.endpoint.relay_stream import relay_frames
from driving_client.endpoint.speaker import Speaker, Take
from driving_client.errors import ProtocolError, SpeechError
from driving_client.link.frame_reader import FrameReader
from driving_client.sample_rates import rate_fault
from driving_client.texts import excerpt
from driving_client.utterance import MAX_SECONDS
from driving_client.voices.choice import Voice
from driving_client.voices.speech import SynthesiserMissingError, UnknownVoiceError
from driving_client.voices.wish import VoiceWish, read_wish
from driving_client.wire.relay_frames import (
    ErrorFrame,
    MetadataFrame,
    RelayFrame,
    encode_frame,
    json_object,
)

logger = logging.getLogger(__name__)

START_TIMEOUT_S: Final = 10.0
CONTRACT_BROKEN: Final = 4400
MAXIMUM_QUEUE: Final = 16
_INVALID_ARGUMENT: Final = 3
_LATE_REPORT_S: Final = 2.0
_LOOK_AGAIN_S: Final = 0.25
_FRAMES: Final = (WSMsgType.TEXT, WSMsgType.BINARY)
_LONGEST_MS: Final = 1000 * MAX_SECONDS
_OVER: Final = ("ended", "interrupted", "failed")


@dataclass(frozen=True, slots=True, eq=False)
class Queued:
    """A take under its request id."""

    request_id: str
    take: Take


class RelaySession:
    """Serves one WebSocket until it closes; `say` and `interrupt` on the same loop."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        reader: FrameReader,
        speaker: Speaker,
        voice_for: Callable[[VoiceWish], Voice],
        speed: float,
    ) -> None:
        self.connection_id = new_identifier()
        self.started = False
        self.voice = VoiceWish()
        self._voice_for = voice_for
        self._socket = socket
        self._reader = reader
        self._speaker = speaker
        self._speed = speed
        self._sample_rate = 16000
        self._avatar_id = ""
        self._queue: deque[Queued] = deque()
        self._filled = asyncio.Event()
        self._current: str | None = None
        self._seconds = 0.0
        self._over_at = math.inf
        self._over = asyncio.Event()

    async def serve(self, opening: tuple[str, ...]) -> None:
        """Await `start`, say the opening texts, then stream what is queued until the end."""
        if not await self._start():
            return
        streaming = asyncio.create_task(self._stream())
        greeting = asyncio.create_task(self._open(opening))
        try:
            while (message := await self._reader.next()).type in _FRAMES:
                if message.type is WSMsgType.TEXT:
                    self._text(message.data)
        finally:
            self.started = False
            for task in (greeting, streaming):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                    await task

    async def say(self, queued: Queued, interrupt: bool) -> bool:
        """Queue a take; False if the queue is full. `interrupt` drops what is said and queued."""
        if interrupt:
            await self.interrupt()
        if len(self._queue) >= MAXIMUM_QUEUE:
            return False
        self._queue.append(queued)
        self._filled.set()
        return True

    async def interrupt(self) -> None:
        """Stop what is being said at the kiosk and forget what is queued."""
        self._queue.clear()
        if self._current is not None:
            action = {"action": "interrupt", "req_id": self._current}
            self._over.set()
            self._current = None
            await self._socket.send_str(json.dumps(action))

    async def _start(self) -> bool:
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                message = await self._reader.next()
        except TimeoutError:
            await self._refuse(f"no start action within {START_TIMEOUT_S:.0f} s; send it at once")
            return False
        if message.type not in _FRAMES:
            return False
        document = _object(message.data) if message.type is WSMsgType.TEXT else None
        if document is None or document.get("action") != "start":
            await self._refuse('the first frame is not {"action":"start"} as text; send it first')
            return False
        rate = document.get("sample_rate", 16000)
        if fault := rate_fault(rate):
            await self._refuse(fault)
            return False
        try:
            self.voice = read_wish(document.get("voice", {}))
        except ProtocolError as error:
            await self._refuse(str(error))
            return False
        self._sample_rate = rate
        self._avatar_id = excerpt(str(document.get("avatar_id", "")))
        self.started = True
        logger.info(
            "kiosk connected: %s, avatar %s, %d Hz",
            self.connection_id,
            self._avatar_id or "unnamed",
            rate,
            extra={"code": "kiosk_connected"},
        )
        await self._settle_voice()
        return True

    async def _settle_voice(self) -> None:
        """Tell a kiosk that asks for a voice that is not here; it gets the endpoint's own."""
        try:
            self._voice_for(self.voice)
        except SynthesiserMissingError:
            pass  # told to whoever asks for speech: audio needs none
        except UnknownVoiceError as error:
            logger.warning("%s", error, extra={"code": "voice_unknown"})
            await self._send(ErrorFrame(f"{error}; the endpoint's own voice speaks instead"))
            self.voice = VoiceWish()

    async def _refuse(self, reason: str) -> None:
        logger.warning("relay refused: %s", reason, extra={"code": "relay_refused"})
        await self._send(ErrorFrame(reason, code=_INVALID_ARGUMENT))
        told = reason.encode("ascii", "replace")[:120]
        await self._socket.close(code=CONTRACT_BROKEN, message=told)

    async def _open(self, texts: tuple[str, ...]) -> None:
        try:
            voice = self._voice_for(self.voice)
            for text in texts:
                take = await self._speaker.speak(text, voice)
                await self.say(Queued(new_identifier(), take), interrupt=False)
        except SpeechError as error:
            logger.error("cannot speak: %s", error, extra={"code": "speech_failed"})
            await self._send(ErrorFrame(str(error)))

    def _text(self, data: str) -> None:
        document = _object(data)
        if document is None or document.get("event") != "playback":
            logger.debug("ignored text %.80r", data, extra={"code": "ignored"})
            return
        state, request_id = document.get("state"), document.get("req_id")
        if request_id is None or request_id != self._current:
            return
        logger.info("%s: %.40r", request_id, state, extra={"code": "playback"})
        if state in _OVER:
            self._over.set()
        elif state == "paused":
            self._over_at = math.inf
        elif state == "playing":
            played = document.get("played_ms")
            played_s = played / 1000 if type(played) is int and 0 < played < _LONGEST_MS else 0.0
            self._over_at = time.monotonic() + self._seconds - played_s + _LATE_REPORT_S

    async def _stream(self) -> None:
        while True:
            while not self._queue:
                self._filled.clear()
                await self._filled.wait()
            queued = self._queue.popleft()
            self._current = queued.request_id
            self._over.clear()
            try:
                await self._stream_one(queued)
            except ConnectionError:
                return  # the reader ends the session
            finally:
                if self._current == queued.request_id:
                    self._current = None

    async def _stream_one(self, queued: Queued) -> None:
        samples, frames = await self._speaker.audio(queued.take, self._sample_rate)
        metadata = MetadataFrame(
            self._sample_rate, queued.request_id, self._avatar_id, self.connection_id
        )
        started = time.monotonic()
        self._seconds = queued.take.seconds
        self._over_at = started + self._seconds + _LATE_REPORT_S
        for due, frame in relay_frames(metadata, samples, frames, self._speed):
            if await self._waited_over(started + due):
                return
            await self._send(frame)
        # Reports move the time at which it must be over, so look again every now and then.
        while time.monotonic() < self._over_at:
            if await self._waited_over(min(self._over_at, time.monotonic() + _LOOK_AGAIN_S)):
                return

    async def _waited_over(self, until: float) -> bool:
        """Sleep until then; True as soon as the utterance is over."""
        delay = until - time.monotonic()
        if delay > 0.0 and not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._over.wait()
        return self._over.is_set()

    async def _send(self, frame: RelayFrame) -> None:
        if self._socket.closed:
            raise ConnectionResetError("the kiosk has closed the connection")
        await self._socket.send_bytes(encode_frame(frame))


def _object(data: str) -> dict[str, Any] | None:
    with contextlib.suppress(ProtocolError):
        return json_object(data, "text")
    return None
