# SPDX-License-Identifier: Apache-2.0
"""The relay dialect: a backend sends voice and motion, the kiosk tells what became of them.

Sockets and texts only; frames become utterances in `relay_timeline`, and what the kiosk hears goes
up in `relay_ears`. A voice made on this
side has no motion here, because a relay takes no audio.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Final

import aiohttp

from driving_client.link.heard import Heard, HeardSound
from driving_client.link.interface import (
    Control,
    ControlRequested,
    EventSink,
    PlaybackState,
    UtteranceStarted,
    VoiceStream,
)
from driving_client.link.local_voice import LocalVoice, new_request_id
from driving_client.link.pace import Line, line_of
from driving_client.link.relay_ears import RelayEars, capabilities
from driving_client.link.relay_timeline import RelayTimeline
from driving_client.link.retry import fault_of_error
from driving_client.link.session import ReconnectingLink
from driving_client.link.session_record import SessionRecord
from driving_client.link.session_token import credentials
from driving_client.link.settings import LinkSettings
from driving_client.motion_failure import MotionFailure
from driving_client.texts import excerpt
from driving_client.utterance import Utterance
from driving_client.wire.messages import Animation
from driving_client.wire.relay_frames import (
    AudioFrame,
    ErrorFrame,
    MetadataFrame,
    MotionFrame,
    decode_frame,
    json_object,
)

logger = logging.getLogger(__name__)

_CONTROLS: Final = {control.value: control for control in Control}


class RelayLink(ReconnectingLink):
    """Implements link.Link for a backend that sends both voice and motion."""

    def __init__(
        self,
        settings: LinkSettings,
        sink: EventSink,
        record: SessionRecord,
        latest: Callable[[], LinkSettings] | None = None,
    ) -> None:
        super().__init__(settings, sink, record, latest)
        self._ears = RelayEars(
            self._counters, self._send, self._send_soon, self._line, self._task_ended
        )
        self._timeline = RelayTimeline(
            sink,
            self._counters,
            settings.sample_rate,
            settings.motion_offset_s,
            lambda: self._guard.request(),
        )

    def begin_voice(self, sample_rate: int) -> VoiceStream:
        """Start an utterance whose voice is made here; nobody makes motion for it."""
        utterance = Utterance(new_request_id(), sample_rate)
        self._sink(UtteranceStarted(utterance))
        failure = MotionFailure.LINK_DOWN
        if self.connected:
            failure = MotionFailure.RELAY_TAKES_NO_VOICE
        utterance.fail_motion(failure)
        return LocalVoice(utterance, lambda: None)

    def report_heard(self, heard: Heard) -> None:
        """See Link."""
        if isinstance(heard, HeardSound):
            self._ears.hear_sound(heard)
        else:
            self._post(self._ears.hear_event, heard, self._timeline.wire_id)

    def _line(self) -> Line | None:
        return None if self._socket is None else line_of(self._socket)

    async def _address(self, http: aiohttp.ClientSession) -> tuple[str, Mapping[str, str]]:
        return self._settings.url, await credentials(http, self._settings, self._clock)

    async def _handshake(self) -> str:
        settings = self._settings
        start: dict[str, object] = {
            "action": "start",
            "avatar_id": settings.avatar_id,
            "sample_rate": settings.sample_rate,
        }
        if voice := settings.voice.document():
            start["voice"] = voice
        if settings.microphone:
            start["capabilities"] = capabilities()
        await self._send(json.dumps(start))
        return ""

    def _confirmed(self) -> None:
        """Nothing to take up again: a relay cannot say from where."""

    def _lost(self) -> None:
        self._ears.lost()
        self._timeline.link_lost()

    def _received(self, message: aiohttp.WSMessage) -> None:
        if message.type is aiohttp.WSMsgType.TEXT:
            self._text(message.data)
            return
        match decode_frame(message.data):
            case AudioFrame() as audio:
                self._timeline.audio(audio)
            case MotionFrame() as motion:
                moves = [each for each in motion.messages if isinstance(each, Animation)]
                self._guard.keyframes(sum(each.places for each in moves))
                self._timeline.motion(motion)
            case MetadataFrame() as metadata:
                self._timeline.metadata(metadata)
            case ErrorFrame() as error:
                self._error(error)
            case None:
                pass

    def _text(self, text: str) -> None:
        """A request of the backend; texts that this kiosk does not know are ignored."""
        self._guard.request()
        document = json_object(text, "text")
        if document.get("action") == "listen" and self._settings.microphone:
            self._ears.asked(document)
            return
        action, request_id = document.get("action"), document.get("req_id") or ""
        control = _CONTROLS.get(action) if isinstance(action, str) else None
        if control is None or not isinstance(request_id, str):
            logger.info("text ignored: %s", excerpt(text), extra={"code": "text_ignored"})
            return
        # The player first: closed before, the utterance would look complete to it
        self._sink(ControlRequested(control, self._timeline.request_id(request_id)))
        if control is Control.INTERRUPT:
            self._timeline.close(request_id)

    def _error(self, error: ErrorFrame) -> None:
        self._guard.request()
        logger.warning(
            "the backend reports an error: %s", error.message, extra={"code": "backend_error"}
        )
        self._counters.fail("backend_error")
        if error.request_id:
            self._timeline.fail_motion(error.request_id, MotionFailure.BACKEND_ERROR)
        if error.code is None or (error.request_id and error.code != 16 and error.code < 4000):
            return
        raise fault_of_error(error.code, error.message)

    def _reported(self, request_id: str, state: PlaybackState, played_ms: int) -> None:
        event = {
            "event": "playback",
            "req_id": self._timeline.wire_id(request_id),
            "state": state.value,
            "played_ms": played_ms,
        }
        self._send_soon(json.dumps(event))
        if state in (PlaybackState.INTERRUPTED, PlaybackState.FAILED) and request_id:
            self._timeline.close(request_id)
