# SPDX-License-Identifier: Apache-2.0
"""All that the boot test needs before a machine starts, made from one build of a board.

Base system, root disk and update images are kept between runs as long as their inputs are the
same. The kiosk's owner (token, certificate) is new each time, and so is the stick.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from firmware.errors import FirmwareError
from firmware.steps import Progress
from image_test import disk, update_images
from image_test.base import BaseSystem, base_system
from image_test.kiosk import Owner, configuration_stick, new_owner
from image_test.small_avatar import small_avatar

BOARD: Final = "qemu-virt"
IMAGES_LABEL: Final = "IMAGES"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What machines are started with; `version` is that of the image under test."""

    base: BaseSystem
    root: Path
    stick: Path
    images: Path
    avatar: Path
    owner: Owner
    version: str
    results: Path


def prepare(out: Path, endpoint_port: int, progress: Progress) -> Prepared:
    """Make what is missing below `out`/image-test; the build lies in `out`/qemu-virt."""
    image, archive = _build_of(out)
    folder = out / "image-test"
    base = base_system(folder, progress)
    key = sha256(base.root_tar.parent.name.encode() + archive.read_bytes()).hexdigest()[:16]
    made = folder / f"disks-{key}"
    if not made.exists():
        for old in folder.glob("disks-*"):
            shutil.rmtree(old)
        new = folder / "disks-new"
        new.mkdir()
        with progress.step("put the overlay on the base: root disk"):
            disk.root_disk([base.root_tar, archive], new / "root.raw")
        with progress.step("make the images to update to"):
            images = update_images.make_update_images(image, out / "keys", new / "images")
            disk.files_disk(images, new / "images.raw", IMAGES_LABEL)
            shutil.rmtree(new / "images")
        new.rename(made)
    avatar = folder / "small.avatar"
    small_avatar(Path(__file__).resolve().parents[2] / "config/avatars/default-20k.avatar", avatar)
    owner = new_owner()
    results = folder / "results"
    results.mkdir(exist_ok=True)
    return Prepared(
        base=base,
        root=made / "root.raw",
        stick=configuration_stick(owner, avatar, endpoint_port, folder / "stick.raw"),
        images=made / "images.raw",
        avatar=avatar,
        owner=owner,
        version=image.stem.removeprefix(f"kiosk-{BOARD}-"),
        results=results,
    )


def _build_of(out: Path) -> tuple[Path, Path]:
    images = sorted((out / BOARD).glob(f"kiosk-{BOARD}-*.img"))
    archive = out / BOARD / "rootfs-overlay.tar"
    if len(images) != 1 or not archive.exists():
        raise FirmwareError(
            f"{out / BOARD} holds no build; make one first: make overlay BOARD={BOARD}"
        )
    return images[0], archive
