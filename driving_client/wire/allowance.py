# SPDX-License-Identifier: Apache-2.0
"""Counts what a protobuf message holds before it is parsed.

Four megabytes hold two million empty keyframes, and each costs microseconds once it is an
object. So the fields down to the keyframes are walked over in the bytes, without making anything
of them, up to the first that is too many. What lies inside a keyframe costs the parser
nothing worth counting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Union

from driving_client.errors import ProtocolError

MAX_KEYFRAMES: Final = 3000
"""Two minutes of motion in one frame of the WebSocket; real endpoints send 100 keyframes."""

MAX_FIELDS: Final = 20_000
MAX_ENTRIES: Final = 256

_Tree = Mapping[int, Union["_Tree", str]]
_KEYFRAMES: Final = "keyframes"
_ENTRIES: Final = "capabilities or parameters"
_WALKED: Final[_Tree] = {
    2: {8: _ENTRIES},  # client_configure_session.extra_params
    3: {2: _ENTRIES},  # server_confirm_session.capabilities
    6: {4: {1: _KEYFRAMES}},  # server_response_animation.animation.keyframes
}
_VARINT, _FIXED64, _BYTES, _GROUP, _GROUP_END, _FIXED32 = range(6)


class Allowance:
    """What one frame of the WebSocket may hold, in one message or in several."""

    def __init__(self) -> None:
        self._fields = MAX_FIELDS
        self._left = {_KEYFRAMES: MAX_KEYFRAMES, _ENTRIES: MAX_ENTRIES}

    def check(self, data: bytes) -> None:
        """Raise ProtocolError if the message is damaged or holds more than is left."""
        self._walk(data, 0, len(data), _WALKED)

    def _walk(self, data: bytes, position: int, end: int, tree: _Tree) -> None:
        depth = 0
        while position < end:
            self._fields -= 1
            if self._fields < 0:
                raise ProtocolError(
                    f"a frame of more than {MAX_FIELDS} protobuf fields; send smaller messages"
                )
            tag, position = _varint(data, position, end)
            kind = tag & 7
            if kind == _VARINT:
                _, position = _varint(data, position, end)
            elif kind == _BYTES:
                length, position = _varint(data, position, end)
                below = tree.get(tag >> 3) if depth == 0 else None
                if position + length > end:
                    raise _damaged()
                if isinstance(below, str):
                    self._take(below)
                elif below is not None:
                    self._walk(data, position, position + length, below)
                position += length
            elif kind in (_FIXED64, _FIXED32):
                position += 8 if kind == _FIXED64 else 4
            elif kind == _GROUP:
                depth += 1
            elif kind == _GROUP_END and depth:
                depth -= 1
            else:
                raise _damaged()
        if position > end or depth:
            raise _damaged()

    def _take(self, what: str) -> None:
        self._left[what] -= 1
        if self._left[what] < 0:
            limit = MAX_KEYFRAMES if what == _KEYFRAMES else MAX_ENTRIES
            raise ProtocolError(
                f"more than {limit} {what} in one frame; send it in smaller messages"
            )


def _varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    """A number and the position after it."""
    value = shift = 0
    while position < end and shift < 70:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise _damaged()


def _damaged() -> ProtocolError:
    return ProtocolError(
        "the frame is damaged or not a protobuf Message; check that the endpoint speaks "
        "driveningress"
    )
