# SPDX-License-Identifier: Apache-2.0
"""A picture that stands still on a framebuffer device (fbdev), for a kernel without KMS.

The last thing that shows anything. Whoever draws on the console draws over it, so it may be
painted again. Only the two forms that panels have: 32 and 16 bits a pixel.

The structures are those of include/uapi/linux/fb.h on a 64-bit machine.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from splat_gles.camera import Size
from splat_gles.errors import DisplayError
from splat_gles.kms_still import Paint

DEVICE: Final = Path("/dev/fb0")
GET_VARIABLE: Final = 0x4600
GET_FIXED: Final = 0x4602
VARIABLE_BYTES: Final = 160
FIXED_BYTES: Final = 80
_LINE_LENGTH_AT: Final = 48


class FramebufferStill:
    """The picture on a framebuffer until `close`. Raises DisplayError where it cannot be."""

    def __init__(
        self,
        paint: Paint,
        device: Path = DEVICE,
        control: Callable[[int, int, bytearray], object] = fcntl.ioctl,
    ) -> None:
        self._device = device
        try:
            self._file = os.open(device, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise DisplayError(f"no still picture: {device}: {error.strerror}") from error
        try:
            variable, fixed = bytearray(VARIABLE_BYTES), bytearray(FIXED_BYTES)
            control(self._file, GET_VARIABLE, variable)
            control(self._file, GET_FIXED, fixed)
            numbers = struct.unpack_from("<20I", variable)
            width, height, *_ = numbers
            self._size: Size = width, height
            self._offset_x, self._offset_y, self._bits = numbers[4:7]
            # Where red, green and blue lie in a pixel, in bits
            self._shifts, self._lengths = numbers[8:17:3], numbers[9:17:3]
            (self._pitch,) = struct.unpack_from("<I", fixed, _LINE_LENGTH_AT)
            if self._bits not in (16, 32) or not width or not height:
                raise DisplayError(
                    f"no still picture: {device} has {width}x{height} pixels of {self._bits} bits"
                )
            self.paint(paint)
        except OSError as error:
            self.close()
            raise DisplayError(f"no still picture: {device}: {error.strerror}") from error
        except BaseException:
            self.close()
            raise

    @property
    def sizes(self) -> tuple[Size, ...]:
        """Of the one screen."""
        return (self._size,)

    def paint(self, paint: Paint) -> None:
        """Show another picture, or the same again; raises OSError."""
        rows = self._packed(paint(self._size))
        start = self._offset_y * self._pitch + self._offset_x * self._bits // 8
        for number, row in enumerate(rows):
            os.pwrite(self._file, row.tobytes(), start + number * self._pitch)

    def close(self) -> None:
        """Leave the picture where it is and the device to others."""
        os.close(self._file)

    def _packed(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint32] | NDArray[np.uint16]:
        packed = np.zeros(pixels.shape[:2], np.uint32)
        for channel, (shift, length) in enumerate(zip(self._shifts, self._lengths, strict=True)):
            packed |= (pixels[:, :, channel].astype(np.uint32) >> (8 - min(8, length))) << shift
        return packed.astype("<u4") if self._bits == 32 else packed.astype("<u2")
