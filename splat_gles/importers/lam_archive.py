# SPDX-License-Identifier: Apache-2.0
"""The zip that holds a LAM avatar: opened, and its files found in whatever folder they lie.

Archivers wrap them in a folder or two, and macOS adds shadows of them. What is no such zip is
refused by its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from splat_gles.bundle_archive import MEGABYTE, Archive, ArchiveLimits
from splat_gles.errors import ImportSourceError
from splat_gles.foreign_files import foreign_archive, foreign_file

LIMITS = ArchiveLimits(128 * MEGABYTE, 128 * MEGABYTE, 256 * MEGABYTE, 256)
FILES = ("skin.glb", "offset.ply", "animation.glb")

_TAKEN = "import takes the zip of a LAM avatar, with skin.glb, offset.ply and animation.glb"
_SHADOWS = "__MACOSX"


class LamArchive:
    """The files of a LAM zip. Raises ImportSourceError for what is none or is damaged."""

    def __init__(self, path: Path, files: Sequence[str] = FILES) -> None:
        _refuse_foreign(path)
        self._archive = Archive(path, LIMITS, ImportSourceError)
        found = {file: _places(self._archive.names, file) for file in files}
        if not any(found.values()):
            kind = foreign_archive(self._archive.names) or "a zip of something else"
            raise ImportSourceError(f"{path}: this is {kind}; {_TAKEN}")
        for file, places in found.items():
            if len(places) != 1:
                state = f"there {len(places)} times" if places else "missing"
                raise ImportSourceError(f"{path}: {file} is {state}; {_TAKEN}")
        self._places = {file: places[0] for file, places in found.items()}

    def read(self, file: str) -> bytes:
        """What one of the files holds."""
        return self._archive.read(self._places[file])


def _places(names: Sequence[str], file: str) -> list[str]:
    paths = {name: PurePosixPath(name) for name in names}
    return [n for n, path in paths.items() if path.name == file and _SHADOWS not in path.parts]


def _refuse_foreign(path: Path) -> None:
    try:
        foreign = "a folder; pack it as a zip" if path.is_dir() else foreign_file(path)
    except OSError as cause:
        raise ImportSourceError(f"{path}: cannot be read: {cause.strerror or cause}") from cause
    if foreign and path.name in FILES:
        raise ImportSourceError(f"{path}: this is one file of a LAM avatar; {_TAKEN}")
    if foreign:
        raise ImportSourceError(f"{path}: this is {foreign}; {_TAKEN}")
