# SPDX-License-Identifier: Apache-2.0
"""Lets the C library give memory back to the system: large arrays at once, the rest by the minute.

glibc raises the size from which it maps memory of its own after the first large block is freed,
up to 32 MB. From then on the arrays of loading an avatar come from the heap and leave holes
there that stay resident for months. Measured with an avatar of 20,030 splats after the first
frames: 6 MB less are resident, 198 MB in all. Mesa's software driver, which makes a vertex buffer
anew for every frame, pays 3 to 5 % of a frame's CPU for it; a GPU's driver does not do so.

Smaller blocks leave holes as well, between what stays: after floods of connections and frames
the arena of one thread held 44 MB, of which 0.5 MB were in use, and half an hour of them took the
daemon from 198 to 250 MB. `malloc_trim` gives the pages within such holes back: 4 ms of CPU for
55 MB, 0.06 ms where there is nothing to give. Elsewhere than on glibc all this does nothing.
"""

from __future__ import annotations

import asyncio
import ctypes
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 128 * 1024
EVERY_S: Final = 60.0


def return_large_blocks() -> bool:
    """Fix the threshold at its initial 128 KiB; whether the C library took it."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_MMAP_THRESHOLD, _LARGE))


def return_holes() -> bool:
    """Give back the pages that lie free within the heaps; whether the C library can do it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return False
    trim(0)
    return True


async def keep_returning_holes() -> None:
    """Do so once a minute; until cancelled, or at once over where the C library cannot."""
    while return_holes():
        await asyncio.sleep(EVERY_S)
