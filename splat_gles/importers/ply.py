# SPDX-License-Identifier: Apache-2.0
"""Reading the vertex element of a PLY file, as 3D Gaussian splatting tools write it.

Training writes binary_little_endian; what went through an editor may be ASCII or big endian, and
its header may end lines with CR LF. Only scalar properties of one vertex element that comes
first, in ASCII a vertex a line. Lists are refused by name.
"""

from __future__ import annotations

import io
import itertools
import re
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splat_gles.errors import ImportSourceError

_TYPES = {
    "char": "i1",
    "int8": "i1",
    "uchar": "u1",
    "uint8": "u1",
    "short": "i2",
    "int16": "i2",
    "ushort": "u2",
    "uint16": "u2",
    "int": "i4",
    "int32": "i4",
    "uint": "u4",
    "uint32": "u4",
    "float": "f4",
    "float32": "f4",
    "double": "f8",
    "float64": "f8",
}
_FORMATS = ("binary_little_endian", "binary_big_endian", "ascii")
_MAX_HEADER = 64 * 1024
_MAX_PROPERTIES = 256
_MAX_VERTICES = 4_000_000
_END = re.compile(rb"^end_header[ \t]*\r?\n", re.MULTILINE)


def read_ply(data: bytes, where: str) -> NDArray[Any]:
    """Structured array (vertices,) with one field per property.

    In the file's types; numbers written in ASCII become float64.
    """
    if not data.startswith(b"ply"):
        raise ImportSourceError(f"{where}: not a PLY file")
    end = _END.search(data, 0, _MAX_HEADER)
    if end is None:
        raise ImportSourceError(f"{where}: the PLY header has no end; copy the file again")
    lines = data[: end.start()].decode("ascii", "replace").splitlines()[1:]
    form, count, fields = _header(lines, where)
    dtype = np.dtype(fields).newbyteorder(">" if form == "binary_big_endian" else "<")
    start = end.end()
    # In ASCII a number takes a digit and what parts it from the next; the last needs nothing
    least = 2 * count * len(fields) - 1 if form == "ascii" else count * dtype.itemsize
    if len(data) - start < least:
        raise ImportSourceError(
            f"{where}: {count} vertices of {len(fields)} properties announced, only "
            f"{len(data) - start:,} bytes follow; copy the file again"
        )
    if form == "ascii":
        return _numbers(data[start:], [name for name, _ in fields], count, where)
    return np.frombuffer(data, dtype=dtype, count=count, offset=start)


def _numbers(data: bytes, names: list[str], count: int, where: str) -> NDArray[Any]:
    # One line after the other: a list of all takes twenty times the memory of short ones
    lines = io.TextIOWrapper(io.BytesIO(data), "ascii", "replace")
    filled = itertools.islice((line for line in lines if line.strip()), count)
    dtype = np.dtype([(name, "f8") for name in names])
    try:
        with warnings.catch_warnings():
            # Of nothing but empty lines, which is told below
            warnings.simplefilter("ignore", UserWarning)
            table = np.loadtxt(filled, dtype, comments=None, ndmin=1)
    except ValueError as cause:
        raise ImportSourceError(f"{where}: damaged: {cause}; copy the file again") from cause
    if len(table) != count:
        raise ImportSourceError(
            f"{where}: {count} vertices announced, {len(table)} lines follow; copy the file again"
        )
    return table


def _header(lines: list[str], where: str) -> tuple[str, int, list[tuple[str, str]]]:
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
    if form not in _FORMATS:
        raise ImportSourceError(f"{where}: PLY format {form!r}, allowed: {', '.join(_FORMATS)}")
    if count > _MAX_VERTICES:
        raise ImportSourceError(f"{where}: {count:,} vertices, the most is {_MAX_VERTICES:,}")
    if count < 1 or not 0 < len(fields) <= _MAX_PROPERTIES:
        raise ImportSourceError(f"{where}: no vertices with properties in the PLY header")
    if len({name for name, _ in fields}) != len(fields):
        raise ImportSourceError(f"{where}: a PLY property is named twice")
    return form, count, fields
