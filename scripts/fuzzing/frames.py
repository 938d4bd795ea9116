# SPDX-License-Identifier: Apache-2.0
"""Sessions on a WebSocket as one input: each frame as kind, length and content."""

from __future__ import annotations

from typing import Final

from aiohttp import WSMessage, WSMsgType

from fuzzing.target import text

TEXT: Final = b"t"
BINARY: Final = b"c"
"""The last bit of the first byte tells them apart."""

_MOST_FRAMES: Final = 64


def sequence(*frames: tuple[bytes, bytes]) -> bytes:
    """The input of these frames, each TEXT or BINARY and its content."""
    return b"".join(kind + len(data).to_bytes(3, "big") + data for kind, data in frames)


def frames_in(data: bytes) -> list[WSMessage]:
    """The frames of an input, a few at most; where it ends too early, so does its last frame."""
    messages: list[WSMessage] = []
    position = 0
    while len(data) - position >= 4 and len(messages) < _MOST_FRAMES:
        length = int.from_bytes(data[position + 1 : position + 4], "big")
        content = data[position + 4 : position + 4 + length]
        if data[position] & 1:
            messages.append(WSMessage(WSMsgType.BINARY, content, None))
        else:
            messages.append(WSMessage(WSMsgType.TEXT, text(content), None))
        position += 4 + length
    return messages
