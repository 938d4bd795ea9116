# SPDX-License-Identifier: Apache-2.0
"""Reading the vertex element of a binary PLY file, as 3D Gaussian splatting tools write it.

Only what they write: binary_little_endian 1.0 and scalar properties of one vertex element that
comes first. Lists, ASCII and big endian are refused by name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from splat_gles.errors import ImportSourceError

_TYPES = {
    "char": "i1",
    "int8": "i1",
    "uchar": "u1",
    "uint8": "u1",
    "short": "<i2",
    "int16": "<i2",
    "ushort": "<u2",
    "uint16": "<u2",
    "int": "<i4",
    "int32": "<i4",
    "uint": "<u4",
    "uint32": "<u4",
    "float": "<f4",
    "float32": "<f4",
    "double": "<f8",
    "float64": "<f8",
}
_MAX_HEADER = 64 * 1024
_MAX_PROPERTIES = 256


def read_ply(data: bytes, where: str) -> NDArray[Any]:
    """Structured array (vertices,) with one field per property, in the file's types."""
    if not data.startswith(b"ply"):
        raise ImportSourceError(f"{where}: not a PLY file")
    end = data.find(b"end_header\n", 0, _MAX_HEADER)
    if end < 0:
        raise ImportSourceError(f"{where}: the PLY header has no end; copy the file again")
    count, fields = _header(data[:end].decode("ascii", "replace").splitlines()[1:], where)
    dtype = np.dtype(fields)
    start = end + len(b"end_header\n")
    if len(data) - start < count * dtype.itemsize:
        raise ImportSourceError(
            f"{where}: {count} vertices of {dtype.itemsize} bytes announced, only "
            f"{len(data) - start:,} bytes follow; copy the file again"
        )
    return np.frombuffer(data, dtype=dtype, count=count, offset=start)


def _header(lines: list[str], where: str) -> tuple[int, list[tuple[str, str]]]:
    count, fields, form, elements = -1, [], "", 0
    for line in lines:
        words = line.split()
        match words:
            case [] | ["comment" | "obj_info", *_]:
                continue
            case ["format", form, "1.0"]:
                continue
            case ["element", name, number] if number.isdecimal() and len(number) < 10:
                elements += 1
                if elements == 1:
                    if name != "vertex":
                        raise ImportSourceError(f"{where}: first PLY element is {name!r}")
                    count = int(number)
            case ["property", kind, name] if kind in _TYPES and elements:
                if elements == 1:
                    fields.append((name, _TYPES[kind]))
            case ["property", "list", *_] if elements > 1:
                continue
            case _:
                raise ImportSourceError(f"{where}: PLY header line not understood: {line[:60]!r}")
    if form != "binary_little_endian":
        raise ImportSourceError(f"{where}: PLY format {form!r}, need binary_little_endian")
    if count < 1 or not 0 < len(fields) <= _MAX_PROPERTIES:
        raise ImportSourceError(f"{where}: no vertices with properties in the PLY header")
    if len({name for name, _ in fields}) != len(fields):
        raise ImportSourceError(f"{where}: a PLY property is named twice")
    return count, fields
