# SPDX-License-Identifier: Apache-2.0
"""Reading binary glTF 2.0: the JSON chunk and its accessors as numpy arrays.

After the glTF 2.0 specification: accessors with strides, sparse values and normalised
integers. Buffers outside of the file, compression extensions and images are left out.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splat_gles.errors import ImportSourceError

_COMPONENTS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_MAX_COUNT = 4_000_000

# What indexing into JSON that is not as it should be raises.
MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError)


class Glb:
    """One .glb file. `document` is its JSON; raises ImportSourceError for damage."""

    def __init__(self, data: bytes, where: str) -> None:
        self.where = where
        self.document, self._binary = _chunks(data, where)

    def accessor(self, index: int) -> NDArray[Any]:
        """Accessor as (count, width); float32 where normalised, else the stored type."""
        try:
            return self._accessor(self.document["accessors"][_index(index)])
        except MALFORMED as cause:
            raise ImportSourceError(
                f"{self.where}: accessor {index} is damaged: {cause!r}; export or copy it again"
            ) from cause

    def _accessor(self, accessor: dict[str, Any]) -> NDArray[Any]:
        count, width = _index(accessor["count"]), _WIDTHS[accessor["type"]]
        if not 0 < count <= _MAX_COUNT:
            raise ValueError(f"count {count}")
        dtype = np.dtype(_COMPONENTS[accessor["componentType"]])
        if "bufferView" in accessor:
            values = self._view(accessor, dtype, count, width)
        else:
            values = np.zeros((count, width), dtype)
        if "sparse" in accessor:
            sparse, values = accessor["sparse"], values.copy()
            number = _index(sparse["count"])
            rows = self._view(
                sparse["indices"],
                np.dtype(_COMPONENTS[sparse["indices"]["componentType"]]),
                number,
                1,
            )[:, 0]
            if number and rows.max() >= count:
                raise ValueError(f"sparse index {rows.max()} of {count}")
            values[rows] = self._view(sparse["values"], dtype, number, width)
        if accessor.get("normalized"):
            return values.astype(np.float32) / np.float32(np.iinfo(dtype).max)
        return values

    def _view(
        self, source: dict[str, Any], dtype: np.dtype[Any], count: int, width: int
    ) -> NDArray[Any]:
        view = self.document["bufferViews"][_index(source["bufferView"])]
        if view["buffer"] != 0:
            raise ValueError("a buffer outside of the file")
        row = dtype.itemsize * width
        stride = _index(view.get("byteStride", row))
        start, offset = _index(view.get("byteOffset", 0)), _index(source.get("byteOffset", 0))
        need = stride * (count - 1) + row if count else 0
        if stride < row or offset + need > _index(view["byteLength"]):
            raise ValueError("it reaches beyond its buffer view")
        if start + offset + need > len(self._binary):
            raise ValueError("it reaches beyond the file")
        return np.ndarray(
            (count, width), dtype, self._binary, start + offset, (stride, dtype.itemsize)
        )


def _index(value: Any) -> int:
    """A JSON number that counts or indexes: Python would take negative ones from the end."""
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is not an index")
    return value


def _chunks(data: bytes, where: str) -> tuple[dict[str, Any], bytes]:
    if len(data) < 20 or data[:4] != b"glTF":
        raise ImportSourceError(f"{where}: not a binary glTF file")
    version, length = struct.unpack_from("<II", data, 4)
    if version != 2:
        raise ImportSourceError(f"{where}: glTF version {version}, need 2")
    if length != len(data):
        raise ImportSourceError(
            f"{where}: {length:,} bytes announced, {len(data):,} there; copy the file again"
        )
    document, binary, at = None, b"", 12
    while at + 8 <= len(data):
        size, kind = struct.unpack_from("<I4s", data, at)
        chunk = data[at + 8 : at + 8 + size]
        if len(chunk) != size:
            raise ImportSourceError(f"{where}: a glTF chunk ends early; copy the file again")
        if kind == b"JSON":
            document = _parse(chunk, where)
        elif kind == b"BIN\x00":
            binary = chunk
        at += 8 + size
    if document is None:
        raise ImportSourceError(f"{where}: no JSON chunk in the glTF file")
    return document, binary


def _parse(chunk: bytes, where: str) -> dict[str, Any]:
    try:
        document = json.loads(chunk)
    except (ValueError, RecursionError) as cause:
        raise ImportSourceError(f"{where}: glTF JSON is damaged: {cause}") from cause
    if not isinstance(document, dict):
        raise ImportSourceError(f"{where}: glTF JSON is not an object")
    return document
