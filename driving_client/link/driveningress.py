# SPDX-License-Identifier: Apache-2.0
"""The driveningress dialect: our voice goes up, motion comes back.

The forwarder reads the voice from the utterance itself, so nothing is stored twice and a lost
link costs nothing but motion: after reconnection the rest of the voice goes up under a new
request id (ids are never reused), from the first 40 ms frame that has neither motion yet nor
been heard already, and its motion is placed from that frame on (`Utterance.restore_motion`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import aiohttp

from driving_client.errors import ProtocolError
from driving_client.link.forwarding import Forwarding
from driving_client.link.heard import Heard
from driving_client.link.interface import EventSink, PlaybackState, UtteranceStarted, VoiceStream
from driving_client.link.local_voice import LocalVoice, new_request_id
from driving_client.link.retry import Action, Rule, SessionError, fault_of_error
from driving_client.link.session import ReconnectingLink
from driving_client.link.session_record import SessionRecord
from driving_client.link.session_token import credentials
from driving_client.link.settings import LinkSettings
from driving_client.motion_failure import MotionFailure, endpoint_failure
from driving_client.utterance import Utterance
from driving_client.wire.animation import add_animation
from driving_client.wire.codec import (
    Animation,
    ConfigureSession,
    ConfirmSession,
    Interrupt,
    Pause,
    PlaybackStateMessage,
    Resume,
    ServerError,
    decode_message,
    encode_message,
)

logger = logging.getLogger(__name__)

_PATH: Final = "/websocket"
_NO_SESSION: Final[Rule] = (Action.BACKOFF, "the endpoint does not confirm the session properly")
_FINISHED: Final = (PlaybackState.ENDED, PlaybackState.INTERRUPTED, PlaybackState.FAILED)


class DrivingIngressLink(ReconnectingLink):
    """Implements link.Link for an endpoint that answers voice with motion."""

    def __init__(
        self,
        settings: LinkSettings,
        sink: EventSink,
        record: SessionRecord,
        latest: Callable[[], LinkSettings] | None = None,
    ) -> None:
        super().__init__(settings, sink, record, latest)
        self._current: Forwarding | None = None
        self._capabilities: tuple[str, ...] = ()

    def begin_voice(self, sample_rate: int) -> VoiceStream:
        """Start an utterance whose voice is made here; it replaces the one under way."""
        before = self._current
        utterance = Utterance(
            new_request_id(), sample_rate, motion_offset_s=self._settings.motion_offset_s
        )
        current = self._current = Forwarding(
            utterance, self._settings.sample_rate, self._task_ended
        )
        # The player hears of the newcomer first: else it would take the old one as complete
        try:
            self._sink(UtteranceStarted(utterance))
        finally:
            if before is not None:
                self._give_up(before)
        if self.connected:
            current.start(utterance.request_id, 0, self._send)
        else:
            utterance.fail_motion(MotionFailure.LINK_DOWN)
        return LocalVoice(utterance, current.changed.set)

    def report_heard(self, heard: Heard) -> None:
        """Nobody to tell: the dialect has no microphone."""

    async def _address(self, http: aiohttp.ClientSession) -> tuple[str, Mapping[str, str]]:
        settings = self._settings
        headers = await credentials(http, settings, self._clock)
        parts = urlsplit(settings.url)
        path = parts.path.rstrip("/")
        if not path.endswith(_PATH):
            path += _PATH
        query = urlencode([*parse_qsl(parts.query), ("id", settings.avatar_id)])
        return urlunsplit((parts.scheme, parts.netloc, path, query, "")), headers

    async def _handshake(self) -> str:
        configure = ConfigureSession(self._settings.sample_rate)
        await self._send(encode_message(configure))
        while True:
            frame = await self._receive()
            if frame.type is not aiohttp.WSMsgType.BINARY:
                continue
            try:
                message = decode_message(frame.data)
            except ProtocolError as error:
                raise SessionError("handshake_damaged", _NO_SESSION, str(error)) from error
            if isinstance(message, ServerError):
                raise fault_of_error(message.code, message.message)
            if isinstance(message, ConfirmSession):
                if not message.connection_id:
                    raise SessionError("handshake_damaged", _NO_SESSION, "empty connection id")
                self._capabilities = message.capabilities
                return message.connection_id

    def _confirmed(self) -> None:
        current = self._current
        if current is None or current.utterance.motion_ended:
            return
        place = current.place_to_rejoin(time.monotonic())
        if place is None:
            return
        current.utterance.restore_motion(place)
        request_id = current.utterance.request_id if current.unsent else new_request_id()
        current.start(request_id, place, self._send)
        logger.info(
            "utterance %s: motion is asked for again from frame %d on, as %s",
            current.utterance.request_id,
            place,
            request_id,
            extra={"code": "motion_rejoined"},
        )

    def _lost(self) -> None:
        if self._current is not None:
            self._current.stop()
            self._current.utterance.fail_motion(MotionFailure.LINK_LOST)

    def _received(self, message: aiohttp.WSMessage) -> None:
        if message.type is not aiohttp.WSMsgType.BINARY:
            return
        match decode_message(message.data):
            case Animation() as animation:
                self._animation(animation)
            case ServerError() as error:
                self._server_error(error)
            case PlaybackStateMessage(request_id, state):
                logger.debug(
                    "endpoint: %s is in state %d",
                    request_id,
                    state,
                    extra={"code": "endpoint_playback"},
                )
            case _:
                pass

    def _animation(self, animation: Animation) -> None:
        self._guard.keyframes(animation.places)
        self._counters.frames_dropped += animation.dropped
        current = self._current
        if current is None or animation.request_id != current.request_id:
            self._counters.late_messages += 1
            return
        add_animation(current.utterance, animation)

    def _server_error(self, error: ServerError) -> None:
        """An error of one request costs its motion; any other ends the session."""
        self._guard.request()
        fault = fault_of_error(error.code, error.message)
        if error.request_id and not 4000 <= error.code <= 4999:
            logger.warning("request %s: %s", error.request_id, fault, extra={"code": fault.code})
            code = self._counters.fail(fault.code)
            current = self._current
            if current is not None and error.request_id == current.request_id:
                current.stop()
                current.utterance.fail_motion(endpoint_failure(code))
            if fault.action is not Action.FRESH_TOKEN:
                return
        raise fault

    def _reported(self, request_id: str, state: PlaybackState, played_ms: int) -> None:
        current = self._current
        if current is None or current.utterance.request_id != request_id:
            return
        before = current.playback.state
        current.playback.report(state, played_ms, time.monotonic())
        if state in _FINISHED:
            self._current = None
            self._give_up(current)
        elif "playback_control" in self._capabilities and current.request_id:
            if state is PlaybackState.PAUSED:
                self._send_soon(encode_message(Pause(current.request_id)))
            elif before is PlaybackState.PAUSED:
                self._send_soon(encode_message(Resume(current.request_id)))

    def _give_up(self, forwarding: Forwarding) -> None:
        """What is missing of the utterance is not wanted any more; its late frames are dropped."""
        request_id = forwarding.request_id
        forwarding.stop()
        forwarding.utterance.end_audio()
        if not forwarding.utterance.motion_ended:
            forwarding.utterance.fail_motion(MotionFailure.GIVEN_UP)
            if request_id:
                self._send_soon(encode_message(Interrupt(request_id)))
