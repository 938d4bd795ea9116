# SPDX-License-Identifier: Apache-2.0
"""The build of one board's deliveries, step by step; `scripts/make_overlay.py` is its command."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware.boards import ROOT, Board
from firmware.cache import TEMPORARY, open_cache, used
from firmware.deliveries import (
    HOOK_MAX_BYTES,
    PARTITION_IMAGE,
    ROOT_ARCHIVE,
    hook_tree,
    make_partition,
    make_root_archive,
    store_tree,
    write_checksums,
)
from firmware.elf import check_libraries
from firmware.errors import FirmwareError
from firmware.image import sign_image
from firmware.import_check import check_imports
from firmware.licences import LICENCES, add_licences
from firmware.payload import lay_out, settle, tree_key
from firmware.runtime import NPU_LOCK, build_runtime
from firmware.sbom import describe_payload
from firmware.signing import SigningKey, open_key
from firmware.squashfs import make_squashfs, recipe
from firmware.steps import Progress, need_tools
from firmware.tree import copy_tree
from firmware.version import Release, read_release

TOOLS: Final = (
    "aarch64-linux-gnu-gcc", "apt-get", "debugfs", "dpkg-deb", "e2fsck", "mke2fs", "mksquashfs",
    "openssl", "qemu-aarch64-static", "readelf",
)  # fmt: skip
SBOM: Final = "usr/share/kiosk/sbom.spdx.json"


@dataclass(frozen=True, slots=True)
class Request:
    """What to build: `key` is a release key's file (None: the development key).

    `extras` are those of `chosen_extras`.
    """

    board: Board
    out: Path
    key: Path | None = None
    refresh: bool = False
    extras: tuple[Path, ...] = ()


def build(request: Request, progress: Progress) -> list[Path]:
    """Make the deliveries under `out/<board>/`; returns them. Raises FirmwareError."""
    progress.say(request.board.describe())
    release, key = check(request)
    need_tools(TOOLS)
    kind = "the development key, for release give KEY=" if key.development else "release key"
    if request.extras:
        progress.say(f"with {', '.join(path.stem for path in request.extras)}")
    progress.say(f"version {release.version}, signed with {key.id} ({kind}, {key.public_path})")
    with open_cache(request.out.resolve(), progress) as cache:
        return _build(request, release, key, cache, progress)


def check(request: Request) -> tuple[Release, SigningKey]:
    """What can be refused before any tool of the build is needed. Raises FirmwareError."""
    return read_release(ROOT), open_key(request.key, request.out.resolve() / "keys")


def _build(
    request: Request, release: Release, key: SigningKey, cache: Path, progress: Progress
) -> list[Path]:
    board, target = request.board, request.out.resolve() / request.board.name
    more = [*([NPU_LOCK] if board.npu == "rknn" else []), *request.extras]
    runtime = build_runtime(cache, progress, more=more, refresh=request.refresh)
    with tempfile.TemporaryDirectory(dir=cache, prefix=TEMPORARY) as temporary:
        work = Path(temporary)
        tree = work / "tree"
        tree.mkdir()
        with progress.step("Lay out the payload"):
            lay_out(tree, board, release, runtime, ROOT)
            add_licences(tree, runtime, ROOT)
            sbom = describe_payload(tree, board, release, runtime)
            (tree / SBOM).write_bytes(sbom)
            files = settle(tree)
        with progress.step("Check the payload: libraries, imports of all modules"):
            libraries, modules = check_libraries(tree), check_imports(tree)
            progress.say(f"  {libraries} ELF files are complete, {modules} modules load")
        key_of_tree = tree_key(tree, files, board.compression, release.epoch, recipe())
        squashfs = cache / "squashfs" / f"{key_of_tree}.squashfs"
        squashfs.parent.mkdir(exist_ok=True)
        with progress.step("Compress the payload"):
            if not squashfs.exists():
                make_squashfs(tree, squashfs, compression=board.compression, epoch=release.epoch)
            used(squashfs)
        new = work / "out"
        new.mkdir()
        image = new / f"kiosk-{board.name}-{release.version}.img"
        with progress.step("Sign the image"):
            sign_image(
                squashfs,
                image,
                board=board.name,
                version=release.version,
                built=release.epoch,
                key=key,
                files=files,
            )
        (new / "sbom.spdx.json").write_bytes(sbom)
        copy_tree(tree / LICENCES, new / "licences")
        with progress.step("Partition image and archive"):
            hook, store = work / "hook", work / "store"
            if (size := hook_tree(ROOT, board, key, hook)) > HOOK_MAX_BYTES:
                raise FirmwareError(f"the hook has {size} bytes, more than {HOOK_MAX_BYTES}")
            store_tree(image, store)
            make_partition(store, board, release.version, release.epoch, new / PARTITION_IMAGE)
            make_root_archive(hook, store, release.epoch, new / ROOT_ARCHIVE)
        names = [path.name for path in new.iterdir() if path.is_file()]
        write_checksums(new, names, key)
        return replace_deliveries(new, target, board.name)


def replace_deliveries(new: Path, target: Path, board: str) -> list[Path]:
    """Put new deliveries in the place of the old; what else lies there (backups) stays."""
    target.mkdir(exist_ok=True)
    for old in target.glob(f"kiosk-{board}-*.img"):
        old.unlink()
    made = []
    for path in sorted(new.iterdir()):
        place = target / path.name
        if place.is_dir():
            shutil.rmtree(place)
        made.append(path.replace(place))
    return made
