# SPDX-License-Identifier: Apache-2.0
"""What the tests of flashing share: images, partition tables, and tools put on PATH."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
import uuid
import zlib
from pathlib import Path
from typing import Any

import pytest

import flash
from flashing.partition_table import Partition
from kioskd.update.image_format import Trailer, padded_digest

ROOT = Path(__file__).resolve().parents[2]
SECTOR = 512


def kiosk_image(
    path: Path, board: str, version: str = "0.1.0+test", payload_bytes: int = 5000
) -> Path:
    """An image file whose trailer and manifest are true; the payload is noise."""
    payload = path.with_name("payload.squashfs")
    payload.write_bytes(b"hsqs" + os.urandom(payload_bytes))
    size, digest = padded_digest(payload)
    manifest = {
        "arch": "arm64", "board": board, "files": {"usr/bin/true": digest}, "format": 1,
        "built": 1, "key_id": "0" * 16, "min_hook": 1, "name": "avatar-kiosk",
        "squashfs_bytes": size, "squashfs_sha256": digest, "version": version,
    }  # fmt: skip
    encoded = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    content = payload.read_bytes().ljust(size, b"\0") + encoded + b"signature"
    path.write_bytes(content + Trailer(size, len(encoded), 9).to_bytes())
    payload.unlink()
    return path


def ext4(path: Path, content: Path, size_kib: int, label: str = "KIOSK") -> Path:
    """An ext4 image with the files of a folder."""
    command = ["/usr/sbin/mke2fs", "-q", "-t", "ext4", "-L", label, "-d", str(content)]
    subprocess.run(
        [*command, "-F", str(path), f"{size_kib}k"],
        check=True,
        capture_output=True,
    )
    return path


def overlay_image(folder: Path, board: str, name: str = "kiosk-overlay.img") -> Path:
    """kiosk-overlay.img as a build leaves it, with SHA256SUMS beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    tree = folder / "tree" / "slots"
    tree.mkdir(parents=True)
    kiosk_image(tree / "a.img", board)
    image = ext4(folder / name, folder / "tree", 512)
    digest = hashlib.sha256(image.read_bytes()).hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digest}  {name}\n")
    return image


def gpt(partitions: list[Partition], disk_sectors: int) -> bytes:
    """The first 34 sectors of a disk with these partitions."""
    entries = bytearray(128 * 128)
    for number, partition in enumerate(partitions):
        assert partition.sectors is not None
        last = partition.first + partition.sectors - 1
        entry = uuid.UUID(int=number + 1).bytes + uuid.UUID(int=number + 99).bytes
        entry += struct.pack("<QQQ", partition.first, last, 0)
        entry += partition.name.encode("utf-16-le").ljust(72, b"\0")
        entries[number * 128 : (number + 1) * 128] = entry

    def header(crc: int) -> bytes:
        return struct.pack(
            "<8sIIIIQQQQ16sQIII",
            b"EFI PART",
            0x10000,
            92,
            crc,
            0,
            1,
            disk_sectors - 1,
            34,
            disk_sectors - 34,
            bytes(16),
            2,
            128,
            128,
            zlib.crc32(entries),
        )

    return bytes(SECTOR) + header(zlib.crc32(header(0))).ljust(SECTOR, b"\0") + bytes(entries)


def put_on_path(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, script: Path) -> None:
    """An executable `name` that runs a Python file of these tests."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E "{script}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


class Board:
    """A board behind fake tools: `scene` says how it behaves, `log` what was asked of it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        folder.mkdir()
        monkeypatch.setenv("FAKE_DEVICE", str(folder))
        self.scene()

    def scene(self, **facts: Any) -> None:
        (self.folder / "scene.json").write_text(json.dumps(facts))

    @property
    def log(self) -> list[list[str]]:
        file = self.folder / "log"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def commands(self) -> list[str]:
        return [argv[0] for argv in self.log]

    @property
    def storage(self) -> Path:
        return self.folder / "storage.img"


def run_flash(*argv: str | Path) -> int:
    """flash.py in this process, with the tools as real processes."""
    return flash.main([str(word) for word in argv])
