# SPDX-License-Identifier: Apache-2.0
"""One driveningress connection: audio comes up, motion goes down.

Motion is sent while the audio is still coming. `playback_control` is not announced, because
this server plays nothing: Pause and Resume are answered with an error.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from aiohttp import WSMsgType, web

from driving_client.endpoint.batches import MotionBatches
from driving_client.endpoint.identifiers import new_identifier
from driving_client.errors import ProtocolError
from driving_client.link.frame_reader import FrameReader
from driving_client.lipsync.flame_performance import VoicePerformance
from driving_client.motion import FloatArray
from driving_client.retarget import Retarget
from driving_client.sample_rates import rate_fault
from driving_client.utterance import MAX_SECONDS, Samples
from driving_client.voice_formats.ogg_opus import OggOpusDecoder
from driving_client.voice_formats.opus import OPUS_RATE, OpusMissingError
from driving_client.wire.codec import decode_message, encode_message
from driving_client.wire.messages import (
    Animation,
    AudioInput,
    ConfigureSession,
    ConfirmSession,
    Interrupt,
    Pause,
    Resume,
    ServerError,
    WireMessage,
)

logger = logging.getLogger(__name__)

CONFIGURE_TIMEOUT_S: Final = 10.0
CONTRACT_BROKEN: Final = 4400
_INVALID_ARGUMENT: Final = 3
_UNIMPLEMENTED: Final = 12
_REMEMBERED_IDS: Final = 256
_PCM, _OGG_OPUS = 0, 1
_FRAMES: Final = (WSMsgType.TEXT, WSMsgType.BINARY)
_OPUS_BYTES: Final = 4096
"""About a second of Opus, to be decoded at once."""


@dataclass(slots=True, eq=False)
class _Request:
    """The request under way."""

    request_id: str
    performance: VoicePerformance
    batches: MotionBatches
    task: asyncio.Task[None]
    opus: OggOpusDecoder | None
    samples: int = 0
    audio_ended: bool = False

    def pieces(self, message: AudioInput, sample_rate: int) -> Iterator[Samples]:
        """The samples that a message completes, about a second at a time; raises ProtocolError."""
        if self.opus is not None:
            for start in range(0, len(message.audio), _OPUS_BYTES):
                yield self.opus.feed(message.audio[start : start + _OPUS_BYTES])
            if message.end:
                self.opus.finish()
            return
        if len(message.audio) % 2:
            raise ProtocolError("audio holds half a sample; send whole s16le mono samples")
        samples = np.frombuffer(message.audio, "<i2").astype(np.int16)
        for start in range(0, len(samples), sample_rate):
            yield samples[start : start + sample_rate]


class DrivingIngressSession:
    """Serves one WebSocket until it closes."""

    def __init__(
        self, socket: web.WebSocketResponse, reader: FrameReader, retarget: Retarget, speed: float
    ) -> None:
        self._socket = socket
        self._reader = reader
        self._retarget = retarget
        self._speed = speed
        self._connection_id = new_identifier()
        self._sample_rate = 0
        self._opus = False
        self._request: _Request | None = None
        self._closed_ids: dict[str, None] = {}  # in order of age

    async def serve(self) -> None:
        """Confirm the session, then answer requests until the client goes."""
        try:
            if await self._configure():
                while (message := await self._reader.next()).type in _FRAMES:
                    if message.type is WSMsgType.BINARY:
                        await self._handle(decode_message(message.data))
        except ProtocolError as error:
            logger.warning("%s", error, extra={"code": "protocol_error"})
            await self._error(_INVALID_ARGUMENT, str(error))
            await self._socket.close(code=CONTRACT_BROKEN, message=b"protocol error")
        finally:
            await self._drop()

    async def _configure(self) -> bool:
        """Await ConfigureSession and confirm it; whether the session stands."""
        try:
            async with asyncio.timeout(CONFIGURE_TIMEOUT_S):
                message = await self._reader.next()
        except TimeoutError:
            raise ProtocolError(
                f"no ConfigureSession within {CONFIGURE_TIMEOUT_S:.0f} s; send it at once"
            ) from None
        if message.type not in _FRAMES:
            return False
        first = decode_message(message.data) if message.type is WSMsgType.BINARY else None
        if not isinstance(first, ConfigureSession):
            raise ProtocolError("the first message is not ConfigureSession; send it first")
        if first.egress_type != 0:
            raise ProtocolError(
                "motion is answered on this connection only, not published to LiveKit or Agora; "
                "leave the egress out"
            )
        self._sample_rate = self._agreed_rate(first)
        await self._send(ConfirmSession(self._connection_id))
        logger.info(
            "session %s, %s at %d Hz",
            self._connection_id,
            "Ogg Opus" if self._opus else "PCM",
            self._sample_rate,
            extra={"code": "session_confirmed"},
        )
        return True

    def _agreed_rate(self, first: ConfigureSession) -> int:
        """Hz of the samples that the motion is made from; raises ProtocolError."""
        if first.audio_format == _OGG_OPUS:
            try:
                OggOpusDecoder()
            except OpusMissingError as error:
                raise ProtocolError(str(error)) from error
            self._opus = True
            return OPUS_RATE  # the stream tells its own rate, and any is decoded to this one
        if first.audio_format != _PCM:
            raise ProtocolError(
                f"audio format {first.audio_format} is unknown; send PCM s16le (0) or Ogg Opus (1)"
            )
        rate = first.sample_rate or 16000
        if fault := rate_fault(rate):
            raise ProtocolError(fault)
        return rate

    async def _handle(self, message: WireMessage) -> None:
        match message:
            case AudioInput():
                await self._audio(message)
            case Interrupt(request_id):
                if self._request is not None and self._request.request_id == request_id:
                    await self._drop()
                else:
                    self._remember(request_id)
            case Pause(request_id) | Resume(request_id):
                await self._error(
                    _UNIMPLEMENTED,
                    "this endpoint plays nothing, so it cannot pause; pause at the player",
                    request_id,
                )
            case _:
                logger.debug("ignored %s", type(message).__name__, extra={"code": "ignored"})

    async def _audio(self, message: AudioInput) -> None:
        if not message.request_id:
            raise ProtocolError("AudioInput without req_id; give every request its own")
        if message.request_id in self._closed_ids:
            return  # late audio of an interrupted or finished request
        request = self._request
        if request is None or request.request_id != message.request_id:
            await self._drop()
            request = self._request = self._begin(message.request_id)
        if request.audio_ended:
            return
        try:
            for samples in request.pieces(message, self._sample_rate):
                request.samples += len(samples)
                if request.samples > MAX_SECONDS * self._sample_rate:
                    raise ProtocolError(f"more than {MAX_SECONDS:.0f} s of audio; split it")
                request.batches.push(request.performance.feed(samples))
                await asyncio.sleep(0)  # a long upload must not hold up other sessions
        except ProtocolError as error:
            await self._refuse(request, str(error))
            return
        if message.end:
            request.audio_ended = True
            request.batches.push(request.performance.finish())
            request.batches.end()

    def _begin(self, request_id: str) -> _Request:
        async def send(frames: FloatArray, end: bool) -> None:
            await self._send(Animation(request_id, frames, end, self._connection_id))

        batches = MotionBatches(send, self._speed)
        return _Request(
            request_id,
            VoicePerformance(self._sample_rate, self._retarget),
            batches,
            asyncio.create_task(batches.run()),
            OggOpusDecoder() if self._opus else None,
        )

    async def _refuse(self, request: _Request, reason: str) -> None:
        await self._drop()
        await self._error(_INVALID_ARGUMENT, reason, request.request_id)

    async def _drop(self) -> None:
        """Stop the request under way; its id is never taken again."""
        request, self._request = self._request, None
        if request is None:
            return
        self._remember(request.request_id)
        request.task.cancel()
        results = await asyncio.gather(request.task, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, ConnectionError):
                logger.error(
                    "sending motion failed", exc_info=result, extra={"code": "send_failed"}
                )

    def _remember(self, request_id: str) -> None:
        self._closed_ids[request_id] = None
        while len(self._closed_ids) > _REMEMBERED_IDS:
            del self._closed_ids[next(iter(self._closed_ids))]

    async def _error(self, code: int, message: str, request_id: str = "") -> None:
        await self._send(ServerError(code, message, self._connection_id, request_id))

    async def _send(self, message: WireMessage) -> None:
        if not self._socket.closed:
            await self._socket.send_bytes(encode_message(message))
