# SPDX-License-Identifier: Apache-2.0
"""The requests of legacy modesetting and dumb buffers that `kms_still` makes of the kernel.

The structures are those of include/uapi/drm/drm_mode.h, whose layout is the same on every
64-bit machine; the names of their fields are shorter here, the order is not.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

MODE_BYTES: Final = 68
"""Of struct drm_mode_modeinfo, which is handed back as it came."""


def _fields(text: str) -> list[tuple[str, Any]]:
    """Fields of unsigned ints; a name with * is a pointer or another 64-bit number."""
    return [
        (name.rstrip("*"), ctypes.c_uint64 if name.endswith("*") else ctypes.c_uint32)
        for name in text.split()
    ]


class Resources(ctypes.Structure):
    """struct drm_mode_card_res."""

    _fields_ = _fields(
        "fbs* crtcs* connectors* encoders* count_fbs count_crtcs count_connectors count_encoders "
        "min_width max_width min_height max_height"
    )


class Connector(ctypes.Structure):
    """struct drm_mode_get_connector."""

    _fields_ = _fields(
        "encoders* modes* props* prop_values* count_modes count_props count_encoders encoder_id "
        "connector_id connector_type connector_type_id connection mm_width mm_height subpixel pad"
    )


class Encoder(ctypes.Structure):
    """struct drm_mode_get_encoder."""

    _fields_ = _fields("encoder_id encoder_type crtc_id possible_crtcs possible_clones")


class Crtc(ctypes.Structure):
    """struct drm_mode_crtc."""

    _fields_ = [
        *_fields("connectors* count_connectors crtc_id fb_id x y gamma_size mode_valid"),
        ("mode", ctypes.c_ubyte * MODE_BYTES),
    ]


class Framebuffer(ctypes.Structure):
    """struct drm_mode_fb_cmd."""

    _fields_ = _fields("fb_id width height pitch bpp depth handle")


class CreateDumb(ctypes.Structure):
    """struct drm_mode_create_dumb."""

    _fields_ = _fields("height width bpp flags handle pitch size*")


class MapDumb(ctypes.Structure):
    """struct drm_mode_map_dumb."""

    _fields_ = _fields("handle pad offset*")


class Dirty(ctypes.Structure):
    """struct drm_mode_fb_dirty_cmd."""

    _fields_ = _fields("fb_id flags color count_clips clips*")


class Number(ctypes.Structure):
    """One unsigned int."""

    _fields_ = _fields("value")


def _both_ways(number: int, kind: type[ctypes.Structure]) -> int:
    return 0xC0000000 | ctypes.sizeof(kind) << 16 | ord("d") << 8 | number


GET_RESOURCES: Final = _both_ways(0xA0, Resources)
SET_CRTC: Final = _both_ways(0xA2, Crtc)
GET_ENCODER: Final = _both_ways(0xA6, Encoder)
GET_CONNECTOR: Final = _both_ways(0xA7, Connector)
ADD_FB: Final = _both_ways(0xAE, Framebuffer)
DIRTY_FB: Final = _both_ways(0xB1, Dirty)
CREATE_DUMB: Final = _both_ways(0xB2, CreateDumb)
MAP_DUMB: Final = _both_ways(0xB3, MapDumb)
