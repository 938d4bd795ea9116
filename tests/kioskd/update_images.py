# SPDX-License-Identifier: Apache-2.0
"""Small signed images for the tests of updates: real keys, real signatures, no real payload."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

from kioskd.update.image_format import assemble, padded_digest
from kioskd.update.manifest import Manifest
from kioskd.update.signature import key_id

BOARD = "qemu-virt"


@dataclass(frozen=True)
class KeyPair:
    private: Path
    public: Path


def make_keys(folder: Path, name: str) -> KeyPair:
    """An ECDSA P-256 key pair; the public half lies alone in its folder, like on a board."""
    private, public = folder / f"{name}.key", folder / name / f"{name}.pem"
    public.parent.mkdir(parents=True)
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(private))
    _openssl("ec", "-in", str(private), "-pubout", "-out", str(public))
    return KeyPair(private, public)


def sign(manifest: bytes, key: Path) -> bytes:
    return _openssl("dgst", "-sha256", "-sign", str(key), given=manifest)


def make_image(
    out: Path,
    keys: KeyPair,
    version: str = "0.1.0",
    board: str = BOARD,
    min_hook: int = 1,
    built: int = 1_700_000_000,
    size: int = 9000,
) -> Path:
    """An image whose "squashfs" is its magic and pseudo-random bytes that differ by version."""
    payload = out.with_suffix(".squashfs")
    noise = hashlib.shake_256(version.encode()).digest(size - 4)
    payload.write_bytes(b"hsqs" + noise)
    padded, digest = padded_digest(payload)
    manifest = Manifest(
        version=version,
        board=board,
        squashfs_bytes=padded,
        squashfs_sha256=digest,
        key_id=key_id(keys.public),
        files={"usr/bin/kioskd": digest},
        min_hook=min_hook,
        built=built,
    ).to_bytes()
    assemble(payload, manifest, sign(manifest, keys.private), out)
    payload.unlink()
    return out


def _openssl(*words: str, given: bytes | None = None) -> bytes:
    done = subprocess.run(["openssl", *words], input=given, capture_output=True, check=True)
    return done.stdout
