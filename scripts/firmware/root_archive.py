# SPDX-License-Identifier: Apache-2.0
"""Reads rootfs-overlay.tar: what goes over a vendor's root, by injection or over ssh.

Only files, folders and links below the root are believed; anything else means that it is
another archive.
"""

from __future__ import annotations

import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware.errors import FirmwareError
from firmware.made_for import version_for

SLOT: Final = "var/lib/kiosk/slots/a.img"


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of the archive; `source` is its unpacked copy, empty for folders and links."""

    name: str
    kind: str
    mode: int
    link: str = ""
    source: Path | None = None

    @property
    def size(self) -> int:
        """Bytes of a regular file."""
        return self.source.stat().st_size if self.source else 0


@dataclass(frozen=True, slots=True)
class RootArchive:
    """The archive's members, the newest time in it (Unix seconds), its image's version."""

    entries: tuple[Entry, ...]
    clock: int
    version: str


def read_archive(archive: Path, work: Path, board: str) -> RootArchive:
    """Read the archive of a board, its files unpacked into `work`; raises FirmwareError."""
    entries: list[Entry] = []
    clock, version = 0, ""
    try:
        with tarfile.open(archive) as tar:
            for number, member in enumerate(tar):
                name = member.name.removeprefix("./").strip("/")
                clock = max(clock, int(member.mtime))
                if not name or ".." in Path(name).parts:
                    raise FirmwareError(
                        f"{archive} holds '{member.name}': it is not a rootfs-overlay.tar"
                    )
                if member.isdir():
                    entries.append(Entry(name, "directory", member.mode & 0o7777))
                elif member.issym():
                    entries.append(Entry(name, "symlink", 0o777, link=member.linkname))
                elif member.isreg():
                    source = work / f"file-{number}"
                    content = tar.extractfile(member)
                    assert content is not None
                    with source.open("wb") as file:
                        shutil.copyfileobj(content, file)
                    entries.append(Entry(name, "regular", member.mode & 0o7777, source=source))
                    if name == SLOT:
                        version = version_for(board, source, archive)
                else:
                    raise FirmwareError(
                        f"{archive} holds {name}, which is neither a file, a folder nor a link"
                    )
    except (tarfile.TarError, OSError) as error:
        raise FirmwareError(
            f"{archive} cannot be read ({error}); make it with `make overlay BOARD={board}`"
        ) from None
    if not version:
        raise FirmwareError(f"{archive} holds no {SLOT}: it is not a rootfs-overlay.tar")
    return RootArchive(tuple(entries), clock, version)
