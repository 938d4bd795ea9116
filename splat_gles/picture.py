# SPDX-License-Identifier: Apache-2.0
"""PNG files from pixels, with nothing but zlib: usable in any thread and without SDL."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray


def encode_png(pixels: NDArray[np.uint8], compression: int = 6) -> bytes:
    """A PNG file (RFC 2083) of pixels (height, width, 3), top row first, sRGB.

    `compression` is zlib's level, 0 to 9.
    """
    height, width, _ = pixels.shape
    # Every row begins with its filter: "up", the difference to the row above, packs faces well
    rows = np.empty((height, 1 + width * 3), np.uint8)
    rows[:, 0] = 2
    flat = pixels.reshape(height, width * 3)
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"sRGB", b"\0"),
            _chunk(b"IDAT", zlib.compress(rows.data, compression)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
