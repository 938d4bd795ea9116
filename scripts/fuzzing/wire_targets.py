# SPDX-License-Identifier: Apache-2.0
"""What a driving endpoint sends: messages, relay frames, whole sessions, and token answers."""

from __future__ import annotations

import json
import struct
from typing import Final

import numpy as np
from aiohttp import WSMessage

from driving_client.driveningress import DrivingIngressLink
from driving_client.errors import ProtocolError
from driving_client.link import LinkEvent, PlaybackState, UtteranceStarted
from driving_client.relay import RelayLink
from driving_client.retry import SessionError, fault_of_error, rule_for_close
from driving_client.session_record import Forgetful
from driving_client.session_settings import LinkSettings
from driving_client.session_token import _token_in
from driving_client.utterance import SAMPLE_RATES, Utterance
from driving_client.wire import driveningress_pb2 as pb
from driving_client.wire.allowance import MAX_ENTRIES, MAX_FIELDS, MAX_KEYFRAMES
from driving_client.wire.codec import (
    MAX_MESSAGE_BYTES,
    MAX_TEXT_LENGTH,
    Animation,
    AudioInput,
    ConfigureSession,
    ConfirmSession,
    Interrupt,
    Pause,
    PlaybackStateMessage,
    Resume,
    ServerError,
    Unknown,
    WireMessage,
    decode_message,
    encode_message,
)
from driving_client.wire.relay_frames import (
    MAX_AUDIO_BYTES,
    MAX_JSON_BYTES,
    MAX_MESSAGES,
    AudioFrame,
    ErrorFrame,
    MetadataFrame,
    MotionFrame,
    decode_frame,
    encode_frame,
)
from fuzzing.frames import BINARY, TEXT, frames_in, sequence
from fuzzing.target import Target, finish, header, join, split, text

_NO_RECORD: Final = Forgetful()
_INGRESS: Final = LinkSettings("ws://ingress.example", dialect="driveningress")
_LARGEST_PARAMETER: Final = 10.0


def _frames(count: int, value: float = 0.1) -> np.ndarray:
    return np.full((count, 120), value, np.float32)


_MESSAGES: Final[tuple[WireMessage, ...]] = (
    Animation("r", _frames(2), True, "c"),
    AudioInput("r", b"\1\2\3\4", True),
    ConfigureSession(16000, 32000, 1, {"key": "value"}, 1),
    ConfirmSession("c", ("playback_control",)),
    ServerError(4010, "no", "c", "r"),
    ServerError(16, "no", "c", "r"),
    Interrupt("r"),
    Pause("r"),
    Resume("r"),
    PlaybackStateMessage("r", 2, 40, "asked", "c"),
)


def _check(message: WireMessage) -> None:
    """What comes out can be used, and sent on."""
    if isinstance(message, Unknown):
        return
    if isinstance(message, Animation):
        frames = message.frames
        assert frames.shape[1] == 120
        assert frames.dtype == np.float32
        assert not frames.size or float(np.abs(frames).max()) <= _LARGEST_PARAMETER
    again = decode_message(encode_message(message))
    assert type(again) is type(message)


def message(data: bytes) -> None:
    """One message of the wire."""
    decoded = decode_message(data)
    if not isinstance(decoded, ConfigureSession | PlaybackStateMessage):
        _check(decoded)  # numbers of a newer schema are read, but cannot be written


def relay_frame(data: bytes) -> None:
    """One binary frame of the relay."""
    frame = decode_frame(data)
    if isinstance(frame, AudioFrame):
        assert frame.samples.dtype == np.int16
    elif isinstance(frame, MetadataFrame):
        assert type(frame.sample_rate) is int
        assert frame.sample_rate in SAMPLE_RATES


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
    """The frames of one session of a relay, and the player's reports between them."""
    heard = _Heard()
    link = RelayLink(LinkSettings("ws://relay.example/relay"), heard, _NO_RECORD)
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
    finally:
        link._lost()
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
    frames = iter(frames_in(data))
    link = DrivingIngressLink(_INGRESS, _Heard(), _NO_RECORD)

    async def send(_data: bytes | str) -> None:
        return

    async def receive() -> WSMessage:
        try:
            return next(frames)
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


def token_answer(data: bytes) -> None:
    """Status and body of the token service's answer."""
    status, asked, date, body = split(data, 4)
    headers = {"Retry-After": header(asked), "Date": header(date)}
    token = _token_in(int.from_bytes(status[:2], "big"), headers, body)
    assert token.isascii()
    assert token.isprintable()


def _animation(*keyframes: pb.Flame) -> bytes:
    motion = pb.ServerResponseAnimation(animation=pb.FlameAnimation(keyframes=keyframes))
    return pb.Message(
        type=pb.MESSAGE_SERVER_RESPONSE_ANIMATION, server_response_animation=motion
    ).SerializeToString()


def _metadata(request_id: str) -> MetadataFrame:
    return MetadataFrame(16000, request_id)


def _json(**document: object) -> bytes:
    return json.dumps(document).encode()


_RELAY_FRAMES: Final = (
    encode_frame(MetadataFrame(16000, "r", "a", "c")),
    encode_frame(AudioFrame(np.ones(160, np.int16), last=False)),
    encode_frame(MotionFrame((Animation("r", _frames(2), True),), last=True)),
    encode_frame(MotionFrame(_MESSAGES[:2])),
    encode_frame(ErrorFrame("no", "r", 4010)),
    encode_frame(ErrorFrame("no", "r", 3)),
    encode_frame(ErrorFrame("no", "r")),
    b"\x03\0" + _json(sample_rate=8000, channels=1, req_id=None),
    b"\x04\0" + _json(error={"a": 1}),
    b"\x01\x01",
    b"\x01\0odd",
    b"\x02\0" + struct.pack(">I", MAX_MESSAGES + 1),
    b"\x02\0" + struct.pack(">IIB", 1, 9, 0),
    b"\x02\0" + struct.pack(">IIB", 1, 1, 0) + b"over",
    b"\x02\0" + struct.pack(">I", 2),
    b"\x02\0\0",
    b"\x03\0" + _json(sample_rate=16000, channels=2),
    b"\x03\0" + _json(sample_rate=16000, req_id=1),
    b"\x04\0" + _json(code="no"),
    b"\x03\0{",
    b"\x03\0[]",
    b"\x07\0newer",
)
_SOUND: Final = np.ones(160, np.int16)
_RELAY_TEXTS: Final = (
    *(_json(action=action, req_id="r") for action in ("interrupt", "pause", "resume", "state")),
    b"[]",
    _json(action={}, req_id=[]),
    _json(event="other"),
)
_ENCODED: Final = tuple(encode_message(each) for each in _MESSAGES)
_DAMAGED: Final = (
    b"\x08\x63",  # a type of a newer protocol
    b"\x08\x05",  # a type without its content
    b"\x0a",
    _ENCODED[0].replace(b"\xcd\xcc\xcc\x3d", b"\x00\x00\xc0\x7f", 1),
    _animation(pb.Flame(jaw_pose=[0.1])),
    _animation(pb.Flame(), pb.Flame(jaw_pose=[4.0, 0, 0]), pb.Flame(expression=[0.1] * 101)),
    b"\x7b\x7d\x7b\x7c",  # groups: one that ends, one that does not
    b"\x7b\x82\x01\x00\x7c",
    b"\x7d\1\2\3\4\x79\1\2\3\4\5\6\7\x08",  # fixed numbers
    b"\xff" * 11,
)

_LARGE: Final = (
    bytes(MAX_MESSAGE_BYTES + 1),
    b"\x08\0" * (MAX_FIELDS + 1),
    _animation(*[pb.Flame()] * (MAX_KEYFRAMES + 1)),
    encode_message(ServerError(3, "x" * (MAX_TEXT_LENGTH + 1))),
    encode_message(ConfirmSession("c", ("x",) * (MAX_ENTRIES + 1))),
)
_LARGE_FRAMES: Final = (
    b"\x02\0" + bytes(MAX_MESSAGE_BYTES + 1),
    b"\x01\0" + bytes(MAX_AUDIO_BYTES + 2),
    b"\x03\0" + bytes(MAX_JSON_BYTES + 1),
    b"\x03\0" + _json(sample_rate=16000, req_id="x" * (MAX_TEXT_LENGTH + 1)),
)

_WORDS: Final = (
    b"action", b"req_id", b"sample_rate", b"channels", b"error", b"code", b"interrupt", b"pause",
    b"state", b"16000", b"4001", b"4010", b"sessionToken", b"session_token", b"errors", b"title",
    b"detail", b"\x0a\x00", b"\x12\x00", b"\x08\x05", b"\x00\x00\x00\x01", b"\x7f\xc0\x00\x00",
)  # fmt: skip

_DATE: Final = b"Mon, 30 Nov 2026 09:00:30 GMT"

_CODEC: Final = (
    "driving_client.wire.codec:decode_message",
    "driving_client.wire.codec:_text",
    "driving_client.wire.codec:_unpack",
    "driving_client.wire.codec:_unpack_animation",
    "driving_client.wire.allowance:",
    "driving_client.wire.keyframes:read_keyframes",
    "driving_client.wire.keyframes:_fill_row",
    "driving_client.wire.keyframes:_hold_neighbours",
)

TARGETS: Final = (
    Target(
        "message", message, (ProtocolError,), _CODEC, (*_ENCODED, *_DAMAGED), 1000, 20000, _WORDS,
        _LARGE,
    ),
    Target(
        "relay_frame", relay_frame, (ProtocolError,),
        tuple(
            f"driving_client.wire.relay_frames:{name}"
            for name in ("decode_frame", "_samples", "_messages", "_json_object", "_string",
                         "_metadata", "_error")
        ),
        _RELAY_FRAMES, 1000, 20000, _WORDS, _LARGE_FRAMES,
    ),
    Target(
        "relay_session", relay_session, (SessionError,),
        (
            "driving_client.relay:RelayLink._received", "driving_client.relay:RelayLink._text",
            "driving_client.relay:RelayLink._error", "driving_client.relay:RelayLink._reported",
            "driving_client.relay:_json_object", "driving_client.relay_timeline:RelayTimeline.",
            "driving_client.animation:",
        ),
        (
            sequence(*((BINARY, frame) for frame in _RELAY_FRAMES)),
            *(sequence(*((BINARY, frame) for frame in _RELAY_FRAMES[:3]), (TEXT, each))
              for each in _RELAY_TEXTS),
            sequence((BINARY, _RELAY_FRAMES[2]), (BINARY, _RELAY_FRAMES[1])),
            *(
                sequence(*((BINARY, encode_frame(each)) for each in frames))
                for frames in (
                    (_metadata("r"), _metadata("r"), _metadata("s"), _metadata("r"), _metadata("")),
                    (_metadata("r"), ErrorFrame("no", "r"), ErrorFrame("no")),
                    (_metadata("r"), ErrorFrame("no", "r", 3), ErrorFrame("no", "s", 16)),
                    (_metadata("r"), AudioFrame(_SOUND, last=True), AudioFrame(_SOUND)),
                    (_metadata("r"), MotionFrame((Animation("s", _frames(1)), Interrupt("r")))),
                    (_metadata("r"), MotionFrame((Animation("r", _frames(1)),), last=True)),
                    (AudioFrame(_SOUND), MotionFrame((Animation("s", _frames(0), dropped=2),))),
                )
            ),
        ),
        300, 12000, _WORDS, (sequence((TEXT, b"x" * (MAX_JSON_BYTES + 1))),),
    ),
    Target(
        "driveningress_session", driveningress_session, (SessionError,),
        (
            "driving_client.driveningress:DrivingIngressLink._received",
            "driving_client.driveningress:DrivingIngressLink._animation",
            "driving_client.driveningress:DrivingIngressLink._server_error",
        ),
        (
            *(sequence((BINARY, each), (BINARY, _ENCODED[0])) for each in _ENCODED),
            *(
                sequence((BINARY, encode_message(each)), (TEXT, b"text"))
                for each in (
                    Animation("other", _frames(1)),
                    ServerError(5, "no", "c", "r"),
                    ServerError(5, "no", "c", "other"),
                    ServerError(5, "no", "c"),
                )
            ),
        ),
        200, 10000, _WORDS,
    ),
    Target(
        "handshake", handshake, (SessionError,),
        ("driving_client.driveningress:DrivingIngressLink._handshake",),
        (
            *(sequence((TEXT, b"hello"), (BINARY, each)) for each in _ENCODED),
            sequence((BINARY, encode_message(ConfirmSession("")))),
            sequence((BINARY, b"\x0a")),
        ),
        300, 30000, _WORDS,
    ),
    Target(
        "close_code", close_code, (SessionError,),
        ("driving_client.retry:rule_for_close", "driving_client.retry:rule_for_server_error"),
        (b"", *(struct.pack(">i", code) for code in (0, 3, 16, 1006, 4001, 4050, 4500, -1))),
        1000, 30000,
    ),
    Target(
        "token_answer", token_answer, (SessionError,),
        ("driving_client.session_token:_token_in", "driving_client.session_token:_error_text",
         "driving_client.http_answers:refused", "driving_client.http_answers:retry_after",
         "driving_client.server_clock:unix_seconds"),
        (
            join(b"\0\xc8", b"", b"", _json(sessionToken="t")),
            join(b"\0\xc8", b"", b"", _json(session_token="t")),
            join(b"\1\x91", b"30", b"", _json(errors=[{"code": "no", "title": "No"}])),
            join(b"\1\xad", _DATE, _DATE.replace(b"9:00:30", b"9:00:00"), _json(errors=["no"])),
            join(b"\1\x91", b"30", b"", _json(error="no", message="No")),
            join(b"\0\xc8", b"", b"", _json(sessionToken=1)),
            join(b"\0\xc8", b"", b"", b"[]"),
            join(b"\1\xf7", b"x", b"x", b"no"),
            join(b"\1\xad", b"120", b"", b"{"),
            join(b"\1\xad", _DATE.replace(b"GMT", b"-0000"), b"", b"{"),
            join(b"\1\xad", _DATE.replace(b"2026", b"1999"), b"", b"{"),
        ),
        700, 40000, _WORDS,
    ),
)  # fmt: skip
