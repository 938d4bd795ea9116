# SPDX-License-Identifier: Apache-2.0
"""Where a partition begins and how large it is, as the device itself says.

Three sources, all from the device: the GPT in its first 34 sectors (exact), what
`rkdeveloptool ppt` prints (Debian 12's prints the first sector only, so a size is the way to
the next partition, and that of the last is unknown; Debian 13's prints the last one too), and
Rockchip's parameter text (`mtdparts=`), which the vendors publish. Sectors have 512 bytes.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flashing.errors import FlashError

SECTOR: Final = 512
GPT_SECTORS: Final = 34
_HEADER: Final = struct.Struct("<8sIIIIQQQQ16sQIII")
_NAME_BYTES: Final = slice(56, 128)
_LISTED: Final = re.compile(r"^\d+ {2,}([0-9A-Fa-f]{8})  (\S+)\s*$")
_LISTED_WITH_END: Final = re.compile(r"^\d+\s+(\d+)\s+(\d+)\s+\d+\s+(\S+)\s*$")
_MTDPART: Final = re.compile(r"(-|0x[0-9a-fA-F]+)@(0x[0-9a-fA-F]+)\(([^:)]+)(?::[^)]*)?\)")


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition; `sectors` is None where the source does not tell the size."""

    name: str
    first: int
    sectors: int | None

    @property
    def bytes(self) -> int | None:
        """Size in bytes, or None."""
        return None if self.sectors is None else self.sectors * SECTOR


def parse_gpt(raw: bytes) -> list[Partition] | None:
    """The partitions of a GPT from the first 34 sectors; None where there is no GPT.

    Raises FlashError for a damaged one: then no name can be trusted.
    """
    header = raw[SECTOR : SECTOR + _HEADER.size]
    if len(raw) < GPT_SECTORS * SECTOR or not header.startswith(b"EFI PART"):
        return None
    fields = _HEADER.unpack(header)
    header_bytes, header_crc = fields[2], fields[3]
    entries_at, count, entry_bytes, entries_crc = fields[10:14]
    if not _HEADER.size <= header_bytes <= SECTOR or entry_bytes < 128 or entry_bytes % 8:
        raise FlashError("the device's partition table is damaged: sizes in its header are wrong")
    whole = raw[SECTOR : SECTOR + header_bytes]
    if zlib.crc32(whole[:16] + bytes(4) + whole[20:]) != header_crc:
        raise FlashError("the device's partition table is damaged: its header's checksum is wrong")
    entries = raw[entries_at * SECTOR : entries_at * SECTOR + count * entry_bytes]
    if len(entries) < count * entry_bytes:
        raise FlashError(f"the device's partition table has {count} entries; at most 128 are read")
    if zlib.crc32(entries) != entries_crc:
        raise FlashError(
            "the device's partition table is damaged: the checksum of its entries is wrong"
        )
    found = []
    for start in range(0, len(entries), entry_bytes):
        entry = entries[start : start + entry_bytes]
        first, last = struct.unpack_from("<QQ", entry, 32)
        if entry[:16] != bytes(16) and last >= first:
            name = entry[_NAME_BYTES].decode("utf-16-le", "replace").split("\0")[0]
            found.append(Partition(name, first, last - first + 1))
    return found


def parse_listing(text: str) -> list[Partition]:
    """What `rkdeveloptool ppt` (or `list-partitions`) prints; empty where it found no table."""
    starts: list[tuple[str, int, int | None]] = []
    for line in text.splitlines():
        if found := _LISTED.match(line):
            starts.append((found[2], int(found[1], 16), None))
        elif found := _LISTED_WITH_END.match(line):
            starts.append((found[3], int(found[1]), int(found[2])))
    following = sorted(first for _, first, _ in starts)
    result = []
    for name, first, last in starts:
        end = next((start for start in following if start > first), None)
        if last is not None:
            end = last + 1
        result.append(Partition(name, first, None if end is None else end - first))
    return result


def parse_parameter(text: str) -> list[Partition]:
    """Rockchip's parameter text; a partition that grows has no size."""
    lines = [line for line in text.splitlines() if "mtdparts=" in line]
    _, found, parts = lines[0].partition("mtdparts=")[2].partition(":") if lines else ("", "", "")
    if len(lines) != 1 or not found:
        raise FlashError("no single line with `mtdparts=…:`: not a Rockchip parameter file")
    return [
        Partition(name, int(first, 16), None if size == "-" else int(size, 16))
        for size, first, name in _MTDPART.findall(parts)
    ]


def find_partition(table: Sequence[Partition], names: Sequence[str], mend: str) -> Partition:
    """The first of `names` that the device has; `mend` says what to do when there is none."""
    for name in names:
        found = [partition for partition in table if partition.name == name]
        if len(found) > 1:
            raise FlashError(
                f"the device has {len(found)} partitions named {name}: nothing is written"
            )
        if found:
            return found[0]
    have = ", ".join(partition.name for partition in table) or "none"
    raise FlashError(f"the device has no partition {' or '.join(names)} (it has: {have}). {mend}")


def check_fits(partition: Partition, image_bytes: int) -> None:
    """Raises FlashError where the image is larger than the partition, or its size is unknown."""
    if partition.bytes is None:
        raise FlashError(
            f"the size of the partition {partition.name} is not in the device's table; "
            "writing could run into what follows. Choose another with PARTITION="
        )
    if image_bytes > partition.bytes:
        raise FlashError(
            f"the image has {image_bytes} bytes, the partition {partition.name} only "
            f"{partition.bytes}: it would overwrite what follows. Nothing was written"
        )
