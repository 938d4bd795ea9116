# SPDX-License-Identifier: Apache-2.0
"""Writes a cpio archive in the kernel's "newc" form: what an initramfs is.

Left out: compression (QEMU hands the file over in memory), links and owners other than root.
Format: Documentation/driver-api/early-userspace/buffer-format.rst of the Linux kernel.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping


def archive(files: Mapping[str, bytes]) -> bytes:
    """An archive with these executable files; the folders above them are made."""
    folders = {
        "/".join(parts[:depth])
        for parts in (name.split("/") for name in files)
        for depth in range(1, len(parts))
    }
    entries = [(name, stat.S_IFDIR | 0o755, b"") for name in sorted(folders)]
    entries += [(name, stat.S_IFREG | 0o755, data) for name, data in files.items()]
    entries.append(("TRAILER!!!", 0, b""))
    return b"".join(
        _entry(number, name, mode, data)
        for number, (name, mode, data) in enumerate(entries, start=1)
    )


def _entry(number: int, name: str, mode: int, data: bytes) -> bytes:
    encoded = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields)
    return _padded(header + encoded) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
