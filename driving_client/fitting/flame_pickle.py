# SPDX-License-Identifier: Apache-2.0
"""Reading the pickle of a FLAME model without running anything that is in it.

FLAME is distributed as a Python 2 pickle (protocol 2) of a dict whose values are numpy arrays,
scipy sparse matrices and objects of chumpy, a library that no longer installs. A pickle is a
program that may call anything; here it may call nothing but what this file defines. Every
name that it asks for is looked up in a small table of stand-ins, made anew for each file: what
numpy, scipy and chumpy would build is kept as plain state and checked before numpy sees it.
Any other name ends the reading with an error that tells the name.

Left out on purpose: object arrays, structured arrays, and chumpy's expressions other than plain
values and selections; nothing that the fit needs is stored as such.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from driving_client.errors import RetargetError
from driving_client.regular_file import read_regular

MAXIMUM_BYTES: Final = 512 << 20
"""The official files have 50 to 110 MB."""

_KINDS: Final = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}
_MAXIMUM_ELEMENTS: Final = 64 << 20

Array = NDArray[Any]


class FlameModelError(RetargetError):
    """A FLAME model file is damaged, holds something unexpected, or asks to run a program."""


class _Stand:
    """What stands for any object of chumpy or scipy: its state, nothing else."""

    state: Mapping[str, Any]

    def __init__(self, *_arguments: object) -> None:
        self.state = {}

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, dict):
            raise FlameModelError(f"an object's state is {type(state).__name__}, not a dict")
        self.state = state


class _Chumpy(_Stand):
    """chumpy.ch.Ch (array in `x`) and chumpy.reordering.Select (`a`, `idxs`)."""


class _Sparse(_Stand):
    """scipy.sparse csc_matrix or csr_matrix."""

    by_columns = True


class _Dtype:
    """numpy.dtype of a plain number."""

    def __init__(self, name: object, *_flags: object) -> None:
        text = name.decode("latin1") if isinstance(name, bytes) else name
        if not isinstance(text, str) or text.lstrip("<>|=") not in _KINDS:
            raise FlameModelError(f"an array holds {text!r:.40}, not plain numbers")
        self.dtype = np.dtype(text)

    def __setstate__(self, state: object) -> None:
        # (version, byte order, subdescriptor, names, fields, size, alignment, flags)
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if order in (">", b">"):
            self.dtype = self.dtype.newbyteorder(">")
        elif order not in ("<", "|", "=", b"<", b"|", b"="):
            raise FlameModelError(f"an array's byte order is {order!r:.40}")


class _Array:
    """numpy.ndarray: checked and made when its state comes."""

    array: Array | None = None

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise FlameModelError("an array's state is not numpy's")
        _version, shape, dtype, fortran, data = state
        if not isinstance(dtype, _Dtype):
            raise FlameModelError("an array without a type")
        self.array = _made(data, dtype.dtype, shape, bool(fortran))


def _made(data: object, dtype: np.dtype[Any], shape: object, fortran: bool) -> Array:
    """An array of raw bytes (Python 2 wrote them as text); checks sizes before it allocates."""
    raw = data.encode("latin1") if isinstance(data, str) else data
    if not isinstance(raw, (bytes, bytearray)):
        raise FlameModelError(f"an array's bytes are {type(data).__name__}")
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise FlameModelError(f"an array's shape is {shape!r:.60}")
    count = 1
    for n in shape:
        count *= n
        if count > _MAXIMUM_ELEMENTS:
            raise FlameModelError(f"an array of shape {shape!r:.60} is too large")
    if len(raw) != count * dtype.itemsize:
        raise FlameModelError(f"an array of shape {shape!r:.60} comes with {len(raw)} bytes")
    values = np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C")
    return values.astype(dtype.newbyteorder("="))


def _encode(text: object, encoding: object = "latin1") -> bytes:
    """_codecs.encode as pickles of Python 3 use it for bytes in protocol 2."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise FlameModelError("bytes in an unknown encoding")
    return text.encode("latin1")


def _stand_ins() -> dict[tuple[str, str], Any]:
    """Every name that a model may ask for, made anew: a hostile file can spoil only its own."""

    class Chumpy(_Chumpy):
        pass

    class Columns(_Sparse):
        pass

    class Rows(_Sparse):
        by_columns = False

    class Dtype(_Dtype):
        pass

    def reconstruct(*_arguments: object) -> _Array:
        return _Array()

    def scalar(dtype: object, data: object = b"") -> Any:
        if not isinstance(dtype, _Dtype):
            raise FlameModelError("a number without a type")
        return _made(data, dtype.dtype, (1,), False)[0]

    def from_buffer(data: object, dtype: object, shape: object, order: object) -> _Array:
        if not isinstance(dtype, _Dtype):
            raise FlameModelError("an array without a type")
        holder = _Array()
        holder.array = _made(data, dtype.dtype, shape, order == "F")
        return holder

    def instance(kind: object, *_base: object) -> _Stand:
        if not (isinstance(kind, type) and issubclass(kind, _Stand)):
            raise FlameModelError("an object of an unknown kind")
        return kind()

    def collection(*_items: object) -> None:
        """Sets hold chumpy's own bookkeeping, which nothing here reads."""

    def unused(*_arguments: object) -> None:
        raise FlameModelError("a plain object where an array was expected")

    table: dict[tuple[str, str], Any] = {("numpy", "ndarray"): unused, ("numpy", "dtype"): Dtype}
    for core in ("numpy.core", "numpy._core"):
        table[f"{core}.multiarray", "_reconstruct"] = reconstruct
        table[f"{core}.multiarray", "scalar"] = scalar
        table[f"{core}.numeric", "_frombuffer"] = from_buffer
    for sparse, kind in (("csc", Columns), ("csr", Rows)):
        for module in (f"scipy.sparse.{sparse}", f"scipy.sparse._{sparse}"):
            table[module, f"{sparse}_matrix"] = kind
            table[module, f"{sparse}_array"] = kind
    table["chumpy", ""] = Chumpy  # stands for every name of chumpy: it only keeps state
    for builtins in ("__builtin__", "builtins"):
        table[builtins, "set"] = collection
        table[builtins, "object"] = unused
    for copy in ("copy_reg", "copyreg"):
        table[copy, "_reconstructor"] = instance
    table["_codecs", "encode"] = _encode
    return table


class _Reader(pickle.Unpickler):
    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data), encoding="latin1")
        self._table = _stand_ins()

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        """The stand-in of a name; any other name is refused."""
        known = ("chumpy", "") if module.partition(".")[0] == "chumpy" else (module, name)
        found: Callable[..., Any] | None = self._table.get(known)
        if found is None:
            raise FlameModelError(
                f"the file asks for {module}.{name}, which no FLAME model needs; it may be made "
                "to run a program: do not use it; download the model again from its makers"
            )
        return found


def read_flame_pickle(path: Path, wanted: tuple[str, ...]) -> dict[str, Array]:
    """The `wanted` arrays that a model's pickle holds (those missing are left out), numbers only.

    Sparse matrices come back dense. Nothing of the file is run. Raises FlameModelError.
    """
    try:
        document = _Reader(read_regular(path, MAXIMUM_BYTES)).load()
        if not isinstance(document, dict):
            raise FlameModelError(f"holds {type(document).__name__} and not a dict")
        names = {_text(key): value for key, value in document.items()}
        return {name: as_array(names[name], name) for name in wanted if name in names}
    except OSError as error:
        raise FlameModelError(f"{path}: cannot be read ({error.strerror})") from error
    except FlameModelError as error:
        raise FlameModelError(f"{path}: {error}") from error
    # A damaged pickle may fail in any way that its few stand-ins and pickle itself allow
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        ImportError,
        OverflowError,
        RecursionError,
        MemoryError,
    ) as error:
        raise FlameModelError(
            f"{path}: not a readable pickle ({type(error).__name__}: {error}); copy the file again"
        ) from error


def _text(key: object) -> object:
    return key.decode("latin1") if isinstance(key, bytes) else key


def as_array(value: object, name: str) -> Array:
    """The array behind what a pickle holds under `name`."""
    if isinstance(value, _Array) and value.array is not None:
        return value.array
    if isinstance(value, _Sparse):
        return _dense(value, name)
    if isinstance(value, _Chumpy):
        if "x" in value.state:
            return as_array(value.state["x"], name)
        if "a" in value.state and "idxs" in value.state:
            return _selected(value.state, name)
    raise FlameModelError(
        f"{name} is {type(value).__name__.lstrip('_')}, not an array; "
        "save it as .npz with plain arrays"
    )


def _dense(matrix: _Sparse, name: str) -> Array:
    state = matrix.state
    shape = state.get("_shape", state.get("shape"))
    if not (isinstance(shape, tuple) and len(shape) == 2 and all(type(n) is int for n in shape)):
        raise FlameModelError(f"{name}: a sparse matrix without a shape")
    if not all(n >= 0 for n in shape) or shape[0] * shape[1] > _MAXIMUM_ELEMENTS:
        raise FlameModelError(f"{name}: a sparse matrix of {shape!r:.60} is too large")
    data, indices, pointers = (
        as_array(state.get(part), f"{name}.{part}") for part in ("data", "indices", "indptr")
    )
    major, minor = (shape[1], shape[0]) if matrix.by_columns else shape
    if (
        pointers.shape != (major + 1,)
        or data.shape != indices.shape
        or data.ndim != 1
        or (np.diff(pointers) < 0).any()
        or pointers[0] != 0
        or pointers[-1] != len(data)
        or (len(data) and (indices.min() < 0 or indices.max() >= minor))
    ):
        raise FlameModelError(f"{name}: a sparse matrix whose parts do not fit")
    dense = np.zeros((major, minor), np.float64)
    np.add.at(dense, (np.repeat(np.arange(major), np.diff(pointers)), indices), data)
    return dense.T if matrix.by_columns else dense


def _selected(state: Mapping[str, Any], name: str) -> Array:
    source = as_array(state["a"], name).ravel()
    indices = as_array(state["idxs"], name).ravel()
    shape = state.get("preferred_shape")
    if indices.dtype.kind not in "iu" or (
        len(indices) and (indices.min() < 0 or indices.max() >= len(source))
    ):
        raise FlameModelError(f"{name}: a selection beyond what it selects from")
    picked = source[indices]
    if not isinstance(shape, tuple):
        return picked
    try:
        return picked.reshape(shape)
    except (ValueError, TypeError) as error:
        raise FlameModelError(f"{name}: a selection of shape {shape!r:.60}") from error
