# SPDX-License-Identifier: Apache-2.0
"""A picture that stands still on every screen of a graphics card, without any GL: plain KMS.

For a card whose GL refuses. Every display driver of the kernel has dumb buffers and the legacy
modesetting that this uses (drm-kms(7)): no atomic requests, no planes, no GBM. The screen is the
process's own while the picture shows, so it has to be closed before SDL opens the card again.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import mmap
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from splat_gles.camera import Size
from splat_gles.drm_access import DEVICES
from splat_gles.errors import DisplayError
from splat_gles.kms_requests import (
    ADD_FB,
    CREATE_DUMB,
    DIRTY_FB,
    GET_CONNECTOR,
    GET_ENCODER,
    GET_RESOURCES,
    MAP_DUMB,
    MODE_BYTES,
    SET_CRTC,
    Connector,
    CreateDumb,
    Crtc,
    Dirty,
    Encoder,
    Framebuffer,
    MapDumb,
    Number,
    Resources,
)

Paint = Callable[[Size], NDArray[np.uint8]]
"""Gives the picture for a screen of (width, height) pixels: (height, width, 3), top row first."""

_CONNECTED: Final = 1
_PREFERRED: Final = 8
_BITS, _DEPTH = 32, 24


@dataclass(frozen=True, slots=True)
class _Outlet:
    """A connected connector's number, its size and its mode as the kernel gave it."""

    connector: int
    crtc: int
    size: Size
    mode: bytes


@dataclass(frozen=True, slots=True)
class _Shown:
    """A screen's buffer: its size, its rows' bytes, its number and its memory."""

    size: Size
    pitch: int
    frame: int
    memory: mmap.mmap

    def paint(self, paint: Paint) -> None:
        width, height = self.size
        rows = np.zeros((height, self.pitch // 4, 4), np.uint8)
        # XRGB8888 is blue, green, red, nothing in memory
        rows[:, :width, :3] = paint(self.size)[:, :, ::-1]
        self.memory[: rows.nbytes] = rows.tobytes()


class KmsStill:
    """The picture on every connected screen of /dev/dri/card`index`, until `close`.

    `sizes` are those of the screens. Raises DisplayError where not one can be had.
    """

    def __init__(
        self,
        index: int,
        paint: Paint,
        devices: Path = DEVICES,
        control: Callable[[int, int, ctypes.Structure], object] = fcntl.ioctl,
    ) -> None:
        self._control = control
        self._shown: list[_Shown] = []
        path = devices / f"card{index}"
        try:
            self._card = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise DisplayError(f"no still picture: {path}: {error.strerror}") from error
        problems: list[str] = []
        try:
            for outlet in self._outlets():
                try:
                    self._show(outlet, paint)
                except OSError as error:
                    problems.append(f"connector {outlet.connector}: {error.strerror}")
            if not self._shown:
                raise DisplayError(
                    f"no still picture: {path}: {'; '.join(problems) or 'no screen is connected'}"
                )
        except OSError as error:
            self.close()
            raise DisplayError(f"no still picture: {path}: {error.strerror}") from error
        except BaseException:
            self.close()
            raise

    @property
    def sizes(self) -> tuple[Size, ...]:
        """Of the screens that show it."""
        return tuple(each.size for each in self._shown)

    def paint(self, paint: Paint) -> None:
        """Show another picture in its place."""
        for shown in self._shown:
            shown.paint(paint)
            # Only a driver that copies what is shown wants to be told; the others refuse
            with contextlib.suppress(OSError):
                self._control(self._card, DIRTY_FB, Dirty(fb_id=shown.frame))

    def close(self) -> None:
        """Leave the screens dark and the card to others."""
        for shown in self._shown:
            shown.memory.close()
        self._shown.clear()
        # Frees the buffers as well
        os.close(self._card)

    def _outlets(self) -> list[_Outlet]:
        found: list[_Outlet] = []
        resources = Resources()
        self._control(self._card, GET_RESOURCES, resources)
        crtcs = (ctypes.c_uint32 * resources.count_crtcs)()
        connectors = (ctypes.c_uint32 * resources.count_connectors)()
        resources = Resources(
            crtcs=ctypes.addressof(crtcs),
            connectors=ctypes.addressof(connectors),
            count_crtcs=len(crtcs),
            count_connectors=len(connectors),
        )
        self._control(self._card, GET_RESOURCES, resources)
        for number in connectors:
            taken = {each.crtc for each in found}
            with contextlib.suppress(OSError):  # what has gone since is not there
                outlet = self._outlet(number, crtcs, taken)
                if outlet is not None:
                    found.append(outlet)
        return found

    def _outlet(self, number: int, crtcs: Sequence[int], taken: Collection[int]) -> _Outlet | None:
        # Without room for modes the kernel asks the screen anew
        asked = Connector(connector_id=number)
        self._control(self._card, GET_CONNECTOR, asked)
        if asked.connection != _CONNECTED or not asked.count_modes:
            return None
        modes = (ctypes.c_ubyte * (MODE_BYTES * asked.count_modes))()
        encoders = (ctypes.c_uint32 * asked.count_encoders)()
        told = Connector(
            connector_id=number,
            modes=ctypes.addressof(modes),
            encoders=ctypes.addressof(encoders),
            count_modes=asked.count_modes,
            count_encoders=asked.count_encoders,
        )
        self._control(self._card, GET_CONNECTOR, told)
        each = [bytes(modes[at : at + MODE_BYTES]) for at in range(0, len(modes), MODE_BYTES)]
        # clock u32, five u16 across, five down, refresh, flags, type u32, name
        mode = next((one for one in each if one[32] & _PREFERRED), each[0])
        size = int.from_bytes(mode[4:6], "little"), int.from_bytes(mode[14:16], "little")
        for encoder_id in encoders:
            encoder = Encoder(encoder_id=encoder_id)
            self._control(self._card, GET_ENCODER, encoder)
            for place, crtc in enumerate(crtcs):
                if encoder.possible_crtcs >> place & 1 and crtc not in taken:
                    return _Outlet(number, crtc, size, mode)
        return None

    def _show(self, outlet: _Outlet, paint: Paint) -> None:
        width, height = outlet.size
        dumb = CreateDumb(width=width, height=height, bpp=_BITS)
        self._control(self._card, CREATE_DUMB, dumb)
        frame = Framebuffer(
            width=width,
            height=height,
            pitch=dumb.pitch,
            bpp=_BITS,
            depth=_DEPTH,
            handle=dumb.handle,
        )
        self._control(self._card, ADD_FB, frame)
        mapped = MapDumb(handle=dumb.handle)
        self._control(self._card, MAP_DUMB, mapped)
        memory = mmap.mmap(self._card, dumb.size, offset=mapped.offset)
        shown = _Shown(outlet.size, dumb.pitch, frame.fb_id, memory)
        shown.paint(paint)
        connector = Number(outlet.connector)
        crtc = Crtc(
            connectors=ctypes.addressof(connector),
            count_connectors=1,
            crtc_id=outlet.crtc,
            fb_id=frame.fb_id,
            mode_valid=1,
            mode=(ctypes.c_ubyte * MODE_BYTES)(*outlet.mode),
        )
        self._control(self._card, SET_CRTC, crtc)
        self._shown.append(shown)
