# SPDX-License-Identifier: Apache-2.0
"""Bounded reading of ZIP files that nobody vouches for.

Bundles and the importer's sources arrive from outside, so every size is bounded before memory
is spent on it: the file, its central directory, each entry and their sum. What zipfile raises
on damage is turned into one named error, and a file that is no ZIP at all is called by its name.
Nothing is ever unpacked to disk, so an entry's name leads nowhere. Names may be parted by
backslashes, as some programs for Windows write them, and the file may be ZIP64, which archivers
write that stream. Left out on purpose: encryption and any compression but stored and deflate; no
file here needs them.
"""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from splat_gles.errors import SplatError
from splat_gles.foreign_files import HEAD, foreign_beginning
from splat_gles.regular_file import open_regular

MEGABYTE = 1 << 20

_END = b"PK\x05\x06"
_END_64 = b"PK\x06\x06"
_END_64_LOCATOR = b"PK\x06\x07"
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    IndexError,
)


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Largest file on disk, entry and sum of all entries in bytes; most entries."""

    file_bytes: int
    entry_bytes: int
    total_bytes: int
    entries: int


class Archive:
    """The entries of one ZIP file, held in memory.

    Raises `error` with the file's path for everything that is wrong with it.
    """

    def __init__(self, path: Path, limits: ArchiveLimits, error: type[SplatError]) -> None:
        self._where = str(path)
        self._error = error
        self._limits = limits
        data = self._load(path)
        self._check_directory(data)
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _DAMAGE as cause:
            raise self._damaged(str(cause)) from cause
        self._entries = self._collect()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all files in the archive, folders left out, in stored order."""
        return tuple(self._entries)

    def compressed_size(self, name: str) -> int:
        """Bytes that the entry takes in the archive."""
        return self._entries[name].compress_size

    def size(self, name: str) -> int:
        """Bytes of the entry once unpacked, as the archive declares them."""
        return self._entries[name].file_size

    def read(self, name: str) -> bytes:
        """Contents of one entry, its CRC checked by zipfile."""
        entry = self._entries.get(name)
        if entry is None:
            raise self._error(f"{self._where}: entry {name!r} is missing; make the file again")
        try:
            with self._zip.open(entry) as stream:
                # One byte more than declared: a stream that goes on is damage too.
                data = stream.read(entry.file_size + 1)
        except _DAMAGE as cause:
            raise self._damaged(f"entry {name!r}: {cause}") from cause
        if len(data) != entry.file_size:
            raise self._damaged(f"entry {name!r} ends early")
        return data

    def _load(self, path: Path) -> bytes:
        most = self._limits.file_bytes
        try:
            with open_regular(path) as stream:
                size = os.fstat(stream.fileno()).st_size
                if size > most:
                    raise self._too_large(f"the file has {size:,} bytes", most)
                data = stream.read(most + 1)
        except OSError as cause:
            reason = cause.strerror or str(cause)
            raise self._error(f"{self._where}: cannot be read: {reason}") from cause
        if len(data) > most:
            raise self._too_large("the file grew while it was read", most)
        return data

    def _check_directory(self, data: bytes) -> None:
        """Bound the central directory before zipfile builds an object for each entry."""
        end = data.rfind(_END, max(0, len(data) - 22 - 0xFFFF))
        if end < 0 or len(data) < end + 22:
            raise self._no_zip(data)
        (size,) = struct.unpack_from("<I", data, end + 12)
        if data[max(0, end - 20) : end].startswith(_END_64_LOCATOR):
            size = self._zip64_directory(data, end)
        if size > self._limits.entries * 512:
            raise self._too_large("its table of contents is oversized", self._limits.entries * 512)

    def _zip64_directory(self, data: bytes, end: int) -> int:
        """Bytes of the table of contents; only where every version of zipfile looks for them."""
        start = end - 20 - 56
        (place,) = struct.unpack_from("<Q", data, end - 20 + 8)
        if place != start or not data.startswith(_END_64, start):
            raise self._damaged("its ZIP64 end is not where it should be")
        (size,) = struct.unpack_from("<Q", data, start + 40)
        return int(size)

    def _no_zip(self, data: bytes) -> SplatError:
        if data.startswith(b"PK\x03\x04"):
            return self._damaged("its end is missing")
        kind = foreign_beginning(data[:HEAD], Path(self._where).suffix)
        return self._error(f"{self._where}: this is {kind or 'not a ZIP file'}")

    def _collect(self) -> dict[str, zipfile.ZipInfo]:
        entries: dict[str, zipfile.ZipInfo] = {}
        total = 0
        for entry in self._zip.infolist():
            name = entry.filename.replace("\\", "/")
            if name.endswith("/"):
                continue
            if name in entries:
                raise self._damaged(f"entry {name!r} appears twice")
            if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
                raise self._error(
                    f"{self._where}: entry {name!r} is locked or packed by a method that is not "
                    "taken; pack it again as an ordinary ZIP file without a password"
                )
            if entry.file_size > self._limits.entry_bytes:
                raise self._too_large(
                    f"entry {name!r} unpacks to {entry.file_size:,} bytes",
                    self._limits.entry_bytes,
                )
            total += entry.file_size
            entries[name] = entry
        if len(entries) > self._limits.entries:
            raise self._error(f"{self._where}: {len(entries)} entries, over {self._limits.entries}")
        if total > self._limits.total_bytes:
            raise self._too_large(f"it unpacks to {total:,} bytes", self._limits.total_bytes)
        return entries

    def _damaged(self, what: str) -> SplatError:
        return self._error(f"{self._where}: damaged ZIP file: {what}; copy or make it again")

    def _too_large(self, what: str, most: int) -> SplatError:
        return self._error(f"{self._where}: too large: {what}, the limit is {most:,}")
