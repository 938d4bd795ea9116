# SPDX-License-Identifier: Apache-2.0
"""A still picture without GL: plain KMS on a made-up card, and a framebuffer device."""

from __future__ import annotations

import errno
import struct
from pathlib import Path

import numpy as np
import pytest
from made_up.kms_card import KmsCard

from splat_gles import kms_requests as kms
from splat_gles.errors import DisplayError
from splat_gles.framebuffer_still import FIXED_BYTES, GET_VARIABLE, FramebufferStill
from splat_gles.kms_still import KmsStill


def paint(size: tuple[int, int]) -> np.ndarray:
    """Red grows to the right, green downwards; blue says the size."""
    width, height = size
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, :, 0] = np.arange(width) % 256
    pixels[:, :, 1] = (np.arange(height) % 256)[:, None]
    pixels[:, :, 2] = width % 256
    return pixels


def blue(size: tuple[int, int]) -> np.ndarray:
    return np.full((size[1], size[0], 3), (0, 0, 255), np.uint8)


def test_every_connected_screen_shows_the_picture_in_its_own_size(tmp_path: Path) -> None:
    """Two screens, one upright, and a connector without one; legacy requests alone."""
    card = KmsCard(tmp_path, [(1920, 1080), None, (600, 1024)])
    still = KmsStill(1, paint, tmp_path, card.control)
    assert still.sizes == ((1920, 1080), (600, 1024))
    assert (card.seen(100) == paint((1920, 1080))).all()
    assert (card.seen(102) == paint((600, 1024))).all()
    still.paint(blue)
    assert (card.seen(102) == blue((600, 1024))).all()
    still.close()


def test_more_screens_than_the_card_can_drive_leaves_the_last_dark(tmp_path: Path) -> None:
    card = KmsCard(tmp_path, [(800, 480), (800, 480)], crtcs=1)
    still = KmsStill(1, paint, tmp_path, card.control)
    assert still.sizes == ((800, 480),)
    still.close()


@pytest.mark.parametrize(
    ("request_", "number", "told"),
    [
        (kms.GET_RESOURCES, errno.EOPNOTSUPP, "not supported"),
        (kms.CREATE_DUMB, errno.ENOSYS, "not implemented"),
        (kms.SET_CRTC, errno.EACCES, "Permission denied"),
    ],
)
def test_a_card_that_refuses_is_told_and_left(
    request_: int, number: int, told: str, tmp_path: Path
) -> None:
    card = KmsCard(tmp_path, [(800, 480)], refused={request_: number})
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(DisplayError, match=told):
        KmsStill(1, paint, tmp_path, card.control)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_card_without_a_screen_or_none_at_all_is_told(tmp_path: Path) -> None:
    card = KmsCard(tmp_path, [None])
    with pytest.raises(DisplayError, match="card1: no screen is connected"):
        KmsStill(1, paint, tmp_path, card.control)
    with pytest.raises(DisplayError, match="card7: No such file"):
        KmsStill(7, paint, tmp_path, card.control)


class Framebuffer:
    """fb0 of `bits` a pixel, whose rows are longer than its picture."""

    def __init__(self, device: Path, bits: int, places: tuple[tuple[int, int], ...]) -> None:
        self.device, self.bits, self.places = device, bits, places
        self.pitch = 64 * bits // 8 + 32
        device.write_bytes(bytes(self.pitch * 96))

    def control(self, _file: int, request: int, answer: bytearray) -> None:
        if request == GET_VARIABLE:
            # Two pages; the second shows
            struct.pack_into("<8I", answer, 0, 64, 48, 64, 96, 0, 48, self.bits, 0)
            for number, (offset, length) in enumerate(self.places):
                struct.pack_into("<3I", answer, 32 + 12 * number, offset, length, 0)
        else:
            assert len(answer) == FIXED_BYTES
            struct.pack_into("<I", answer, 48, self.pitch)

    def pixel(self, x: int, y: int) -> int:
        at = (48 + y) * self.pitch + x * self.bits // 8
        return int.from_bytes(self.device.read_bytes()[at : at + self.bits // 8], "little")


def test_a_framebuffer_of_32_and_of_16_bits(tmp_path: Path) -> None:
    wide = Framebuffer(tmp_path / "fb0", 32, ((16, 8), (8, 8), (0, 8)))
    still = FramebufferStill(paint, wide.device, wide.control)
    assert still.sizes == ((64, 48),)
    assert wide.pixel(5, 7) == 5 << 16 | 7 << 8 | 64
    still.close()
    narrow = Framebuffer(tmp_path / "fb1", 16, ((11, 5), (5, 6), (0, 5)))
    FramebufferStill(paint, narrow.device, narrow.control).close()
    assert narrow.pixel(40, 20) == 40 >> 3 << 11 | 20 >> 2 << 5 | 64 >> 3


def test_a_framebuffer_of_another_kind_is_told(tmp_path: Path) -> None:
    odd = Framebuffer(tmp_path / "fb0", 8, ((0, 8), (0, 8), (0, 8)))
    with pytest.raises(DisplayError, match="64x48 pixels of 8 bits"):
        FramebufferStill(paint, odd.device, odd.control)
    with pytest.raises(DisplayError, match="No such file"):
        FramebufferStill(paint, tmp_path / "none", odd.control)
