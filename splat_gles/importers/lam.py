# SPDX-License-Identifier: Apache-2.0
"""Importing LAM avatars: the zip files of aigc3d's LAM and of OpenAvatarChat.

What the files do not tell, found by measuring two avatars and reading LAM's web renderer:
splat i lies at vertex i of skin.glb plus xyz of offset.ply (vertex_order.json binds nothing);
f_dc holds plain display RGB, no spherical harmonics; opacity is a logit; scale is a logarithm
in metres and never more than 1 cm; quaternions are w, x, y, z and not of unit length. Splats
below 1/255 of opacity never reach a pixel and are dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splat_gles.avatar import Avatar, Float32, Framing
from splat_gles.errors import ImportSourceError
from splat_gles.importers.glb import MALFORMED, Glb
from splat_gles.importers.lam_archive import LamArchive
from splat_gles.importers.lam_clips import bake_clips
from splat_gles.importers.lam_skin import read_skin
from splat_gles.importers.ply import read_ply
from splat_gles.manifest import MAX_BLENDSHAPES, MAX_SPLATS
from splat_gles.skinning import Float64, splat_covariances

_LARGEST_SCALE = 0.01
_LEAST_OPACITY = 1.0 / 255.0
# Below this a delta is rounding, not movement: a hundredth of what the bundle's step resolves.
_LEAST_DELTA = 1e-7
_BUST_WIDTH = 0.40
_PLY_FIELDS = (
    *("x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity"),
    *("scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"),
)

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Mesh:
    positions: Float64
    bones: NDArray[np.int64]
    weights: Float64
    names: tuple[str, ...]
    deltas: Float32


@dataclass(frozen=True, slots=True)
class _Splats:
    offsets: Float64
    covariances: Float32
    colors: Float32


def import_lam(path: Path, *, name: str, licence: str, progress: Progress) -> Avatar:
    """Read a LAM zip. `progress` gets a line as each part is done.

    Raises ImportSourceError for anything that is not as LAM's exporter writes it.
    """
    archive = LamArchive(path)
    skin_glb = Glb(archive.read("skin.glb"), f"{path}: skin.glb")
    mesh = _read_mesh(skin_glb)
    progress(f"mesh: {len(mesh.positions):,} vertices, {len(mesh.names)} blendshapes")
    splats = _read_splats(archive.read("offset.ply"), f"{path}: offset.ply")
    if len(splats.colors) != len(mesh.positions):
        raise ImportSourceError(
            f"{path}: {len(splats.colors):,} splats in offset.ply but {len(mesh.positions):,} "
            "vertices in skin.glb; both must come from the same export"
        )
    visible = splats.colors[:, 3] >= _LEAST_OPACITY
    progress(f"splats: {visible.sum():,} visible of {len(visible):,}")
    if not visible.any():
        raise ImportSourceError(f"{path}: every splat of offset.ply is transparent")
    skin = read_skin(skin_glb, mesh.bones, mesh.weights)
    progress(f"joints: {', '.join(joint.name for joint in skin.joints)}")
    moves = (np.abs(mesh.deltas) > _LEAST_DELTA).any(axis=(0, 2))
    order = np.concatenate([np.flatnonzero(visible & moves), np.flatnonzero(visible & ~moves)])
    touched = int((visible & moves).sum())
    if not touched:
        raise ImportSourceError(f"{path}: no blendshape of skin.glb moves a visible splat")
    progress(f"blendshapes: they move {touched:,} splats")
    animations = Glb(archive.read("animation.glb"), f"{path}: animation.glb")
    clips = bake_clips(animations, skin.joints, len(mesh.names))
    progress(f"clips: {', '.join(f'{c.name} {c.seconds:.1f} s' for c in clips.values())}")
    positions = (mesh.positions + splats.offsets)[order].astype(np.float32)
    deltas = np.ascontiguousarray(mesh.deltas[:, order[:touched]])
    return Avatar(
        name=name,
        licence=licence,
        parameter_space="arkit",
        framing=_framing(positions, deltas),
        positions=positions,
        covariances=splats.covariances[order],
        colors=splats.colors[order],
        blendshapes=mesh.names,
        deltas=deltas,
        joints=skin.joints,
        skin_joints=skin.indices[order],
        skin_weights=skin.weights[order],
        clips=clips,
    )


def _read_mesh(glb: Glb) -> _Mesh:
    try:
        mesh = glb.document["meshes"][0]
        primitive = mesh["primitives"][0]
        attributes, targets = primitive["attributes"], primitive["targets"]
        names = tuple(str(name) for name in mesh["extras"]["targetNames"])
        positions = glb.accessor(attributes["POSITION"])
        bones = glb.accessor(attributes["JOINTS_0"])
        weights = glb.accessor(attributes["WEIGHTS_0"])
        indices = [target["POSITION"] for target in targets]
    except MALFORMED as cause:
        raise ImportSourceError(
            f"{glb.where}: no skinned mesh with named blendshapes ({cause!r})"
        ) from cause
    count = len(positions)
    if count > MAX_SPLATS or not 0 < len(names) <= MAX_BLENDSHAPES or len(names) != len(indices):
        raise ImportSourceError(
            f"{glb.where}: {count:,} vertices, {len(indices)} blendshapes, {len(names)} names"
        )
    if len(set(names)) != len(names):
        raise ImportSourceError(f"{glb.where}: two blendshapes of the same name")
    deltas = np.zeros((len(names), count, 3), dtype=np.float32)
    for row, index in enumerate(indices):
        delta = glb.accessor(index)
        if delta.shape != (count, 3):
            raise ImportSourceError(f"{glb.where}: blendshape {names[row]} does not fit the mesh")
        deltas[row] = delta
    if positions.shape != (count, 3) or bones.shape != (count, 4) or weights.shape != (count, 4):
        raise ImportSourceError(f"{glb.where}: positions, joints and weights differ in number")
    sums = weights.sum(axis=1)
    if not (np.isfinite(positions).all() and np.isfinite(deltas).all()):
        raise ImportSourceError(f"{glb.where}: coordinates that are not finite")
    if not (weights.min() >= 0.0 and np.abs(sums - 1.0).max() < 0.01):
        raise ImportSourceError(f"{glb.where}: skin weights that do not sum to 1")
    return _Mesh(
        positions.astype(np.float64),
        bones.astype(np.int64),
        weights.astype(np.float64) / sums[:, None],
        names,
        deltas,
    )


def _read_splats(data: bytes, where: str) -> _Splats:
    table = read_ply(data, where)
    missing = [field for field in _PLY_FIELDS if field not in (table.dtype.names or ())]
    if missing:
        raise ImportSourceError(f"{where}: property {missing[0]} is missing; not LAM's splats")

    def columns(*fields: str) -> Float64:
        values: NDArray[Any] = np.stack([table[f].astype(np.float64) for f in fields], axis=1)
        return values

    # Damage may be a signalling NaN, of which the cast warns; it is refused here
    with np.errstate(invalid="ignore"):
        values = columns(*_PLY_FIELDS)
    if not np.isfinite(values).all():
        raise ImportSourceError(f"{where}: values that are not finite; copy the file again")
    offsets, colors, opacity = values[:, 0:3], values[:, 3:6], values[:, 6]
    scales = np.exp(np.minimum(values[:, 7:10], np.log(_LARGEST_SCALE)))
    quaternions = values[:, 10:14]
    if np.linalg.norm(quaternions, axis=1).min() < 1e-6:
        raise ImportSourceError(f"{where}: a rotation of zero length")
    if np.abs(offsets).max() > 1.0:
        raise ImportSourceError(f"{where}: offsets beyond 1 m; these are not LAM offsets")
    alpha = 1.0 / (1.0 + np.exp(-np.clip(opacity, -50.0, 50.0)))
    rgba = np.column_stack([np.clip(colors, 0.0, 1.0), alpha]).astype(np.float32)
    return _Splats(offsets, splat_covariances(scales, quaternions), rgba)


def _framing(positions: Float32, deltas: Float32) -> Framing:
    """A bust: across, and up and down, centred on what the face's blendshapes move."""
    weight = np.sqrt((deltas.astype(np.float64) ** 2).sum(axis=2)).sum(axis=0)
    x, y, z = (weight[:, None] * positions[: len(weight)]).sum(axis=0) / weight.sum()
    # Adding 0.0 turns a rounded -0.0 into 0.0.
    target = round(float(x), 4) + 0.0, round(float(y), 4) + 0.0, round(float(z), 4) + 0.0
    return Framing(target, _BUST_WIDTH)
