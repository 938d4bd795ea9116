# SPDX-License-Identifier: Apache-2.0
"""Makes the signed image file from a payload's squashfs, and checks it as a board would."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from firmware.signing import SigningKey
from kioskd.update.image_format import assemble, padded_digest, verify
from kioskd.update.manifest import Manifest


def sign_image(
    squashfs: Path,
    target: Path,
    *,
    board: str,
    version: str,
    built: int,
    key: SigningKey,
    files: Mapping[str, str],
) -> None:
    """Write `target`; `files` has the SHA-256 of every file of the payload by its path,
    `built` is the time of its commit in Unix seconds.

    Raises FirmwareError or ImageError.
    """
    size, digest = padded_digest(squashfs)
    manifest = Manifest(
        version=version,
        built=built,
        board=board,
        squashfs_bytes=size,
        squashfs_sha256=digest,
        key_id=key.id,
        files=files,
    ).to_bytes()
    assemble(squashfs, manifest, key.sign(manifest), target)
    verify(target, [key.public_path], board)
