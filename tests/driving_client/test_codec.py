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
from hypothesis.extra import numpy as hnp

from driving_client.errors import ProtocolError
from driving_client.motion import FLAME_SLICES
from driving_client.wire import driveningress_pb2 as pb
from driving_client.wire.codec import (
    MAX_KEYFRAMES,
    MAX_MESSAGE_BYTES,
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
    AudioFrame,
    ErrorFrame,
    MetadataFrame,
    MotionFrame,
    RelayFrame,
    decode_frame,
    encode_frame,
)

text = st.text(max_size=40)
frames = hnp.arrays(
    np.float32,
    st.tuples(st.integers(0, 6), st.just(120)),
    elements=st.floats(-3, 3, width=32, allow_subnormal=False),
)
animations = st.builds(Animation, text, frames, st.booleans(), text)
messages: st.SearchStrategy[WireMessage] = st.one_of(
    animations,
    st.builds(AudioInput, text, st.binary(max_size=100), st.booleans()),
    st.builds(
        ConfigureSession,
        st.integers(0, 2**31 - 1),
        st.integers(0, 2**31 - 1),
        st.sampled_from([0, 1]),
        st.dictionaries(text, text, max_size=3),
    ),
    st.builds(ConfirmSession, text, st.lists(text, max_size=3).map(tuple)),
    st.builds(ServerError, st.integers(-(2**31), 2**31 - 1), text, text, text),
    st.builds(Interrupt, text),
    st.builds(Pause, text),
    st.builds(Resume, text),
    st.builds(
        PlaybackStateMessage, text, st.sampled_from([0, 1, 2, 3, 4]), st.integers(0, 2**62), text
    ),
)


def same(one: WireMessage, other: WireMessage) -> bool:
    if isinstance(one, Animation) and isinstance(other, Animation):
        fields = ("request_id", "end", "connection_id", "dropped")
        return np.array_equal(one.frames, other.frames) and all(
            getattr(one, name) == getattr(other, name) for name in fields
        )
    return one == other


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
    "no protobuf": (lambda: b"\xff\xff\xff", "no protobuf"),
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
    "text that is no UTF-8": (lambda: b"\x08\x07\x42\x03\x0a\x01\xff", "no protobuf"),
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


samples = hnp.arrays(np.int16, st.integers(0, 50))
relay_frames: st.SearchStrategy[RelayFrame] = st.one_of(
    st.builds(AudioFrame, samples, st.booleans()),
    st.builds(MotionFrame, st.lists(messages, max_size=3).map(tuple), st.booleans()),
    st.builds(MetadataFrame, st.sampled_from([8000, 16000, 48000]), text, text, text),
    st.builds(ErrorFrame, text, text, st.none() | st.integers(0, 5000)),
)


@given(relay_frames)
def test_every_relay_frame_comes_back_as_it_was(frame: RelayFrame) -> None:
    decoded = decode_frame(encode_frame(frame))
    match frame, decoded:
        case AudioFrame(), AudioFrame():
            assert np.array_equal(frame.samples, decoded.samples)
            assert frame.last == decoded.last
        case MotionFrame(), MotionFrame():
            assert frame.last == decoded.last
            assert all(map(same, frame.messages, decoded.messages))
            assert len(frame.messages) == len(decoded.messages)
        case _:
            assert decoded == frame


BAD_FRAMES = {
    "nothing": b"",
    "a type alone": b"\x01",
    "half a sample": b"\x01\x00abc",
    "too much audio": b"\x01\x00" + bytes(1024 * 1024 + 2),
    "motion without a count": b"\x02\x00\x00\x00",
    "fewer messages than said": b"\x02\x00\x00\x00\x00\x02\x00\x00\x00\x00",
    "a message longer than the frame": b"\x02\x00\x00\x00\x00\x01\xff\xff\xff\xffx",
    "bytes left over": b"\x02\x00\x00\x00\x00\x00x",
    "four thousand million messages": b"\x02\x00\xff\xff\xff\xff",
    "a damaged message": b"\x02\x00\x00\x00\x00\x01\x00\x00\x00\x02\x08\x05",
    "metadata that is no JSON": b"\x03\x00{",
    "metadata that is no text": b"\x03\x00\xff\xfe\xfd",
    "metadata that is a list": b"\x03\x00[]",
    "metadata nested without end": b"\x03\x00" + b"[" * 60000,
    "no sample rate": b"\x03\x00{}",
    "a rate that nobody has": b'\x03\x00{"sample_rate": 12345}',
    "a rate in words": b'\x03\x00{"sample_rate": "16000"}',
    "a rate that is true": b'\x03\x00{"sample_rate": true}',
    "stereo": b'\x03\x00{"sample_rate": 16000, "channels": 2}',
    "an id that is a number": b'\x03\x00{"sample_rate": 16000, "req_id": 7}',
    "an endless id": b'\x03\x00{"sample_rate": 16000, "req_id": "' + b"x" * 5000 + b'"}',
    "too much metadata": b"\x03\x00" + b" " * 70000,
    "an error that is no object": b'\x04\x00"error"',
    "an error code in words": b'\x04\x00{"error": "x", "code": "14"}',
}


@pytest.mark.parametrize("data", BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_a_bad_relay_frame_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_frame(data)


def test_a_relay_frame_of_a_newer_relay_is_ignored() -> None:
    assert decode_frame(b"\x09\x00anything") is None
    assert decode_frame(b'\x04\x00{"error": {"deep": 1}}') == ErrorFrame('{"deep": 1}')


def test_the_generated_module_is_what_the_schema_says(root: Path, tmp_path: Path) -> None:
    schema = "driving_client/wire/driveningress.proto"
    arguments = ["protoc", f"-I{root}", f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", schema]
    assert protoc.main(arguments) == 0
    for name in ("driveningress_pb2.py", "driveningress_pb2.pyi"):
        generated = tmp_path / "driving_client" / "wire" / name
        committed = root / "driving_client" / "wire" / name
        assert generated.read_text() == committed.read_text(), f"{name}: generate it anew"


def test_a_real_recording_decodes_whole(shared_data: Path) -> None:
    document = json.loads((shared_data / "clips" / "driveningress_16k.json").read_text())
    decoded = []
    for encoded in document["animation_messages_base64"]:
        data = base64.b64decode(encoded)
        message = decode_message(data)
        assert isinstance(message, Animation)
        again = decode_message(encode_message(message))
        assert same(again, message)
        decoded.append(message)
    assert [len(message.frames) for message in decoded] == [50, 100, 100, 100, 100, 57]
    assert sum(message.dropped for message in decoded) == 0
    assert [message.end for message in decoded] == [False] * 5 + [True]
    assert {message.request_id for message in decoded} == {document["req_id"]}
