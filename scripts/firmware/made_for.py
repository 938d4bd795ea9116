# SPDX-License-Identifier: Apache-2.0
"""Whether a kiosk image is for the board that was asked for, whatever it comes in.

Apart from `image`, which makes them: flashing needs no signing, and not the package for it.
"""

from __future__ import annotations

from pathlib import Path

from firmware.errors import FirmwareError
from kioskd.update.errors import ImageError
from kioskd.update.image_format import read_manifest


def version_for(board: str, image: Path, holder: Path) -> str:
    """The image's version; raises FirmwareError, which names `holder`, the file that it was in."""
    try:
        manifest = read_manifest(image)
    except ImageError as error:
        raise FirmwareError(f"{holder} holds no whole kiosk image: {error}") from None
    if manifest.board != board:
        raise FirmwareError(
            f"{holder} is made for the board {manifest.board}, not for {board}; "
            f"`make overlay BOARD={board}` makes the right one"
        )
    return manifest.version
