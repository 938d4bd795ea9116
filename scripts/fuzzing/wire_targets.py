# SPDX-License-Identifier: Apache-2.0
"""What a driving endpoint sends, frame by frame; sessions are made of the same seeds."""

from __future__ import annotations

import json
import struct
from typing import Final

import numpy as np

from driving_client.errors import ProtocolError
from driving_client.sample_rates import SAMPLE_RATES
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
from driving_client.wire.microphone_frame import (
    MAX_SOUND_BYTES,
    MicrophoneFrame,
    decode_microphone_frame,
    encode_microphone_frame,
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
from fuzzing.target import Target

_LARGEST_PARAMETER: Final = 10.0


def frames(count: int, value: float = 0.1) -> np.ndarray:
    """So many frames of motion, float32 (count, 120)."""
    return np.full((count, 120), value, np.float32)


_MESSAGES: Final[tuple[WireMessage, ...]] = (
    Animation("r", frames(2), True, "c"),
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
        motion = message.frames
        assert motion.shape[1] == 120
        assert motion.dtype == np.float32
        assert not motion.size or float(np.abs(motion).max()) <= _LARGEST_PARAMETER
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


def microphone_frame(data: bytes) -> None:
    """One binary frame of a kiosk."""
    frame = decode_microphone_frame(data)
    if frame is not None:
        assert 0 < len(frame.sound) <= MAX_SOUND_BYTES
        assert encode_microphone_frame(frame)[2:] == data[2:]


def _animation(*keyframes: pb.Flame) -> bytes:
    motion = pb.ServerResponseAnimation(animation=pb.FlameAnimation(keyframes=keyframes))
    return pb.Message(
        type=pb.MESSAGE_SERVER_RESPONSE_ANIMATION, server_response_animation=motion
    ).SerializeToString()


def json_of(**document: object) -> bytes:
    """JSON as a peer writes it."""
    return json.dumps(document).encode()


RELAY_FRAMES: Final = (
    encode_frame(MetadataFrame(16000, "r", "a", "c")),
    encode_frame(AudioFrame(np.ones(160, np.int16), last=False)),
    encode_frame(MotionFrame((Animation("r", frames(2), True),), last=True)),
    encode_frame(MotionFrame(_MESSAGES[:2])),
    encode_frame(ErrorFrame("no", "r", 4010)),
    encode_frame(ErrorFrame("no", "r", 3)),
    encode_frame(ErrorFrame("no", "r")),
    b"\x03\0" + json_of(sample_rate=8000, channels=1, req_id=None),
    b"\x04\0" + json_of(error={"a": 1}),
    b"\x01\x01",
    b"\x01\0odd",
    b"\x02\0" + struct.pack(">I", MAX_MESSAGES + 1),
    b"\x02\0" + struct.pack(">IIB", 1, 9, 0),
    b"\x02\0" + struct.pack(">IIB", 1, 1, 0) + b"over",
    b"\x02\0" + struct.pack(">I", 2),
    b"\x02\0\0",
    b"\x03\0" + json_of(sample_rate=16000, channels=2),
    b"\x03\0" + json_of(sample_rate=16000, req_id=1),
    b"\x04\0" + json_of(code="no"),
    b"\x03\0{",
    b"\x03\0[]",
    b"\x07\0newer",
)
ENCODED: Final = tuple(encode_message(each) for each in _MESSAGES)
_DAMAGED: Final = (
    b"\x08\x63",  # a type of a newer protocol
    b"\x08\x05",  # a type without its content
    b"\x0a",
    ENCODED[0].replace(b"\xcd\xcc\xcc\x3d", b"\x00\x00\xc0\x7f", 1),
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
    b"\x03\0" + json_of(sample_rate=16000, req_id="x" * (MAX_TEXT_LENGTH + 1)),
)

WORDS: Final = (
    b"action", b"req_id", b"sample_rate", b"channels", b"error", b"code", b"interrupt", b"pause",
    b"state", b"16000", b"4001", b"4010", b"sessionToken", b"session_token", b"errors", b"title",
    b"detail", b"listen", b"codec", b"opus",
    b"\x0a\x00", b"\x12\x00", b"\x08\x05", b"\x00\x00\x00\x01", b"\x7f\xc0\x00\x00",
)  # fmt: skip

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
        "message",
        message,
        (ProtocolError,),
        _CODEC,
        (*ENCODED, *_DAMAGED),
        1000,
        20000,
        WORDS,
        _LARGE,
    ),
    Target(
        "relay_frame",
        relay_frame,
        (ProtocolError,),
        tuple(
            f"driving_client.wire.relay_frames:{name}"
            for name in (
                "decode_frame",
                "_samples",
                "_messages",
                "json_object",
                "_string",
                "_metadata",
                "_error",
            )
        ),
        RELAY_FRAMES,
        1000,
        20000,
        WORDS,
        _LARGE_FRAMES,
    ),
    Target(
        "microphone_frame",
        microphone_frame,
        (ProtocolError,),
        ("driving_client.wire.microphone_frame:decode_microphone_frame",),
        (
            encode_microphone_frame(MicrophoneFrame(1 << 40, bytes(640))),
            b"",
            b"\x05\0" + bytes(8),
            b"\x06newer",
        ),
        500,
        20000,
        large=(b"\x05\0" + bytes(9 + MAX_SOUND_BYTES),),
    ),
)
