# SPDX-License-Identifier: Apache-2.0
"""The retarget file: JSON with a version and a hash, checked before use.

JSON because it is small (17 KB, 160 KB with an exact fit), diffable, and read once at the start.
The hash covers the canonical JSON of everything else, so that damage is told apart from a
deliberate new fit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from driving_client.errors import RetargetError
from driving_client.motion import ARKIT_NAMES
from driving_client.regular_file import read_regular
from driving_client.retarget.mapping import INPUT_SIZE, Curve, Gains, Rest, Retarget
from driving_client.retarget.mouth import CONTROL_NAMES
from driving_client.retarget.shapes import FLAME_INPUTS, ShapeFit

FORMAT: Final = "flame-to-arkit"
VERSION: Final = 1
VERSION_WITH_SHAPES: Final = 2
"""A program that knows no `shapes` must not take the file for a plain one."""
PACKAGED: Final = "flame_to_arkit.json"
_MAXIMUM_BYTES: Final = 1 << 20
_SHAPE_PARTS: Final = {
    "products": (len(ARKIT_NAMES), len(ARKIT_NAMES)),
    "mixed": (len(ARKIT_NAMES), FLAME_INPUTS),
    "inverse": (FLAME_INPUTS, len(ARKIT_NAMES)),
}
_MEND: Final = "make it anew with `python -m driving_client fit`"


def load_retarget(path: Path | str | None = None) -> Retarget:
    """Read a retarget file, or the packaged one. Raises RetargetError, naming what is wrong."""
    try:
        if path is None:
            where = f"packaged {PACKAGED}"
            data = (resources.files("driving_client.retarget") / PACKAGED).read_bytes()
        else:
            where = str(path)
            data = read_regular(path, _MAXIMUM_BYTES)
    except OSError as error:
        raise RetargetError(f"{path or PACKAGED}: cannot be read ({error.strerror})") from error
    return parse_retarget(data, where)


def parse_retarget(data: bytes, where: str) -> Retarget:
    """Check and read the bytes of a retarget file; `where` goes into the errors."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RetargetError(f"{where}: not JSON ({error}); {_MEND}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise RetargetError(f"{where}: not a retarget file (no format {FORMAT!r}); {_MEND}")
    if document.get("version") not in (VERSION, VERSION_WITH_SHAPES):
        raise RetargetError(
            f"{where}: version {document.get('version')!r}, this program reads {VERSION} and "
            f"{VERSION_WITH_SHAPES}; update the program or {_MEND}"
        )
    if document.get("sha256") != _digest(document):
        raise RetargetError(f"{where}: damaged, its sha256 does not match its content; {_MEND}")
    try:
        return _build(document)
    except (KeyError, TypeError, ValueError) as error:
        told = f"{where}: incomplete or of the wrong shape ({error}); {_MEND}"
        raise RetargetError(told) from error


def write_retarget(retarget: Retarget, path: Path | str) -> None:
    """Write a retarget file. Raises RetargetError where the path cannot be written."""
    document: dict[str, object] = {
        "format": FORMAT,
        "version": VERSION if retarget.shapes is None else VERSION_WITH_SHAPES,
        "inputs": ["jaw_pose x", *(f"expression {i}" for i in range(INPUT_SIZE - 1))],
        "controls": list(CONTROL_NAMES),
        "provenance": retarget.provenance,
        "weights": _rounded(retarget.weights),
        "bias": _rounded(retarget.bias),
        "curves": [
            {"predicted": _rounded(np.array(c.predicted)), "control": _rounded(np.array(c.control))}
            for c in retarget.curves
        ],
        "centre": _rounded(retarget.centre),
        "inverse": _rounded(retarget.inverse),
        "spread": _rounded(retarget.spread),
        "rest": {name: _rounded(np.array(v)) for name, v in asdict(retarget.rest).items()},
        "gains": asdict(retarget.gains),
    }
    if retarget.shapes is not None:
        document["shapes"] = {
            name: _rounded(getattr(retarget.shapes, name)) for name in _SHAPE_PARTS
        }
    document = json.loads(json.dumps(document))
    document["sha256"] = _digest(document)
    try:
        Path(path).write_text(json.dumps(document, indent=None, separators=(",", ":")) + "\n")
    except OSError as error:
        raise RetargetError(f"{path}: cannot be written ({error.strerror})") from error


def _digest(document: Mapping[str, object]) -> str:
    content = {key: value for key, value in document.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _rounded(values: NDArray[np.float64]) -> object:
    """Nested lists with 9 significant digits: shorter files, errors far below the fit's."""
    rounded = np.vectorize(lambda v: float(f"{v:.9g}"), otypes=[float])(values)
    result: object = rounded.tolist()
    return result


def _array(
    document: Mapping[str, object], name: str, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    array = np.array(document[name], np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"{name} has shape {array.shape}, wanted {shape} finite values")
    return array


def _build(document: dict[str, object]) -> Retarget:
    if document["controls"] != list(CONTROL_NAMES):
        raise ValueError(f"controls are {document['controls']}, wanted {list(CONTROL_NAMES)}")
    size = len(CONTROL_NAMES)
    curves, rest, gains = document["curves"], document["rest"], document["gains"]
    provenance = document["provenance"]
    if not (
        isinstance(curves, list)
        and len(curves) == size
        and isinstance(rest, dict)
        and isinstance(gains, dict)
        and isinstance(provenance, dict)
    ):
        raise ValueError("curves, rest, gains or provenance are missing or of another kind")
    rest_sizes = {name: len(value) for name, value in asdict(Rest()).items()}
    return Retarget(
        weights=_array(document, "weights", (size, INPUT_SIZE)),
        bias=_array(document, "bias", (size,)),
        curves=tuple(_read_curve(curve) for curve in curves),
        centre=_array(document, "centre", (INPUT_SIZE,)),
        inverse=_array(document, "inverse", (INPUT_SIZE, size + 1)),
        spread=_array(document, "spread", (size,)),
        rest=Rest(**{n: tuple(_array(rest, n, (k,)).tolist()) for n, k in rest_sizes.items()}),
        gains=Gains(**{name: float(gains[name]) for name in asdict(Gains())}),
        shapes=_shapes(document),
        provenance=provenance,
    )


def _shapes(document: Mapping[str, object]) -> ShapeFit | None:
    if document["version"] != VERSION_WITH_SHAPES:
        return None
    shapes = document["shapes"]
    if not isinstance(shapes, dict):
        raise ValueError("shapes is not an object")
    parts = {name: _array(shapes, name, shape) for name, shape in _SHAPE_PARTS.items()}
    if np.abs(parts["products"] - parts["products"].T).max() > 1e-6:
        raise ValueError("shapes' products are not symmetric")
    used = np.diag(parts["products"]) > 0.0
    if not used.any() or np.linalg.eigvalsh(parts["products"][np.ix_(used, used)])[0] <= 0.0:
        raise ValueError("shapes' products cannot be solved for")
    return ShapeFit(**parts)


def _read_curve(curve: Mapping[str, object]) -> Curve:
    predicted = np.array(curve["predicted"], np.float64)
    control = np.array(curve["control"], np.float64)
    if predicted.ndim != 1 or predicted.shape != control.shape or len(predicted) < 2:
        raise ValueError("a curve needs two lists of equal length")
    if not ((np.diff(predicted) > 0).all() and (np.diff(control) > 0).all()):
        raise ValueError("a curve does not rise strictly")
    if control[0] != 0.0 or control[-1] != 1.0:
        raise ValueError("a curve does not go from 0 to 1")
    return Curve(tuple(predicted.tolist()), tuple(control.tolist()))
