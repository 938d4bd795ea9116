# SPDX-License-Identifier: Apache-2.0
"""One relay connection: what is to be said is queued, spoken one after the other, and streamed.

An utterance streams faster than it plays, and the next one's start interrupts it at the
kiosk; so the queue waits until the kiosk reports its end, or, for kiosks that report nothing,
until it must have ended. A pause that is reported holds the queue. A text is made into speech
while it is streamed, one phrase ahead of what has been sent; where its next phrase is not there in
time, the kiosk waits for it within the same utterance.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import WSMsgType, web

from driving_client.endpoint.hearing import Hearing
from driving_client.endpoint.identifiers import new_identifier
from driving_client.endpoint.relay_stream import RelayStream
from driving_client.endpoint.saying import Saying
from driving_client.endpoint.speaker import Speaker, Take
from driving_client.errors import ProtocolError, SpeechError
from driving_client.faults import FaultLog
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
_FRAMES: Final = (WSMsgType.TEXT, WSMsgType.BINARY)
_LONGEST_S: Final = MAX_SECONDS - 30.0
"""A text that takes longer to say is not said to its end; no phrase is longer than the rest."""


@dataclass(frozen=True, slots=True, eq=False)
class Queued:
    """What is said under a request id; `takes` makes it, piece by piece."""

    request_id: str
    takes: Callable[[], AsyncGenerator[Take, None]]


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
        self._hearing = Hearing()
        self._faults = FaultLog()

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
        """Queue it; False if the queue is full. `interrupt` drops what is said and queued."""
        if interrupt:
            await self.interrupt()
        if len(self._queue) >= MAXIMUM_QUEUE:
            return False
        self._queue.append(queued)
        self._filled.set()
        return True

    def wants(self, request_id: str) -> bool:
        """Whether it is being said, or will be."""
        waiting = (queued.request_id for queued in self._queue)
        return self.started and request_id in (self._current, *waiting)

    async def interrupt(self) -> None:
        """Stop what is being said at the kiosk and forget what is queued."""
        self._queue.clear()
        if self._current is not None:
            action = {"action": "interrupt", "req_id": self._current}
            self._hearing.stop()
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
                saying = Saying()
                saying.add(text)
                saying.end()
                await self._speaker.begin(saying, voice)
                takes = functools.partial(self._speaker.takes, saying, voice)
                await self.say(Queued(saying.request_id, takes), interrupt=False)
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
        self._hearing.report(state, document.get("played_ms"))

    async def _stream(self) -> None:
        while True:
            while not self._queue:
                self._filled.clear()
                await self._filled.wait()
            queued = self._queue.popleft()
            self._current = queued.request_id
            self._hearing.begin()
            try:
                await self._stream_one(queued)
            except ConnectionError:
                return  # the reader ends the session
            except Exception as error:  # noqa: BLE001 - logged with its traceback; the next is said
                self._faults.tell(f"saying {queued.request_id}", error, "speech_fault")
            finally:
                if self._current == queued.request_id:
                    self._current = None

    async def _stream_one(self, queued: Queued) -> None:
        metadata = MetadataFrame(
            self._sample_rate, queued.request_id, self._avatar_id, self.connection_id
        )
        stream = RelayStream(metadata, self._speed)
        takes = queued.takes()
        upcoming: asyncio.Future[Take | None] = asyncio.ensure_future(anext(takes, None))
        started = 0.0
        try:
            while (take := await self._hearing.unless_over(upcoming)) is not None:
                samples, frames = await self._speaker.audio(take, self._sample_rate)
                started = started or time.monotonic()
                self._hearing.sent(take.seconds)
                following: asyncio.Future[Take | None] | None = None
                for due, frame in stream.piece(samples, frames):
                    # Only when what has to go out at once is out: the first sound comes first
                    if following is None and time.monotonic() < started + due:
                        following = upcoming = self._ahead(takes)
                    if await self._hearing.over_before(started + due):
                        return
                    await self._send(frame)
                upcoming = following or self._ahead(takes)
            if self._hearing.over or not started:
                return
            for due, frame in stream.end():
                if await self._hearing.over_before(started + due):
                    return
                await self._send(frame)
        finally:
            upcoming.cancel()
            await asyncio.wait({upcoming})
            await takes.aclose()
        await self._hearing.to_the_end()

    def _ahead(self, takes: AsyncGenerator[Take, None]) -> asyncio.Future[Take | None]:
        """The next of them, unless so much has been said that no more is taken."""
        if self._hearing.seconds < _LONGEST_S:
            return asyncio.ensure_future(anext(takes, None))
        logger.warning(
            "%s: more than %.0f s of speech; the rest is not said",
            self._current,
            _LONGEST_S,
            extra={"code": "text_too_long"},
        )
        nothing: asyncio.Future[Take | None] = asyncio.get_running_loop().create_future()
        nothing.set_result(None)
        return nothing

    async def _send(self, frame: RelayFrame) -> None:
        if self._socket.closed:
            raise ConnectionResetError("the kiosk has closed the connection")
        await self._socket.send_bytes(encode_frame(frame))


def _object(data: str) -> dict[str, Any] | None:
    with contextlib.suppress(ProtocolError):
        return json_object(data, "text")
    return None
