# SPDX-License-Identifier: Apache-2.0
"""What a broken or hostile peer may send: JSON of every shape, protobuf of every kind."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor

from driving_client.wire import driveningress_pb2 as pb

SHAPES: tuple[object, ...] = (
    None, True, False, 0, 1, -1, 16000, 16000.0, 10**400, -(2**63), 2**31, 1e308, -0.5,
    float("nan"), float("inf"), "", "x", "interrupt", "state", "\ud800", "\x00\n\x1b[2J",
    "ü" * 5000,
    [], {}, [[]], [None, 1, "x"], ["interrupt"], {"type": "heartbeat"}, {"action": "state"},
    {"": {"": [{}]}}, [{}] * 100,
)  # fmt: skip
"""Every type of JSON, and in each the values that a careless program trips over."""

NOT_JSON = ("", "{", "nonsense", "[" * 100_000, "1" * 10_000, '{"a":' * 10_000, "NaN", "\ufeff{}")


def objects(*keys: str) -> Iterator[str]:
    """Texts in which each key in turn is of every shape, beside shapes that stand alone."""
    for shape in SHAPES:
        yield json.dumps(shape)
        for key in keys:
            usual = dict.fromkeys(keys, "x") | {"sample_rate": 16000, "channels": 1}
            usual |= {"action": "state", "event": "playback", "code": 14}
            yield json.dumps(usual | {key: shape})
            yield json.dumps({key: shape})


def varint(number: int) -> bytes:
    number %= 2**64
    groups = b""
    while number > 127:
        groups += bytes([number & 127 | 128])
        number >>= 7
    return groups + bytes([number])


def field(number: int, kind: int, content: bytes) -> bytes:
    return varint(number << 3 | kind) + content


def of_length(number: int, content: bytes) -> bytes:
    return field(number, 2, varint(len(content)) + content)


def contents(number: int, kind: int) -> Iterator[bytes]:
    """Contents for a wire type, usual, extreme, cut off and wrong; 6 and 7 are no wire types."""
    if kind == 0:
        for value in (0, 1, 3, 4002, 2**31, -1):
            yield varint(value)
        yield b"\x80" * 11 + b"\x01"
        yield b"\xff"
    elif kind in (1, 5):
        size = 8 if kind == 1 else 4
        yield b"\xff" * size
        yield struct.pack("<f", 1.0)[:size] + bytes(size - 4)
        yield b"\x00" * (size - 1)
    elif kind == 2:
        for value in (b"", b"x", b"\xff\xfe", bytes(12), b"\x08\x01", struct.pack("<3f", 1, 2, 3)):
            yield varint(len(value)) + value
        yield varint(2**40)
        yield varint(-1)
        yield b"\x05ab"
    elif kind == 3:
        yield varint(number << 3 | 4)
        yield of_length(1, b"x") + varint(number << 3 | 4)
        yield varint((number + 1) << 3 | 4)
        yield b""
        yield varint(number << 3 | 3) * 200
    else:
        yield b""
        yield b"\x00"


def variants(descriptor: Descriptor, depth: int = 0) -> Iterator[bytes]:
    """Bytes of a message in which each field in turn is of each wire type, down to the last."""
    for number in (*sorted(descriptor.fields_by_number), 15, 5000, 2**29 - 1):
        for kind in range(8):
            for content in contents(number, kind):
                yield field(number, kind, content)
    yield field(0, 0, b"\x01")
    for below in descriptor.fields:
        if below.message_type is not None and depth < 4:
            for inner in variants(below.message_type, depth + 1):
                yield of_length(below.number, inner)


def messages() -> Iterator[bytes]:
    """Messages under each type of the wire whose data are of every kind, fitting or not."""
    yield from variants(pb.Message.DESCRIPTOR)
    types = {2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 8: 7, 9: 8, 10: 9, 11: 10}
    for number, message_type in types.items():
        below = pb.Message.DESCRIPTOR.fields_by_number[number].message_type
        for inner in variants(below):
            whole = field(1, 0, varint(message_type)) + of_length(number, inner)
            yield whole
            yield whole + inner


def frames_with(message: bytes) -> bytes:
    """A relay motion frame that holds the message twice."""
    return b"\x02\x01" + struct.pack(">I", 2) + (struct.pack(">I", len(message)) + message) * 2
