# SPDX-License-Identifier: Apache-2.0
"""The few file operations that changing a board's files is made of: images, state, configuration.

Everything that a power cut must not spoil is written through this layer, for one reason: whether
a cut at any moment leaves something that boots is decided by the order of writes, renames and
syncs. The tests put a recorder in this place and replay every point at which the power can
go, with everything lost that was not synced.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol


class Files(Protocol):
    """What files are changed with. Errors are OSError, as the system gives them."""

    def write(self, path: Path, chunks: Iterable[bytes], mode: int) -> None:
        """Make a new file or empty an old one, and write it; not yet durable."""

    def sync(self, path: Path) -> None:
        """Make a file's content durable."""

    def rename(self, source: Path, target: Path) -> None:
        """Give a file another name in the same folder; durable after `sync_folder`."""

    def remove(self, path: Path) -> None:
        """Remove a file where it exists; durable after `sync_folder`."""

    def make_folder(self, path: Path) -> None:
        """Make a folder and its parents where they are missing; durable at once."""

    def sync_folder(self, path: Path) -> None:
        """Make a folder's names durable."""


class DiskFiles:
    """The real ones."""

    def write(self, path: Path, chunks: Iterable[bytes], mode: int) -> None:
        """See Files."""
        # Not blocking: what lies there may be a FIFO, which is then an error (ENXIO)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
        handle = os.open(path, flags, mode)
        with os.fdopen(handle, "wb", buffering=0) as file:
            os.fchmod(handle, mode)
            for chunk in chunks:
                rest = memoryview(chunk)
                while rest:
                    rest = rest[file.write(rest) or 0 :]

    def sync(self, path: Path) -> None:
        """See Files. Also drops the file from memory, so that what is read next is the medium."""
        with opened(path, os.O_RDONLY) as handle:
            os.fsync(handle)
            with contextlib.suppress(OSError):
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)

    def rename(self, source: Path, target: Path) -> None:
        """See Files."""
        source.replace(target)

    def remove(self, path: Path) -> None:
        """See Files."""
        path.unlink(missing_ok=True)

    def make_folder(self, path: Path) -> None:
        """See Files."""
        if not path.is_dir():
            self.make_folder(path.parent)
            path.mkdir(exist_ok=True)
            self.sync_folder(path.parent)

    def sync_folder(self, path: Path) -> None:
        """See Files."""
        with opened(path, os.O_RDONLY | os.O_DIRECTORY) as handle:
            os.fsync(handle)


def replace(files: Files, path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace a file whole, or leave it as it was, whenever the power goes."""
    fresh = path.with_name(path.name + ".new")
    files.write(fresh, [content], mode)
    files.sync(fresh)
    files.rename(fresh, path)
    files.sync_folder(path.parent)


@contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    """A file's descriptor, closed with the block; raises OSError."""
    handle = os.open(path, flags)
    try:
        yield handle
    finally:
        os.close(handle)
