# SPDX-License-Identifier: Apache-2.0
"""The skin of a LAM avatar, reduced to the joints that this project moves.

LAM's skin has 262 joints of a whole body, of which six carry weight (counted on two avatars):
chest, two collars, two neck joints and the head. The chest and the collars become the root.
The upper neck joint never turns by itself in LAM's animations, so it becomes part of the neck:
measured over idle, hello and think against all six joints with the chest held still, no vertex
is off by 1 µm (sharing it between neck and head was up to 2.3 mm off).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from splat_gles.avatar import Float32, Joint
from splat_gles.errors import ImportSourceError
from splat_gles.importers.glb import MALFORMED, Glb
from splat_gles.importers.gltf_nodes import Nodes
from splat_gles.skinning import Float64

_JOINT_OF_BONE = {
    "neckLower": "neck",
    "neckUpper": "neck",
    "head": "head",
    "lEye": "leftEye",
    "rEye": "rightEye",
}
# Joint, its parent, and the bone of LAM's skin at whose rest position it turns.
_JOINTS = (
    ("root", None, None),
    ("neck", "root", "neckLower"),
    ("head", "neck", "head"),
    ("leftEye", "head", "lEye"),
    ("rightEye", "head", "rEye"),
)


@dataclass(frozen=True, slots=True)
class Skin:
    """Joints, and per splat four of them with weights that sum to 1."""

    joints: tuple[Joint, ...]
    indices: NDArray[np.uint8]
    weights: Float32


def read_skin(glb: Glb, bones: NDArray[np.int64], weights: Float64) -> Skin:
    """Reduce the mesh's bone indices (N,4) and weights (N,4) to the joints kept."""
    nodes = Nodes(glb)
    try:
        skin = glb.document["skins"][0]
        bone_nodes = [int(node) for node in skin["joints"]]
        names = [nodes.name(node) for node in bone_nodes]
        chains = {
            bone: [nodes.name(n) for n in nodes.chain(node)] for bone, node in enumerate(bone_nodes)
        }
        inverse_bind = glb.accessor(skin["inverseBindMatrices"])
    except MALFORMED as cause:
        raise ImportSourceError(f"{glb.where}: damaged skin: {cause!r}") from cause
    if bones.max() >= len(names) or inverse_bind.shape != (len(names), 16):
        raise ImportSourceError(f"{glb.where}: the mesh names bones that the skin lacks")
    rest = _rest_positions(glb, inverse_bind)
    used = np.unique(bones[weights > 0.0])
    total = np.zeros((len(bones), len(_JOINTS)))
    order = [joint for joint, _, _ in _JOINTS]
    rows = np.arange(len(bones))
    joint_of = np.zeros(len(names), dtype=np.int64)
    for bone in used:
        joint_of[bone] = order.index(_joint_of(chains[int(bone)]))
    for column in range(4):
        total[rows, joint_of[bones[:, column]]] += weights[:, column]
    kept = [i for i, name in enumerate(order) if name == "root" or total[:, i].any()]
    if not {"neck", "head"} <= {order[i] for i in kept}:
        raise ImportSourceError(f"{glb.where}: no splat follows a neck or a head bone")
    joints: list[Joint] = []
    for i in kept:
        name, parent, bone_name = _JOINTS[i]
        if bone_name and bone_name not in names:
            raise ImportSourceError(f"{glb.where}: splats follow {name}, but no bone {bone_name}")
        position = rest[names.index(bone_name)] if bone_name else (0.0, 0.0, 0.0)
        parent_index = -1 if parent is None else [j.name for j in joints].index(parent)
        joints.append(Joint(name, parent_index, position))
    return Skin(tuple(joints), *_strongest(total[:, kept]))


def _joint_of(chain: list[str]) -> str:
    """The joint of the nearest bone at or above this one that has any; else the root."""
    return next((_JOINT_OF_BONE[name] for name in chain if name in _JOINT_OF_BONE), "root")


def _rest_positions(
    glb: Glb, inverse_bind: NDArray[np.float32]
) -> list[tuple[float, float, float]]:
    # glTF stores matrices by columns.
    matrices = inverse_bind.reshape(-1, 4, 4).transpose(0, 2, 1).astype(np.float64)
    try:
        points = np.linalg.inv(matrices)[:, :3, 3]
    except np.linalg.LinAlgError as cause:
        raise ImportSourceError(f"{glb.where}: damaged inverse bind matrices") from cause
    if not np.isfinite(points).all():
        raise ImportSourceError(f"{glb.where}: damaged inverse bind matrices")
    # To a micrometre: below it stands what inverting float32 matrices left.
    return [(float(x), float(y), float(z)) for x, y, z in points.round(6) + 0.0]


def _strongest(total: Float64) -> tuple[NDArray[np.uint8], Float32]:
    padded = np.pad(total, ((0, 0), (0, max(0, 4 - total.shape[1]))))
    indices = np.argsort(-padded, axis=1, kind="stable")[:, :4]
    weights = np.take_along_axis(padded, indices, axis=1)
    indices[weights <= 0.0] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    return indices.astype(np.uint8), weights.astype(np.float32)
