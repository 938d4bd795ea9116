# SPDX-License-Identifier: Apache-2.0
"""Lets the C library give large arrays back to the system.

glibc raises the size from which it maps memory of its own after the first large block is freed,
up to 32 MB. From then on the arrays of loading an avatar come from the heap and leave holes
there that stay resident for months. Measured with an avatar of 20,030 splats after the first
frames: 6 MB less are resident, 198 MB in all. Mesa's software driver, which makes a vertex buffer
anew for every frame, pays 3 to 5 % of a frame's CPU for it; a GPU's driver does not do so.
Elsewhere than on glibc this does nothing.
"""

from __future__ import annotations

import ctypes
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 128 * 1024


def return_large_blocks() -> bool:
    """Fix the threshold at its initial 128 KiB; whether the C library took it."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_MMAP_THRESHOLD, _LARGE))
