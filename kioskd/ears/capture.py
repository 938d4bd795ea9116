# SPDX-License-Identifier: Apache-2.0
"""What the microphone needs of a device, and how its bytes become sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import alsaaudio
import numpy as np
from numpy.typing import NDArray

from kioskd.errors import AudioError

Channels = NDArray[np.float32]
"""Sound as it is captured: (frames, channels), -1 to 1."""

FORMATS: Final[dict[int, tuple[str, int, float]]] = {
    alsaaudio.PCM_FORMAT_S16_LE: ("<i2", 2, 2.0**15),
    alsaaudio.PCM_FORMAT_S32_LE: ("<i4", 4, 2.0**31),
    alsaaudio.PCM_FORMAT_S24_LE: ("<i4", 4, 2.0**23),
    alsaaudio.PCM_FORMAT_S24_3LE: ("3", 3, 2.0**23),
    alsaaudio.PCM_FORMAT_FLOAT_LE: ("<f4", 4, 1.0),
}
"""ALSA's formats that are known here, the best liked first: how a sample lies in memory, its bytes,
its full scale."""


class CaptureError(AudioError):
    """The microphone cannot be opened or has gone away; `reason` is a stable code for it."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Captured:
    """What has come, from the stream's frame `first` on.

    `frames` had been captured since the stream began at `stamp`, which is the device's own time
    stamp of that count (monotonic seconds; anything, where a driver has none). `anew`: the stream
    has begun anew with this sound, for some before it was lost.
    """

    sound: Channels
    first: int
    frames: int
    stamp: float
    anew: bool = False


class CaptureDevice(Protocol):
    """What the microphone needs of a device."""

    @property
    def rate(self) -> int:
        """Frames a second, as the device says."""

    @property
    def channels(self) -> int:
        """How many there are."""

    @property
    def overruns(self) -> int:
        """Times sound was lost so far."""

    def read(self) -> Captured:
        """All that has come, perhaps nothing; never blocks; raises CaptureError when it is gone."""

    def close(self) -> None:
        """Let go of the device."""


def as_channels(data: bytes | NDArray[np.uint8], alsa_format: int, channels: int) -> Channels:
    """A device's bytes as floats, (frames, channels)."""
    dtype, _, full_scale = FORMATS[alsa_format]
    if dtype == "3":
        packed = np.frombuffer(data, np.uint8).reshape(-1, 3)
        wide = np.zeros((len(packed), 4), np.uint8)
        wide[:, 1:] = packed
        values = wide.view("<i4")[:, 0] >> 8
    else:
        values = np.frombuffer(data, dtype)
    if alsa_format == alsaaudio.PCM_FORMAT_S24_LE:
        values = values << 8 >> 8  # the uppermost byte may hold anything
    if dtype == "<f4":
        # Such a device may send what is no number
        values = np.nan_to_num(values, posinf=1.0, neginf=-1.0)
    sound: Channels = np.multiply(values, np.float32(1 / full_scale), dtype=np.float32)
    return sound.reshape(-1, channels)
