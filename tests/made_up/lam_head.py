# SPDX-License-Identifier: Apache-2.0
"""A LAM archive of a head that looks like one: the project's default avatar in LAM's form.

What LAM's files are like, and so is this one: 20,018 splats, some of them inside of the head;
offsets of millimetres from the vertices; quaternions of any length; no splat beyond 1 cm; a skin
of 262 bones of which six carry weight and none is an eye's; gaze by blendshapes; 12 animations
of 170 bones, between rests with the head raised by 4 degrees; shadow files of macOS. It has all
52 shapes: LAM's lack tongueOut.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from made_up.lam_files import PLY_FIELDS, GlbWriter, ply_file
from made_up.lam_skeleton import Skeleton, animation_glb, make_skeleton
from splat_gles.avatar import Avatar
from splat_gles.bundle import read_bundle
from splat_gles.skinning import quaternion_matrices

SPLATS = 20_018
INSIDE = 3_600
"""Splats that the skin hides."""
MOVED_M = np.array([0.0, 0.16, -0.03], np.float32)
"""From where the default avatar stands to where LAM's heads do, their noses at 1.64 m."""
LOWEST_M = 1.41
"""What lies below is left out: LAM's avatars end at the neck, this one at the chest."""
LARGEST_M = 0.0099
"""Of a splat in any direction; the importer cuts at 1 cm."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Splats:
    """What stands in offset.ply, as (n, …) arrays, and where the splats really lie."""

    positions: Floats
    sigmas: Floats
    quaternions: Floats
    colors: Floats


def write_lam_head(bundle: Path, path: Path, recording: bytes) -> None:
    """Write the archive, made of a bundle; `recording` becomes its bsData.json."""
    avatar = _moved(read_bundle(bundle))
    random = np.random.default_rng(11)
    splats, origin = _splats(avatar, random)
    offsets = random.normal(0.0, 0.0015, splats.positions.shape).clip(-0.004, 0.004)
    skeleton = make_skeleton(_joint(avatar, "neck"), _joint(avatar, "head"))
    parts = {
        "somebody/skin.glb": _skin_glb(avatar, splats.positions - offsets, origin, skeleton),
        "somebody/offset.ply": _offset_ply(splats, offsets, random),
        "somebody/animation.glb": animation_glb(skeleton),
        "somebody/vertex_order.json": json.dumps(random.permutation(SPLATS).tolist()).encode(),
        "somebody/bsData.json": recording,
        "somebody/.DS_Store": bytes(64),
        "__MACOSX/somebody/._skin.glb": b"shadow",
        "__MACOSX/somebody/._offset.ply": b"shadow",
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    path.write_bytes(stream.getvalue())


def _moved(avatar: Avatar) -> Avatar:
    joints = tuple(
        replace(joint, position=tuple((np.array(joint.position) + MOVED_M).tolist()))
        for joint in avatar.joints
    )
    return replace(avatar, positions=avatar.positions + MOVED_M, joints=joints)


def _joint(avatar: Avatar, name: str) -> Floats:
    return np.array(next(j.position for j in avatar.joints if j.name == name), np.float64)


def _splats(avatar: Avatar, random: np.random.Generator) -> tuple[_Splats, NDArray[np.int64]]:
    """The splats, and which of the avatar's each was made from; the last INSIDE lie inside."""
    rows = np.flatnonzero(avatar.positions[:, 1] > LOWEST_M)
    skin = np.sort(random.choice(rows, SPLATS - INSIDE, replace=False))
    share = len(rows) / len(skin)
    above = rows[avatar.positions[rows, 1] > _joint(avatar, "head")[1]]
    inside = np.sort(random.choice(above, INSIDE, replace=False))
    origin = np.concatenate([skin, inside])
    positions = avatar.positions[origin].astype(np.float64)
    middle = _joint(avatar, "head") + np.array([0.0, 0.05, 0.02])
    positions[len(skin) :] += 0.4 * (middle - positions[len(skin) :])
    packed = avatar.covariances[origin].astype(np.float64)
    full = packed[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3)
    variances, axes = np.linalg.eigh(full)
    axes[np.linalg.det(axes) < 0.0, :, 0] *= -1.0
    sigmas = np.sqrt(np.maximum(variances * share, 1e-10)).clip(1e-5, LARGEST_M)
    lengths = random.uniform(0.3, 3.0, (len(origin), 1))
    colors = avatar.colors[origin].astype(np.float64)
    return _Splats(positions, sigmas, quaternions(axes) * lengths, colors), origin


def quaternions(rotations: Floats) -> Floats:
    """Unit quaternions (n, 4), w x y z, of rotation matrices (n, 3, 3), after Bar-Itzhack."""
    m = rotations
    xx, yy, zz = m[:, 0, 0], m[:, 1, 1], m[:, 2, 2]
    xy, xz, yz = m[:, 0, 1] + m[:, 1, 0], m[:, 0, 2] + m[:, 2, 0], m[:, 1, 2] + m[:, 2, 1]
    wx, wy, wz = m[:, 2, 1] - m[:, 1, 2], m[:, 0, 2] - m[:, 2, 0], m[:, 1, 0] - m[:, 0, 1]
    rows = [
        [xx + yy + zz, wx, wy, wz],
        [wx, xx - yy - zz, xy, xz],
        [wy, xy, yy - xx - zz, yz],
        [wz, xz, yz, zz - xx - yy],
    ]
    found: Floats = np.linalg.eigh(np.moveaxis(np.array(rows), 2, 0))[1][:, :, -1]
    return found


def _offset_ply(splats: _Splats, offsets: Floats, random: np.random.Generator) -> bytes:
    table = np.zeros(SPLATS, dtype=[(name, "<f4") for name in PLY_FIELDS])
    alpha = splats.colors[:, 3].clip(0.002, 0.998)
    columns = {
        **{name: offsets[:, i] for i, name in enumerate("xyz")},
        **{f"f_dc_{i}": splats.colors[:, i] for i in range(3)},
        **{f"scale_{i}": np.log(splats.sigmas[:, i]) for i in range(3)},
        **{f"rot_{i}": splats.quaternions[:, i] for i in range(4)},
        "opacity": np.log(alpha / (1.0 - alpha)),
    }
    for name, column in columns.items():
        table[name] = column
    # Training leaves some that nobody sees
    table["opacity"][random.choice(SPLATS, 40, replace=False)] = -9.0
    return ply_file(table)


def _skin_glb(
    avatar: Avatar, vertices: Floats, origin: NDArray[np.int64], skeleton: Skeleton
) -> bytes:
    glb = GlbWriter()
    bones, weights = _skin(avatar, origin, skeleton)
    attributes = {
        "POSITION": glb.accessor(vertices.astype("<f4")),
        "JOINTS_0": glb.accessor(bones),
        "WEIGHTS_0": glb.accessor(weights),
    }
    targets = []
    for name, delta in _deltas(avatar, origin).items():
        rows = np.flatnonzero(np.abs(delta).max(axis=1) > 1e-6)
        assert len(rows), f"{name} moves nothing"
        moved = glb.sparse(SPLATS, rows.astype("<u2"), delta[rows].astype("<f4"))
        targets.append({"POSITION": moved})
    inverse = np.tile(np.eye(4) * 100.0, (len(skeleton.names), 1, 1))
    inverse[:, :3, 3] = -100.0 * skeleton.rest
    inverse[:, 3, 3] = 1.0
    columns = inverse.transpose(0, 2, 1).reshape(-1, 16).astype("<f4")
    joints = list(range(len(skeleton.names)))
    # Which vertices a face joins matters to the exact fit alone, which makes a mesh of its own
    faces = np.arange(SPLATS - 2)[:, None] + np.arange(3)
    indices = glb.accessor(faces.ravel().astype("<u2"))
    primitive = {"attributes": attributes, "indices": indices, "targets": targets}
    glb.document |= {
        "nodes": skeleton.nodes(),
        "meshes": [
            {
                "primitives": [primitive],
                "extras": {"targetNames": list(avatar.blendshapes)},
            }
        ],
        "skins": [{"joints": joints, "inverseBindMatrices": glb.accessor(columns)}],
    }
    return glb.build()


def _skin(
    avatar: Avatar, origin: NDArray[np.int64], skeleton: Skeleton
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The avatar's three joints dealt out to LAM's six bones; at most four for each vertex."""
    bones = ("chestUpper", "lCollar", "rCollar", "neckLower", "neckUpper", "head")
    names = [joint.name for joint in avatar.joints]
    by_joint = np.zeros((len(origin), len(names)))
    rows = np.arange(len(origin))
    for column in range(4):
        joints = avatar.skin_joints[origin, column]
        by_joint[rows, joints] += avatar.skin_weights[origin, column]
    root, neck = by_joint[:, names.index("root")], by_joint[:, names.index("neck")]
    head = 1.0 - root - neck
    x, y = avatar.positions[origin, 0], avatar.positions[origin, 1]
    low, high = skeleton.of("neckLower")[1], skeleton.of("head")[1]
    upper = ((y - low) / (high - low)).clip(0.0, 1.0)
    left, right = (x / 0.15).clip(0.0, 0.5), (-x / 0.15).clip(0.0, 0.5)
    shares = [root * (1.0 - left - right), root * left, root * right]
    total = np.stack([*shares, neck * (1.0 - upper), neck * upper, head], axis=1).clip(0.0)
    strongest = np.argsort(-total, axis=1, kind="stable")[:, :4]
    weights = np.take_along_axis(total, strongest, axis=1)
    indices = np.array([skeleton.names.index(bone) for bone in bones])[strongest]
    weights /= weights.sum(axis=1, keepdims=True)
    return indices.astype("<u2"), weights.astype("<f4")


def _deltas(avatar: Avatar, origin: NDArray[np.int64]) -> dict[str, Floats]:
    """What each blendshape adds to the vertices (n, 3): the avatar's, and its eyeballs' turns."""
    touched = avatar.deltas.shape[1]
    moved = origin < touched
    moved[SPLATS - INSIDE :] = False  # what lies inside stays
    names = [joint.name for joint in avatar.joints]
    found = {}
    for row, name in enumerate(avatar.blendshapes):
        delta = np.zeros((len(origin), 3))
        delta[moved] = avatar.deltas[row, origin[moved]]
        if name.startswith("eyeLook"):
            side = "Left" if name.endswith("Left") else "Right"
            eye = names.index(f"{side.lower()}Eye")
            of_eye = (avatar.skin_joints[origin] == eye) * avatar.skin_weights[origin]
            share = of_eye.sum(axis=1, keepdims=True)
            share[SPLATS - INSIDE :] = 0.0
            way = name.removeprefix("eyeLook").removesuffix(side)
            turn = _gaze(way, side)
            centre = np.array(avatar.joints[eye].position)
            arm = avatar.positions[origin] - centre
            delta += share * (arm @ turn.T - arm)
        found[name] = delta
    return found


def _gaze(way: str, side: str) -> Floats:
    """The turn of an eyeball: 25 degrees sideways, 20 up or down; +x looks down, +y left."""
    sideways = {"In": -1.0, "Out": 1.0}.get(way, 0.0) * (1.0 if side == "Left" else -1.0)
    upright = {"Up": -1.0, "Down": 1.0}.get(way, 0.0)
    half = 0.5 * np.radians([20.0 * upright, 25.0 * sideways, 0.0])
    angle = np.linalg.norm(half)
    axis = half / angle * np.sin(angle)
    found: Floats = quaternion_matrices(np.array([[np.cos(angle), *axis]]))[0]
    return found
