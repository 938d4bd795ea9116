# SPDX-License-Identifier: Apache-2.0
"""A graphics card at the edge where the kernel is: it answers the requests for a still picture.

Its memory is a file, so that what a screen shows can be read. It knows the legacy requests and no
others: an atomic one gets EINVAL, as from a kernel without it.
"""

from __future__ import annotations

import ctypes
import errno
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splat_gles import kms_requests as kms

_PAGE = 4096


@dataclass
class KmsCard:
    """`screens` are sizes by connector; a size of None is a connector without a screen.

    The pitch is larger than a row, as on real cards. `refused` are requests that fail.
    """

    devices: Path
    screens: list[tuple[int, int] | None]
    crtcs: int = 2
    refused: dict[int, int] = field(default_factory=dict)
    buffers: list[tuple[int, int, int, int]] = field(default_factory=list)
    scanned_out: dict[int, int] = field(default_factory=dict)
    """Frame by connector."""

    def __post_init__(self) -> None:
        self.devices.mkdir(exist_ok=True)
        self.path = self.devices / "card1"
        self.path.touch()

    def control(self, card: int, request: int, given: Any) -> None:
        os.fstat(card)  # it is open
        if request in self.refused:
            raise OSError(self.refused[request], os.strerror(self.refused[request]))
        answers = {
            kms.GET_RESOURCES: self._resources,
            kms.GET_CONNECTOR: self._connector,
            kms.GET_ENCODER: self._encoder,
            kms.CREATE_DUMB: self._create,
            kms.ADD_FB: self._add,
            kms.MAP_DUMB: self._map,
            kms.SET_CRTC: self._set,
            kms.DIRTY_FB: lambda _given: None,
        }
        if request not in answers:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        answers[request](given)

    def seen(self, connector: int) -> NDArray[np.uint8]:
        """The picture (height, width, 3) on that connector's screen."""
        offset, width, height, pitch = self.buffers[self.scanned_out[connector] - 500]
        memory = np.frombuffer(self.path.read_bytes()[offset : offset + pitch * height], np.uint8)
        return memory.reshape(height, pitch // 4, 4)[:, :width, 2::-1]

    def _resources(self, given: Any) -> None:
        _fill(given.crtcs, given.count_crtcs, [40 + each for each in range(self.crtcs)])
        numbers = [100 + each for each in range(len(self.screens))]
        _fill(given.connectors, given.count_connectors, numbers)
        given.count_crtcs, given.count_connectors = self.crtcs, len(self.screens)

    def _connector(self, given: Any) -> None:
        size = self.screens[given.connector_id - 100]
        given.connection = 2 if size is None else 1
        modes = [] if size is None else [_mode(640, 480, False), _mode(*size, True)]
        if given.count_modes:
            ctypes.memmove(given.modes, b"".join(modes), len(modes) * kms.MODE_BYTES)
        _fill(given.encoders, given.count_encoders, [200])
        given.count_modes, given.count_encoders = len(modes), 1

    def _encoder(self, given: Any) -> None:
        given.possible_crtcs = (1 << self.crtcs) - 1

    def _create(self, given: Any) -> None:
        pitch = -(-given.width * 4 // 256) * 256 + 256
        offset = sum(-(-p * h // _PAGE) * _PAGE for _, _, h, p in self.buffers)
        given.pitch, given.size = pitch, pitch * given.height
        self.buffers.append((offset, given.width, given.height, pitch))
        given.handle = 300 + len(self.buffers) - 1
        os.truncate(self.path, offset + -(-given.size // _PAGE) * _PAGE)

    def _add(self, given: Any) -> None:
        given.fb_id = 500 + given.handle - 300

    def _map(self, given: Any) -> None:
        given.offset = self.buffers[given.handle - 300][0]

    def _set(self, given: Any) -> None:
        connector = ctypes.c_uint32.from_address(given.connectors).value
        width, height = self.screens[connector - 100] or (0, 0)
        assert bytes(given.mode) == _mode(width, height, True), "the screen's own mode"
        self.scanned_out[connector] = given.fb_id


def _mode(width: int, height: int, preferred: bool) -> bytes:
    mode = bytearray(kms.MODE_BYTES)
    mode[4:6], mode[14:16] = width.to_bytes(2, "little"), height.to_bytes(2, "little")
    mode[32] = 8 if preferred else 0
    return bytes(mode)


def _fill(address: int, room: int, numbers: list[int]) -> None:
    for place, number in enumerate(numbers[:room]):
        ctypes.c_uint32.from_address(address + 4 * place).value = number
