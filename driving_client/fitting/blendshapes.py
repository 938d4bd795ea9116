# SPDX-License-Identifier: Apache-2.0
"""An avatar's blendshapes as a small .npz, between the tools that read avatars and the fit.

This package knows no avatar formats. `scripts/avatar_blendshapes.py` writes the file from a LAM
avatar: `names` (B,) text, `deltas` (B, V, 3) and `vertices` (V, 3) in metres, y up, facing +z,
`faces` (F, 3), all over the avatar's mesh in the order of its file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from driving_client.errors import RetargetError
from driving_client.fitting.npz_file import NpzError, read_npz
from driving_client.motion import ARKIT_NAMES

MAXIMUM_BYTES: Final = 256 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Blendshapes:
    """A rig's mesh at rest and how each blendshape moves it; see the module for shapes."""

    names: tuple[str, ...]
    deltas: NDArray[np.float64]
    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]


def read_blendshapes(path: Path) -> Blendshapes:
    """Read the .npz. Raises RetargetError, naming the file and what is wrong."""
    mend = "make it with `python scripts/avatar_blendshapes.py AVATAR.zip -o FILE.npz`"
    try:
        arrays = read_npz(path, ("names", "deltas", "vertices", "faces"), MAXIMUM_BYTES)
        names = tuple(str(name) for name in arrays["names"])
        deltas = arrays["deltas"].astype(np.float64)
        vertices = arrays["vertices"].astype(np.float64)
        faces = arrays["faces"].astype(np.int64)
    except NpzError as error:
        raise RetargetError(f"{path}: {error}; {mend}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RetargetError(f"{path}: no blendshapes ({error}); {mend}") from error
    count = len(vertices)
    if vertices.shape != (count, 3) or deltas.shape != (len(names), count, 3):
        raise RetargetError(
            f"{path}: {len(names)} names, deltas {deltas.shape} and vertices {vertices.shape} do "
            f"not fit together; {mend}"
        )
    if faces.ndim != 2 or faces.shape[1:] != (3,) or not len(faces):
        raise RetargetError(f"{path}: faces of shape {faces.shape}, wanted (n, 3); {mend}")
    if faces.min() < 0 or faces.max() >= count:
        raise RetargetError(f"{path}: faces name vertices that do not exist; {mend}")
    if not (np.isfinite(deltas).all() and np.isfinite(vertices).all()):
        raise RetargetError(f"{path}: holds NaN or infinity; {mend}")
    if "jawOpen" not in names or len(set(names)) != len(names):
        raise RetargetError(f"{path}: no ARKit names (jawOpen, …), or one of them twice; {mend}")
    known = [name in ARKIT_NAMES for name in names]
    return Blendshapes(
        tuple(name for name, kept in zip(names, known, strict=True) if kept),
        deltas[known],
        vertices,
        faces,
    )
