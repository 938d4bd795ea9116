# SPDX-License-Identifier: Apache-2.0
"""The codec and the relay's framing: what goes in comes out, and damage is named."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import math
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from grpc_tools import protoc
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up.plugin import Clips
from wire_strategies import messages, same

from driving_client.errors import ProtocolError
from driving_client.motion import FLAME_SLICES
from driving_client.wire import driveningress_pb2 as pb
from driving_client.wire.codec import (
    MAX_KEYFRAMES,
    MAX_MESSAGE_BYTES,
    Animation,
    AudioInput,
    Interrupt,
    Pause,
    Unknown,
    WireMessage,
    decode_message,
    encode_message,
)
from driving_client.wire.relay_frames import (
    MotionFrame,
    decode_frame,
    encode_frame,
)


@given(messages)
def test_every_message_comes_back_as_it_was(message: WireMessage) -> None:
    assert same(decode_message(encode_message(message)), message)


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_by_name_or_understood(data: bytes) -> None:
    for decode in (decode_message, decode_frame):
        with contextlib.suppress(ProtocolError):
            decode(data)


@settings(max_examples=200)
@given(messages, st.data())
def test_flipped_and_missing_bits_never_crash(message: WireMessage, data: st.DataObject) -> None:
    for encoded, decode in (
        (bytearray(encode_message(message)), decode_message),
        (bytearray(encode_frame(MotionFrame((message,)))), decode_frame),
    ):
        for _ in range(data.draw(st.integers(0, 4))):
            place = data.draw(st.integers(0, len(encoded) * 8 - 1)) if encoded else 0
            if encoded:
                encoded[place // 8] ^= 1 << place % 8
        cut = data.draw(st.integers(0, len(encoded)))
        for damaged in (bytes(encoded), bytes(encoded[:cut])):
            try:
                decoded = decode(damaged)
            except ProtocolError:
                continue
            if isinstance(decoded, Animation):
                assert np.isfinite(decoded.frames).all()


def keyframe(**fields: list[float]) -> pb.Flame:
    return pb.Flame(**fields)


def animated(*keyframes: pb.Flame) -> Animation:
    envelope = pb.Message(type=pb.MESSAGE_SERVER_RESPONSE_ANIMATION)
    envelope.server_response_animation.req_id = "r"
    envelope.server_response_animation.animation.keyframes.extend(keyframes)
    decoded = decode_message(envelope.SerializeToString())
    assert isinstance(decoded, Animation)
    return decoded


def test_a_missing_vector_is_zeros_and_a_short_expression_is_padded() -> None:
    decoded = animated(keyframe(jaw_pose=[0.1, 0.2, 0.3], expression=[1.0, 2.0]))
    expected = np.zeros(120, np.float32)
    expected[FLAME_SLICES["jaw_pose"]] = [0.1, 0.2, 0.3]
    expected[20:22] = [1.0, 2.0]
    assert (decoded.frames == expected).all()
    assert decoded.dropped == 0


def test_a_long_expression_is_cut_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            decoded = animated(*[keyframe(expression=[0.5] * 117)] * 4)
    assert (decoded.frames[:, 20:] == 0.5).all()
    assert decoded.frames.shape == (4, 120)
    assert len(caplog.records) == 1
    assert vars(caplog.records[0])["code"] == "expression_too_long"


BAD_KEYFRAMES = {
    "not a number": keyframe(expression=[math.nan]),
    "infinity": keyframe(translation=[0, math.inf, 0]),
    "minus infinity": keyframe(eye_lid=[0, -math.inf]),
    "an angle beyond pi": keyframe(neck_pose=[3.2, 0, 0]),
    "an expression beyond 8": keyframe(expression=[0, -8.01]),
    "eyelids beyond 8": keyframe(eye_lid=[9, 0]),
    "10 m away": keyframe(translation=[0, 0, 10.1]),
    "a pose of two values": keyframe(jaw_pose=[0.1, 0.1]),
    "a pose of four values": keyframe(rotation=[0, 0, 0, 1]),
    "one eye": keyframe(eye_pose=[0, 0, 0]),
}


@pytest.mark.parametrize("bad", BAD_KEYFRAMES.values(), ids=BAD_KEYFRAMES)
def test_a_bad_frame_is_dropped_and_its_place_kept(bad: pb.Flame) -> None:
    good = [keyframe(expression=[value]) for value in (0.1, 0.2, 0.3)]
    decoded = animated(bad, good[0], good[1], bad, bad, good[2])
    assert decoded.dropped == 3
    assert decoded.frames[:, 20] == pytest.approx([0.1, 0.1, 0.2, 0.2, 0.2, 0.3])
    nothing = animated(bad, bad)
    assert nothing.frames.shape == (0, 120)
    assert nothing.dropped == 2


def test_extremes_that_are_still_plausible_pass() -> None:
    widest = keyframe(rotation=[math.pi, -math.pi, 0], expression=[8, -8], translation=[10, 0, 0])
    assert animated(widest).dropped == 0


def test_floats_may_come_unpacked() -> None:
    jaw = b"".join(b"\x25" + struct.pack("<f", value) for value in (0.1, 0.2, 0.3))
    flame = b"\x0a" + bytes([len(jaw)]) + jaw
    animation = b"\x22" + bytes([len(flame)]) + flame
    decoded = decode_message(b"\x08\x05\x32" + bytes([len(animation)]) + animation)
    assert isinstance(decoded, Animation)
    assert decoded.frames[0, 9:12] == pytest.approx([0.1, 0.2, 0.3])


def test_unknown_types_and_fields_are_ignored() -> None:
    assert decode_message(b"") == Unknown(0)
    assert decode_message(b"\x08\x06") == Unknown(6)
    assert decode_message(b"\x08\x63") == Unknown(99)
    unknown_field = b"\xfa\x06\x03abc"
    assert decode_message(encode_message(Pause("r")) + unknown_field) == Pause("r")
    with pytest.raises(ProtocolError, match="unknown"):
        encode_message(Unknown(99))


BAD_MESSAGES: dict[str, tuple[Callable[[], bytes], str]] = {
    "no protobuf": (lambda: b"\xff\xff\xff", "not a protobuf"),
    "type without content": (lambda: b"\x08\x05", "holds None"),
    "type with other content": (lambda: b"\x08\x02" + encode_message(Pause("r"))[2:], "schema"),
    "too large": (lambda: bytes(MAX_MESSAGE_BYTES + 1), "at most"),
    "too many keyframes": (
        lambda: pb.Message(
            type=pb.MESSAGE_SERVER_RESPONSE_ANIMATION,
            server_response_animation=pb.ServerResponseAnimation(
                animation=pb.FlameAnimation(keyframes=[pb.Flame()] * (MAX_KEYFRAMES + 1))
            ),
        ).SerializeToString(),
        "keyframes",
    ),
    "an endless id": (lambda: encode_message(Interrupt("x" * 5000)), "req_id"),
    "text that is not UTF-8": (lambda: b"\x08\x07\x42\x03\x0a\x01\xff", "not a protobuf"),
}


@pytest.mark.parametrize(("data", "told"), BAD_MESSAGES.values(), ids=BAD_MESSAGES)
def test_a_bad_message_is_refused_with_its_reason(data: Callable[[], bytes], told: str) -> None:
    with pytest.raises(ProtocolError, match=told):
        decode_message(data())


def test_what_is_too_large_is_not_sent() -> None:
    with pytest.raises(ProtocolError, match="split"):
        encode_message(AudioInput("r", bytes(MAX_MESSAGE_BYTES)))
    with pytest.raises(ProtocolError, match="keyframes"):
        encode_message(Animation("r", np.zeros((MAX_KEYFRAMES + 1, 120), np.float32)))


def test_the_generated_module_is_what_the_schema_says(root: Path, tmp_path: Path) -> None:
    schema = "driving_client/wire/driveningress.proto"
    arguments = ["protoc", f"-I{root}", f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", schema]
    assert protoc.main(arguments) == 0
    for name in ("driveningress_pb2.py", "driveningress_pb2.pyi"):
        generated = tmp_path / "driving_client" / "wire" / name
        committed = root / "driving_client" / "wire" / name
        assert generated.read_text() == committed.read_text(), f"{name}: generate it anew"


def test_a_recording_decodes_whole(clips: Clips) -> None:
    document = json.loads(clips.long.read_text())
    decoded, unpacked = [], 0
    for encoded in document["animation_messages_base64"]:
        data = base64.b64decode(encoded)
        message = decode_message(data)
        assert isinstance(message, Animation)
        packed = encode_message(message)
        assert same(decode_message(packed), message)
        unpacked += len(data) > 1.1 * len(packed)
        decoded.append(message)
    assert [len(message.frames) for message in decoded] == [50, 100, 100, 100, 100, 57]
    assert unpacked == (0 if clips.real else 3)
    assert sum(message.dropped for message in decoded) == 0
    assert [message.end for message in decoded] == [False] * 5 + [True]
    assert {message.request_id for message in decoded} == {document["req_id"]}
