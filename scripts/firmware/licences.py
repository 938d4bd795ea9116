# SPDX-License-Identifier: Apache-2.0
"""Collects the licences of everything inside a payload, into the payload itself.

Debian's copyright files refer to common licence texts, which are added. A wheel's licence
files are moved out of site-packages; a wheel without any gets its maker's text from
licence_texts/, or else is represented by its metadata, which names its licence. Nothing is left
without one: that fails the build.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from firmware.declared_licences import own_text
from firmware.errors import FirmwareError
from firmware.runtime import Runtime
from firmware.tree import SITE_PACKAGES, copy_tree, walk

LICENCES: Final = "usr/share/kiosk/licences"
_NAMES: Final = ("authors", "copying", "license", "licence", "notice")
_OURS: Final = {
    "LICENSE": "LICENSE",
    "config/avatars/README.md": "default-avatar.md",
    "driving_client/lipsync/model/README.md": "lip-sync-model.md",
}


def add_licences(tree: Path, runtime: Runtime, root: Path) -> None:
    """Fill the payload's licence folder; raises FirmwareError for a package without one."""
    licences = tree / LICENCES
    copy_tree(runtime.licences, licences / "debian")
    for deb in runtime.debs:
        if not (licences / "debian" / deb.name / "copyright").exists():
            raise FirmwareError(f"Debian's {deb.name} brought no copyright file")
    for package in runtime.wheels:
        information = metadata_folder(tree, package.name)
        target = licences / "python" / package.name
        _move_licences(information, target)
        if text := own_text(package.name):
            shutil.copyfile(text, target / "LICENSE.txt")
    ours = licences / "avatar-kiosk"
    ours.mkdir(parents=True)
    for source, name in _OURS.items():
        if (root / source).exists():
            shutil.copyfile(root / source, ours / name)


def metadata_folder(tree: Path, name: str) -> Path:
    """The .dist-info folder of a Python package; raises FirmwareError where there is none."""
    wanted = name.replace("-", "_").lower()
    for path in (tree / SITE_PACKAGES).glob("*.dist-info"):
        if path.name.partition("-")[0].replace(".", "_").lower() == wanted:
            return path
    raise FirmwareError(f"{name} brought no metadata into the payload")


def _move_licences(information: Path, target: Path) -> None:
    target.mkdir(parents=True)
    found = [
        path
        for path in walk(information)
        if path.is_file()
        and (
            path.relative_to(information).parts[0] == "licenses"
            or path.name.lower().startswith(_NAMES)
        )
    ]
    for path in found:
        parts = path.relative_to(information).parts
        copy = target.joinpath(*(parts[1:] if parts[0] == "licenses" else parts))
        copy.parent.mkdir(parents=True, exist_ok=True)
        path.rename(copy)
    shutil.rmtree(information / "licenses", ignore_errors=True)
    if not found:
        shutil.copyfile(information / "METADATA", target / "METADATA")
