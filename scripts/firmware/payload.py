# SPDX-License-Identifier: Apache-2.0
"""Builds a board's payload: the runtime, our packages, the files around them, one squashfs.

Inside, everything lies where Debian has it, and ours in /usr/lib/kiosk; the hook's units
start it with `RootDirectory=`. Empty files and folders are there to be mounted over.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from firmware.boards import Board
from firmware.bytecode import compile_tree
from firmware.errors import FirmwareError
from firmware.runtime import Runtime
from firmware.tree import copy_tree, is_dropped, settle_modes, walk
from firmware.version import Release, project_files

OURS: Final = "usr/lib/kiosk"
SHARE: Final = "usr/share/kiosk"
PACKAGES: Final = ("driving_client", "kioskd", "splat_gles")
PROBE: Final = "board/probe.sh"
"""`kioskctl report` runs it again."""
OURS_DROPPED: Final = (
    "*.md",
    "*.pyi",
    "*.proto",
    "py.typed",
    # stands in for the board's avatar where kioskd is installed by pip
    "kioskd/default.avatar",
    # for a person at a desk: makes retarget files and looks at recordings
    "driving_client/__main__.py",
    "driving_client/fitting",
    "config/avatars/*.png",
    "config/avatars/*.yaml",
    # one of them is taken under the name of the default one
    "config/avatars/*.avatar",
)
AVATARS: Final = "config/avatars"
MOUNT_FOLDERS: Final = (
    "dev", "etc/kiosk", "home", "host", "proc", "root", "run", "sys", "tmp", "var/cache",
    "var/lib/kiosk", "var/log", "var/tmp",
)  # fmt: skip
MOUNT_FILES: Final = ("etc/asound.conf", "etc/hostname", "etc/localtime", "etc/machine-id")
NPU_LIBRARY: Final = "usr/lib/librknnrt.so"
"""Where rknn-toolkit-lite2 looks for the vendor's library, which is mounted over this."""
LINKS: Final = {
    # the hook keeps copies there: a file that is mounted over would go stale
    "etc/hosts": "/run/kiosk/net/hosts",
    "etc/resolv.conf": "/run/kiosk/net/resolv.conf",
    # relative: kioskctl also runs outside of the payload's root
    f"{SHARE}/default.avatar": f"../../lib/kiosk/{AVATARS}/default.avatar",
    f"{SHARE}/kiosk.yaml": "../../lib/kiosk/config/kiosk.yaml",
}
TEXT_FILES: Final = {
    "etc/passwd": "root:x:0:0:root:/root:/usr/sbin/nologin\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    # `python3.11 -m kioskd` works without PYTHONPATH, also outside of the payload's root
    "usr/lib/python3/dist-packages/kiosk.pth": "../../kiosk\n../../kiosk/site-packages\n",
}
_COMMAND: Final = """#!/usr/bin/python3.11 -B
import runpy

runpy.run_module("{module}", run_name="__main__", alter_sys=True)
"""
COMMANDS: Final = {"kioskd": "kioskd", "kioskctl": "kioskd.ctl"}


def lay_out(tree: Path, board: Board, release: Release, runtime: Runtime, root: Path) -> None:
    """Write a payload's tree, but for licences and SBOM, into an empty folder."""
    copy_tree(runtime.tree, tree)
    _add_ours(tree, runtime, root)
    add_avatar(tree, board, root)
    for folder in MOUNT_FOLDERS:
        (tree / folder).mkdir(parents=True, exist_ok=True)
    texts = TEXT_FILES | dict.fromkeys(MOUNT_FILES, "")
    if board.npu == "rknn":
        texts[NPU_LIBRARY] = ""
    texts[f"{SHARE}/release"] = (
        f"version={release.version}\nboard={board.name}\nbuilt_from={release.commit}\n"
    )
    texts[f"{SHARE}/board.json"] = json.dumps(board_facts(board), indent=1, sort_keys=True) + "\n"
    for name, text in texts.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text, "utf-8")
    for name, module in COMMANDS.items():
        command = tree / "usr/bin" / name
        command.write_text(_COMMAND.format(module=module), "utf-8")
        command.chmod(0o755)
    for name, place in LINKS.items():
        (tree / name).symlink_to(place)


def add_avatar(tree: Path, board: Board, root: Path) -> None:
    """The board's avatar becomes the payload's default one, the only one that it carries."""
    source = root / AVATARS / f"{board.avatar}.avatar"
    if not source.is_file():
        raise FirmwareError(f"{source} is missing; it is what {board.name} shows: make avatar")
    target = tree / OURS / AVATARS / "default.avatar"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def board_facts(board: Board) -> dict[str, Any]:
    """board.yaml as the payload carries it, for kioskd and the doctor to read."""
    facts = asdict(board) | {"verified_on": [each.describe() for each in board.verified_on]}
    del facts["folder"]
    return facts


def copy_ours(tree: Path, root: Path) -> None:
    """Add our packages, the example configuration and the probe, less what a kiosk never reads."""
    for path in project_files(root, *PACKAGES, "config", PROBE):
        name = path.relative_to(root).as_posix()
        if is_dropped(name, OURS_DROPPED):
            continue
        target = tree / OURS / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _add_ours(tree: Path, runtime: Runtime, root: Path) -> None:
    ours = tree / OURS
    copy_ours(tree, root)
    own = tree.with_name(tree.name + "-ours")
    shutil.rmtree(own, ignore_errors=True)
    for package in PACKAGES:
        shutil.copytree(ours / package, own / OURS / package)
    compile_tree(own, runtime.tree)
    for path in own.rglob("*.pyc"):
        target = tree / path.relative_to(own)
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, target)
    shutil.rmtree(own)


def settle(tree: Path) -> dict[str, str]:
    """Give the whole tree its modes; returns the SHA-256 of every file by its path."""
    settle_modes(tree)
    return {
        path.relative_to(tree).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in walk(tree)
        if path.is_file() and not path.is_symlink()
    }


def tree_key(tree: Path, files: dict[str, str], *settings: object) -> str:
    """A hash of a settled tree (names, kinds, modes, contents, links) and of settings."""
    hasher = sha256(repr(settings).encode())
    for path in walk(tree):
        name = path.relative_to(tree).as_posix()
        content = str(path.readlink()) if path.is_symlink() else files.get(name, "folder")
        mode = "" if path.is_symlink() else oct(path.stat().st_mode)
        hasher.update(f"{name}\0{mode}\0{content}\n".encode())
    return hasher.hexdigest()[:24]
