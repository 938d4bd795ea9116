# SPDX-License-Identifier: Apache-2.0
"""Images to update to, made from the image of a build: a good one, a broken one, a stranger's.

The good one differs from the build's in its version alone. In the broken one kioskd ends at
once, because numpy's libraries are missing; kioskctl, which needs none of them, works. The
stranger's is the good one signed with a key that no board knows.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware.image import sign_image
from firmware.signing import SigningKey, open_key
from firmware.steps import run
from kioskd.update.image_format import read_manifest

GOOD: Final = "good.img"
BROKEN: Final = "broken.img"
STRANGER: Final = "stranger.img"
BROKEN_VERSION: Final = "9.0.0-broken"
GOOD_VERSION: Final = "9.0.0-good"
_REMOVED: Final = ("numpy.libs", "pygame_ce.libs")


@dataclass(frozen=True, slots=True)
class _Source:
    """The build's image taken apart: its squashfs and what its manifest says."""

    squashfs: Path
    board: str
    built: int
    files: dict[str, str]


def make_update_images(image: Path, keys: Path, folder: Path) -> dict[str, Path]:
    """The three images in `folder`, by name; `keys` holds the build's development key."""
    folder.mkdir(parents=True, exist_ok=True)
    key = open_key(None, keys)
    stranger = open_key(None, folder / "stranger")
    with tempfile.TemporaryDirectory(dir=folder, prefix="work-") as temporary:
        work = Path(temporary)
        source = _take_apart(image, work / "payload.squashfs")
        broken = _Source(work / "broken.squashfs", source.board, source.built, {})
        _without_libraries(source.squashfs, broken.squashfs)
        return {
            GOOD: _sign(source, folder / GOOD, GOOD_VERSION, key),
            BROKEN: _sign(broken, folder / BROKEN, BROKEN_VERSION, key),
            STRANGER: _sign(source, folder / STRANGER, GOOD_VERSION, stranger),
        }


def _take_apart(image: Path, squashfs: Path) -> _Source:
    manifest = read_manifest(image)
    with image.open("rb") as source, squashfs.open("wb") as target:
        shutil.copyfileobj(source, target)
        target.truncate(manifest.squashfs_bytes)
    return _Source(squashfs, manifest.board, manifest.built, dict(manifest.files))


def _sign(source: _Source, output: Path, version: str, key: SigningKey) -> Path:
    sign_image(
        source.squashfs,
        output,
        board=source.board,
        version=version,
        built=source.built,
        key=key,
        files=source.files,
    )
    return output


def _without_libraries(squashfs: Path, output: Path) -> None:
    tree = output.parent / "broken"
    run(["unsquashfs", "-quiet", "-no-progress", "-dest", tree, squashfs], doing="unpacking")
    for name in _REMOVED:
        shutil.rmtree(tree / "usr/lib/kiosk/site-packages" / name)
    quick = ["-comp", "gzip", "-Xcompression-level", "1"]
    run(
        ["mksquashfs", tree, output, *quick, "-all-root", "-no-progress", "-quiet"],
        doing="packing the broken payload",
    )
