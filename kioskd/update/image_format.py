# SPDX-License-Identifier: Apache-2.0
"""The image file: payload, manifest, signature and trailer in one, mountable as it is.

    [squashfs, zeros to a multiple of 4096][manifest.json][manifest.sig][trailer, 512 bytes]

The squashfs comes first, so that the file is mounted through a loop device without an
offset; the trailer comes last, so that a shell finds everything with `tail -c 512`. Every
byte is covered: the trailer is compared with the only form it can have, the manifest is
signed, the squashfs with its padding is hashed in the manifest. See `kioskd.update.manifest`
and `kioskd.update.signature`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from driving_client.regular_file import open_regular
from kioskd.update.errors import ImageError
from kioskd.update.manifest import MAX_MANIFEST_BYTES, PRODUCT, Manifest, parse_manifest
from kioskd.update.signature import MAX_SIGNATURE_BYTES, check_signature

MAX_IMAGE_BYTES: Final = 128 << 20
"""A partition of 128 MiB cannot hold more, whatever a trailer says."""
TRAILER_BYTES: Final = 512
ALIGNMENT: Final = 4096
SQUASHFS_MAGIC: Final = b"hsqs"
_CHUNK: Final = 1 << 20
_TRAILER: Final = re.compile(
    rb"KIOSKIMG(\d{1,4}) squashfs=(\d{1,12}) manifest=(\d{1,9}) signature=(\d{1,4})\n *\n"
)

Progress = Callable[[int, int], None]
"""Told bytes done and bytes in all."""


@dataclass(frozen=True, slots=True)
class Trailer:
    """Sizes in bytes of the three parts before the trailer, in the order of the file."""

    squashfs: int
    manifest: int
    signature: int

    @property
    def file_bytes(self) -> int:
        """Size of the whole file."""
        return self.squashfs + self.manifest + self.signature + TRAILER_BYTES

    def to_bytes(self) -> bytes:
        """The 512 bytes."""
        line = (
            f"KIOSKIMG1 squashfs={self.squashfs} manifest={self.manifest} "
            f"signature={self.signature}\n"
        )
        return line.encode("ascii").ljust(TRAILER_BYTES - 1) + b"\n"


def read_trailer(path: Path) -> Trailer:
    """The sizes of the parts, which add up; raises ImageError. Nothing is verified yet."""
    with _open(path) as file:
        return _trailer(file, path)


def read_manifest(path: Path) -> Manifest:
    """What the image says about itself; raises ImageError. Nothing is verified yet."""
    with _open(path) as file:
        return parse_manifest(_parts(file, _trailer(file, path), path)[0])


def verify(
    path: Path, keys: Sequence[Path], board: str, progress: Progress | None = None
) -> Manifest:
    """Check every byte of an image for this board; raises ImageError with the reason's name.

    `keys` are the public keys (PEM) that are trusted. About a second per 100 MB.
    """
    with _open(path) as file:
        trailer = _trailer(file, path)
        encoded, signature = _parts(file, trailer, path)
        manifest = parse_manifest(encoded)
        check_signature(encoded, signature, manifest.key_id, keys)
        check_fits(manifest, trailer, board, path)
        if _hash(file, trailer.squashfs, path, progress) != manifest.squashfs_sha256:
            raise ImageError("wrong_hash", f"{path}: its content is not what was signed")
    return manifest


def check_fits(manifest: Manifest, trailer: Trailer, board: str, path: Path) -> None:
    """Raises ImageError for an image of another product or board, or with contrary sizes."""
    if manifest.name != PRODUCT:
        raise ImageError("wrong_name", f"{path} is an image of {manifest.name}, not of {PRODUCT}")
    if manifest.board != board:
        raise ImageError(
            "wrong_board", f"{path} is for the board {manifest.board}; this board is {board}"
        )
    if manifest.squashfs_bytes != trailer.squashfs:
        raise ImageError("bad_trailer", f"{path}: trailer and manifest give different sizes")


def assemble(squashfs: Path, manifest: bytes, signature: bytes, out: Path) -> None:
    """Write an image from its parts; `manifest` must name the padded squashfs's size and hash.

    `padded_digest` gives both. Raises ImageError, also for parts that do not belong together.
    """
    size, digest = padded_digest(squashfs)
    told = parse_manifest(manifest)
    if (told.squashfs_bytes, told.squashfs_sha256) != (size, digest):
        raise ImageError("wrong_hash", f"the manifest does not describe {squashfs}")
    trailer = Trailer(size, len(manifest), len(signature))
    _check_sizes(trailer, out)
    with squashfs.open("rb") as source, out.open("wb") as target:
        shutil.copyfileobj(source, target, _CHUNK)
        target.write(bytes(size - target.tell()))
        target.write(manifest + signature + trailer.to_bytes())


def padded_digest(squashfs: Path) -> tuple[int, str]:
    """Size in bytes and SHA-256 of a squashfs with the zeros that pad it to 4096."""
    hasher = hashlib.sha256()
    size = 0
    with _open(squashfs) as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
            size += len(chunk)
    padding = -size % ALIGNMENT
    hasher.update(bytes(padding))
    return size + padding, hasher.hexdigest()


def _open(path: Path) -> BinaryIO:
    try:
        return open_regular(path)
    except OSError as error:
        raise ImageError("unreadable", f"{path} cannot be read: {error.strerror}") from error


def _trailer(file: BinaryIO, path: Path) -> Trailer:
    size = _size(file, path)
    if size < TRAILER_BYTES:
        raise ImageError("truncated", f"{path} has {size} bytes, which is not a whole image")
    content = _read_at(file, size - TRAILER_BYTES, TRAILER_BYTES, path)
    found = _TRAILER.fullmatch(content)
    if found is None:
        cut = _read_at(file, 0, len(SQUASHFS_MAGIC), path) == SQUASHFS_MAGIC
        if cut and not content.startswith(b"KIOSKIMG1 "):
            raise ImageError("truncated", f"{path}: its end is missing; copy it again, whole")
        raise ImageError("bad_trailer", f"{path} is not a kiosk image, or its trailer is damaged")
    if int(found[1]) > 1:
        raise ImageError("newer_format", f"{path} has a newer format ({int(found[1])}) than 1")
    trailer = Trailer(int(found[2]), int(found[3]), int(found[4]))
    if trailer.to_bytes() != content:
        raise ImageError("bad_trailer", f"{path}: the trailer is damaged")
    _check_sizes(trailer, path)
    text = f"{path} has {size} bytes where its trailer says {trailer.file_bytes}"
    if size < trailer.file_bytes:
        raise ImageError("truncated", text)
    if size > trailer.file_bytes:
        raise ImageError("bad_trailer", text)
    if _read_at(file, 0, len(SQUASHFS_MAGIC), path) != SQUASHFS_MAGIC:
        raise ImageError("not_squashfs", f"{path} does not begin with a squashfs")
    return trailer


def _check_sizes(trailer: Trailer, path: Path) -> None:
    if trailer.manifest > MAX_MANIFEST_BYTES or trailer.file_bytes > MAX_IMAGE_BYTES:
        raise ImageError(
            "too_large",
            f"{path}: {trailer.file_bytes} bytes are more than the {MAX_IMAGE_BYTES} allowed",
        )
    if trailer.squashfs < ALIGNMENT or trailer.squashfs % ALIGNMENT or not trailer.manifest:
        raise ImageError("bad_trailer", f"{path}: the trailer's sizes make no sense")
    if trailer.signature > MAX_SIGNATURE_BYTES:
        raise ImageError("bad_trailer", f"{path}: the trailer's signature is too long")


def _parts(file: BinaryIO, trailer: Trailer, path: Path) -> tuple[bytes, bytes]:
    both = _read_at(file, trailer.squashfs, trailer.manifest + trailer.signature, path)
    return both[: trailer.manifest], both[trailer.manifest :]


def _hash(file: BinaryIO, size: int, path: Path, progress: Progress | None) -> str:
    hasher = hashlib.sha256()
    done = 0
    while done < size:
        chunk = _read_at(file, done, min(_CHUNK, size - done), path)
        hasher.update(chunk)
        done += len(chunk)
        if progress is not None:
            progress(done, size)
    return hasher.hexdigest()


def _size(file: BinaryIO, path: Path) -> int:
    try:
        return file.seek(0, os.SEEK_END)
    except OSError as error:
        raise ImageError("unreadable", f"{path} cannot be read: {error.strerror}") from error


def _read_at(file: BinaryIO, offset: int, size: int, path: Path) -> bytes:
    try:
        file.seek(offset)
        content = file.read(size)
    except OSError as error:
        raise ImageError("unreadable", f"{path} cannot be read: {error.strerror}") from error
    if len(content) != size:
        raise ImageError("truncated", f"{path} ends at byte {offset + len(content)}")
    return content
