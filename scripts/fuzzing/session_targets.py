# SPDX-License-Identifier: Apache-2.0
"""Whole sessions with a driving endpoint: what comes before, within and at the end of one."""

from __future__ import annotations

import asyncio
import struct
from typing import Final

import numpy as np
from aiohttp import WSMessage

from driving_client.errors import ProtocolError
from driving_client.link.driveningress import DrivingIngressLink
from driving_client.link.heard import HeardSound, VisitorBargedIn
from driving_client.link.interface import LinkEvent, PlaybackState, UtteranceStarted
from driving_client.link.relay import RelayLink
from driving_client.link.retry import SessionError, fault_of_error, rule_for_close
from driving_client.link.session_record import Forgetful
from driving_client.link.settings import LinkSettings
from driving_client.utterance import Utterance
from driving_client.wire.codec import (
    Animation,
    ConfirmSession,
    Interrupt,
    ServerError,
    encode_message,
)
from driving_client.wire.relay_frames import (
    MAX_JSON_BYTES,
    AudioFrame,
    ErrorFrame,
    MetadataFrame,
    MotionFrame,
    encode_frame,
)
from fuzzing.frames import BINARY, TEXT, frames_in, sequence
from fuzzing.target import Target, finish, text
from fuzzing.wire_targets import ENCODED, RELAY_FRAMES, WORDS, frames, json_of
from kioskd.config.network_sections import EndpointSection
from kioskd.config.part_settings import link_settings
from kioskd.config.sections import EarsSection
from kioskd.config.table import Config

_NO_RECORD: Final = Forgetful()


def _settings(url: str, dialect: str) -> LinkSettings:
    """As the configuration has them by default, of a kiosk that hears."""
    config = Config(
        endpoint=EndpointSection(url=url, dialect=dialect), ears=EarsSection(enabled=True)
    )
    settings = link_settings(config, {})
    assert settings is not None
    return settings


_RELAY: Final = _settings("ws://relay.example/relay", "relay")
_INGRESS: Final = _settings("ws://ingress.example", "driveningress")


class _Heard:
    """The player's place: takes what a link tells, and looks at every utterance."""

    def __init__(self) -> None:
        self.utterances: list[Utterance] = []

    def __call__(self, event: LinkEvent) -> None:
        if isinstance(event, UtteranceStarted):
            self.utterances.append(event.utterance)

    def check(self) -> None:
        for utterance in self.utterances[-3:]:
            assert np.isfinite(utterance.motion_frames()).all()
            utterance.motion_at(0.05)
            assert len(utterance.audio(0, 10)) <= 10


def relay_session(data: bytes) -> None:
    """The frames of one session of a relay, and the reports of player and ears between them."""
    finish(_relay_session(data))


async def _relay_session(data: bytes) -> None:
    heard = _Heard()
    link = RelayLink(_RELAY, heard, _NO_RECORD)
    try:
        for received in frames_in(data):
            try:
                link._received(received)
            except ProtocolError:
                continue  # dropped and counted
            if heard.utterances and len(data) % 4 == 0:
                request_id = heard.utterances[-1].request_id
                for state in (PlaybackState.PLAYING, PlaybackState.INTERRUPTED):
                    link._reported(request_id, state, 40)
                link.report_heard(_HEARD)
                link._ears.hear_event(VisitorBargedIn(0, request_id, 40), link._timeline.wire_id)
    finally:
        link._lost()
        await asyncio.sleep(0)  # for the end of what it has begun
        heard.check()


def driveningress_session(data: bytes) -> None:
    """The frames that answer a voice."""
    heard = _Heard()
    link = DrivingIngressLink(_INGRESS, heard, _NO_RECORD)
    # Its id is by chance; the inputs say "r"
    stream = link.begin_voice(16000)
    assert link._current is not None
    link._current.request_id = "r"
    stream.write(np.ones(1600, np.int16))
    try:
        for received in frames_in(data):
            try:
                link._received(received)
            except ProtocolError:
                continue
    finally:
        link._lost()
        heard.check()


def handshake(data: bytes) -> None:
    """What comes before a session of driveningress is confirmed."""
    received = iter(frames_in(data))
    link = DrivingIngressLink(_INGRESS, _Heard(), _NO_RECORD)

    async def send(_data: bytes | str) -> None:
        return

    async def receive() -> WSMessage:
        try:
            return next(received)
        except StopIteration:
            raise SessionError("close_None", rule_for_close(None)) from None

    link._send, link._receive = send, receive  # type: ignore[method-assign,assignment]
    assert finish(link._handshake())


def close_code(data: bytes) -> None:
    """The code of a close frame, or of a ServerError; none where the connection just broke."""
    if not data:
        assert rule_for_close(None)
        return
    (code,) = struct.unpack(">i", data[:4].rjust(4, b"\0"))
    assert rule_for_close(code)
    raise fault_of_error(code, text(data[4:]))


def _metadata(request_id: str) -> MetadataFrame:
    return MetadataFrame(16000, request_id)


_SOUND: Final = np.ones(160, np.int16)
_HEARD: Final = HeardSound(_SOUND, 0)
_RELAY_TEXTS: Final = (
    *(json_of(action="listen", codec=codec) for codec in ("pcm_s16le", "opus", "mp3", 7)),
    json_of(action="listen"),
    *(json_of(action=action, req_id="r") for action in ("interrupt", "pause", "resume", "state")),
    b"[]",
    json_of(action={}, req_id=[]),
    json_of(event="other"),
)

TARGETS: Final = (
    Target(
        "relay_session",
        relay_session,
        (SessionError,),
        (
            "driving_client.link.relay:RelayLink._received",
            "driving_client.link.relay:RelayLink._text",
            "driving_client.link.relay:RelayLink._error",
            "driving_client.link.relay:RelayLink._reported",
            "driving_client.link.relay_ears:RelayEars.asked",
            "driving_client.link.relay_ears:RelayEars.hear_event",
            "driving_client.wire.relay_frames:json_object",
            "driving_client.link.relay_timeline:RelayTimeline.",
            "driving_client.wire.animation:",
        ),
        (
            sequence(*((BINARY, frame) for frame in RELAY_FRAMES)),
            *(
                sequence(*((BINARY, frame) for frame in RELAY_FRAMES[:3]), (TEXT, each))
                for each in _RELAY_TEXTS
            ),
            sequence((BINARY, RELAY_FRAMES[2]), (BINARY, RELAY_FRAMES[1])),
            *(
                sequence(*((BINARY, encode_frame(each)) for each in story))
                for story in (
                    (_metadata("r"), _metadata("r"), _metadata("s"), _metadata("r"), _metadata("")),
                    (_metadata("r"), ErrorFrame("no", "r"), ErrorFrame("no")),
                    (_metadata("r"), ErrorFrame("no", "r", 3), ErrorFrame("no", "s", 16)),
                    (_metadata("r"), AudioFrame(_SOUND, last=True), AudioFrame(_SOUND)),
                    (_metadata("r"), MotionFrame((Animation("s", frames(1)), Interrupt("r")))),
                    (_metadata("r"), MotionFrame((Animation("r", frames(1)),), last=True)),
                    (AudioFrame(_SOUND), MotionFrame((Animation("s", frames(0), dropped=2),))),
                )
            ),
        ),
        300,
        12000,
        WORDS,
        (sequence((TEXT, b"x" * (MAX_JSON_BYTES + 1))),),
    ),
    Target(
        "driveningress_session",
        driveningress_session,
        (SessionError,),
        (
            "driving_client.link.driveningress:DrivingIngressLink._received",
            "driving_client.link.driveningress:DrivingIngressLink._animation",
            "driving_client.link.driveningress:DrivingIngressLink._server_error",
        ),
        (
            *(sequence((BINARY, each), (BINARY, ENCODED[0])) for each in ENCODED),
            *(
                sequence((BINARY, encode_message(each)), (TEXT, b"text"))
                for each in (
                    Animation("other", frames(1)),
                    ServerError(5, "no", "c", "r"),
                    ServerError(5, "no", "c", "other"),
                    ServerError(5, "no", "c"),
                )
            ),
        ),
        200,
        10000,
        WORDS,
    ),
    Target(
        "handshake",
        handshake,
        (SessionError,),
        ("driving_client.link.driveningress:DrivingIngressLink._handshake",),
        (
            *(sequence((TEXT, b"hello"), (BINARY, each)) for each in ENCODED),
            sequence((BINARY, encode_message(ConfirmSession("")))),
            sequence((BINARY, b"\x0a")),
        ),
        300,
        30000,
        WORDS,
    ),
    Target(
        "close_code",
        close_code,
        (SessionError,),
        (
            "driving_client.link.retry:rule_for_close",
            "driving_client.link.retry:rule_for_server_error",
        ),
        (b"", *(struct.pack(">i", code) for code in (0, 3, 16, 1006, 4001, 4050, 4500, -1))),
        1000,
        30000,
    ),
)
