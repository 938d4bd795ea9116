# SPDX-License-Identifier: Apache-2.0
"""The one binary frame that a kiosk sends to a relay's backend: what its microphone heard.

`[u8 0x05][u8 flags][u64 BE position][sound]`; who may get it, and in which codec:
driving_client/wire/README.md, Microphone. The kiosk only encodes; backends in Python decode.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from driving_client.errors import ProtocolError

MAX_SOUND_BYTES: Final = 4096
_TYPE: Final = 0x05
_HEAD: Final = struct.Struct(">BBQ")


@dataclass(frozen=True, slots=True)
class MicrophoneFrame:
    """`sound` in the codec asked for; `position` counts samples at 16 kHz up to its first."""

    position: int
    sound: bytes


def encode_microphone_frame(frame: MicrophoneFrame) -> bytes:
    """A frame to its bytes."""
    return _HEAD.pack(_TYPE, 0, frame.position) + frame.sound


def decode_microphone_frame(data: bytes) -> MicrophoneFrame | None:
    """One binary frame of a kiosk, None for a type of a newer one; raises ProtocolError."""
    if data and data[0] != _TYPE:
        return None
    sound = data[_HEAD.size :]
    if not sound or len(sound) > MAX_SOUND_BYTES:
        raise ProtocolError(
            f"microphone frame of {len(data)} bytes: {_HEAD.size} of head are followed by 1 to "
            f"{MAX_SOUND_BYTES} of sound"
        )
    _, _, position = _HEAD.unpack_from(data)
    return MicrophoneFrame(position, sound)
