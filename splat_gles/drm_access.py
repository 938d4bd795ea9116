# SPDX-License-Identifier: Apache-2.0
"""Why a graphics card with a screen cannot be drawn on: asked of the kernel once SDL has failed.

SDL says "kmsdrm not available" for all of it. The card is opened for a moment, and whether this
made the process its master (drm(7)) is asked as SDL asks: by a request that only a master may
make, with a number that stands for nobody. To be used only while no display is open here, or
the process would find itself in the way.
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Final, Literal

DEVICES: Final = Path("/dev/dri")
_AUTH_MAGIC: Final = 0x40046411
"""DRM_IOCTL_AUTH_MAGIC, with a struct of one unsigned int."""


def obstacle(index: int, devices: Path = DEVICES) -> Literal["forbidden", "busy"] | None:
    """What keeps this process from /dev/dri/card`index`; None where it is something else.

    `forbidden`: it may not open the card. `busy`: another program is the card's master.
    """
    try:
        card = os.open(devices / f"card{index}", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.EBUSY:
            return "busy"
        return "forbidden" if error.errno in (errno.EACCES, errno.EPERM) else None
    try:
        fcntl.ioctl(card, _AUTH_MAGIC, bytes(4))
    except OSError as error:
        return "busy" if error.errno == errno.EACCES else None
    finally:
        os.close(card)
    return None
