# SPDX-License-Identifier: Apache-2.0
"""What a frame holds is counted before it is parsed, and never as less than it is."""

from __future__ import annotations

import struct

import hostile
import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from driving_client.errors import ProtocolError
from driving_client.wire import allowance
from driving_client.wire import driveningress_pb2 as pb
from driving_client.wire.allowance import MAX_ENTRIES, MAX_FIELDS, MAX_KEYFRAMES, Allowance
from driving_client.wire.codec import Animation, decode_message
from driving_client.wire.relay_frames import ErrorFrame, MotionFrame, decode_frame


def animation(keyframes: bytes) -> bytes:
    return b"\x08\x05" + hostile.of_length(6, hostile.of_length(4, keyframes))


def motion_frame(*messages: bytes) -> bytes:
    packed = b"".join(struct.pack(">I", len(message)) + message for message in messages)
    return b"\x02\x00" + struct.pack(">I", len(messages)) + packed


EMPTY = hostile.of_length(1, b"")
TOO_MUCH = {
    "two million keyframes": motion_frame(animation(EMPTY * 2_000_000)),
    "many messages of many keyframes": motion_frame(*[animation(EMPTY * 2900)] * 256),
    "two million unknown fields": motion_frame(b"\x78\x01" * 2_000_000),
    "groups": motion_frame(b"\x7b\x7c" * 2_000_000),
    "capabilities": motion_frame(
        b"\x08\x02" + hostile.of_length(3, hostile.of_length(2, b"") * (MAX_ENTRIES + 1))
    ),
    "parameters": motion_frame(
        b"\x08\x01" + hostile.of_length(2, hostile.of_length(8, b"") * (MAX_ENTRIES + 1))
    ),
}


@pytest.mark.parametrize("frame", TOO_MUCH.values(), ids=TOO_MUCH)
def test_what_a_frame_holds_is_counted_before_it_is_parsed(
    frame: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = parsed = 0
    real = allowance._varint

    def counted(data: bytes, position: int, end: int) -> tuple[int, int]:
        nonlocal steps
        steps += 1
        return real(data, position, end)

    def parse(keyframes: list[pb.Flame]) -> tuple[np.ndarray, int]:
        nonlocal parsed
        parsed += len(keyframes)
        return np.zeros((0, 120), np.float32), len(keyframes)

    monkeypatch.setattr(allowance, "_varint", counted)
    monkeypatch.setattr("driving_client.wire.codec.read_keyframes", parse)
    with pytest.raises(ProtocolError):
        decode_frame(frame)
    assert steps <= 2 * MAX_FIELDS + 10
    assert parsed <= MAX_KEYFRAMES


def test_the_most_that_is_taken_is_taken() -> None:
    whole = decode_message(animation(EMPTY * MAX_KEYFRAMES))
    assert isinstance(whole, Animation)
    assert whole.places == MAX_KEYFRAMES
    half = animation(EMPTY * (MAX_KEYFRAMES // 2))
    frame = decode_frame(motion_frame(half, half))
    assert isinstance(frame, MotionFrame)
    assert len(frame.messages) == 2
    with pytest.raises(ProtocolError, match="keyframes"):
        decode_frame(motion_frame(half, half, animation(EMPTY)))


def parsed(data: bytes) -> pb.Message | None:
    message = pb.Message()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return None
    return message


def agree(data: bytes) -> None:
    """What the parser takes is counted, and never as less than it is."""
    message = parsed(data)
    if message is None:
        return
    counting = Allowance()
    counting.check(data)
    left = counting._left["keyframes"]
    assert MAX_KEYFRAMES - left >= len(message.server_response_animation.animation.keyframes)


def test_counting_agrees_with_the_parser_on_every_field_and_wire_type() -> None:
    for data in hostile.messages():
        agree(data)


SOME = st.sampled_from([*hostile.messages()][::50]) | st.binary(max_size=6)


@settings(max_examples=300)
@given(st.lists(SOME, max_size=6).map(b"".join))
def test_counting_agrees_with_the_parser_on_anything(data: bytes) -> None:
    agree(data)


def test_an_error_frame_is_told_on_one_line() -> None:
    frame = decode_frame(b'\x04\x00{"error": "a\\n\\u001b[2Jb\\ud800"}')
    assert frame == ErrorFrame(r"a\n\x1b[2Jb\ud800")
