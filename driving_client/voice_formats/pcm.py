# SPDX-License-Identifier: Apache-2.0
"""Samples as they lie in a WAV, and what the protocol speaks: mono, 16 bits.

Of integers the 16 highest bits are kept; floats are full scale at 1.0, beyond it they are cut,
and NaN is silence. Two channels become their mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from driving_client.utterance import Samples

Sound = list[tuple[int, Samples]]
"""Pieces of sound, each with its samples a second."""


@dataclass(frozen=True, slots=True)
class PcmForm:
    """Samples a second, one or two channels, bytes of a sample: 1 to 4, for floats 4 or 8.

    One byte is unsigned, everything else signed and little endian.
    """

    sample_rate: int
    channels: int = 1
    width: int = 2
    is_float: bool = False

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return self.width * self.channels

    def mono(self, data: bytes) -> Samples:
        """The samples of whole frames."""
        samples = self._floats(data) if self.is_float else self._integers(data)
        if self.channels == 1:
            return samples
        pairs = samples.reshape(-1, 2).astype(np.int32)
        return ((pairs[:, 0] + pairs[:, 1]) // 2).astype(np.int16)

    def _integers(self, data: bytes) -> Samples:
        if self.width == 1:
            return (np.frombuffer(data, np.uint8).astype(np.int16) - 128) * 256
        parts = np.frombuffer(data, np.uint8).reshape(-1, self.width)
        highest = np.ascontiguousarray(parts[:, self.width - 2 :])
        return highest.view("<i2")[:, 0].astype(np.int16)

    def _floats(self, data: bytes) -> Samples:
        floats = np.frombuffer(data, f"<f{self.width}").astype(np.float64)
        full = np.clip(np.nan_to_num(floats, nan=0.0), -1.0, 1.0) * 32768.0
        return np.minimum(np.rint(full), 32767).astype(np.int16)
