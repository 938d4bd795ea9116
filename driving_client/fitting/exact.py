# SPDX-License-Identifier: Apache-2.0
"""Fit FLAME to a rig's blendshapes by geometry, vertex against vertex.

LAM's meshes have 20,018 vertices: FLAME's 5,023 first, then the middles of its edges, in
FLAME's 9,976 faces split in four (measured on both avatars at hand: middles within 0.0001 mm of
where they belong, and within 0.002 mm in every blendshape). So a vertex of FLAME is the vertex of
the same number there; that the numbering is FLAME's own is checked on the faces before fitting.

Exact: what FLAME does to each vertex (expressions are linear, the jaw by FLAME's own skinning).
Not exact: the jaw is taken as linear in its angle; ARKit's blendshapes span less than
FLAME's expressions, and the report says how much of each they reach; and the rig's face is not
FLAME's mean face, whose size and place a similarity transform brings over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from driving_client.errors import RetargetError
from driving_client.fitting.blendshapes import Blendshapes
from driving_client.fitting.flame_model import FlameModel, Matrix
from driving_client.motion import ARKIT_NAMES
from driving_client.retarget.shapes import FLAME_INPUTS, ShapeFit

JAW_ANGLE: Final = 0.05
"""Radians at which the jaw's direction is taken: streams use 0 to 0.07."""
JAW_FULL: Final = 0.30
"""Radians at which the report tells how far from linear the jaw is."""
RIDGE: Final = 1e-3
_INVERSE_RIDGE: Final = 1e-2
_WORST_FIT_M: Final = 0.015
_NOT_FITTED: Final = ("eyeBlink", "eyeLook")
"""Lids and gaze come by fields of their own."""


@dataclass(frozen=True, slots=True)
class ExactReport:
    """What the fit reached. Shares are of the squared displacement, 0 to 1.

    `distance_m`: root mean square distance of the rig's resting vertices from FLAME's mean face
    after the similarity transform of `scale`. `explained` by input (jaw x, expression i) with
    weights of any sign. `jaw_bend`: how far the jaw at JAW_FULL is from linear, as a share.
    """

    vertices: int
    shapes: int
    distance_m: float
    scale: float
    explained: dict[str, float]
    jaw_bend: float


def fit_exact(model: FlameModel, rig: Blendshapes) -> tuple[ShapeFit, ExactReport]:
    """Fit `rig`'s weights to FLAME's displacements. Raises RetargetError for another topology."""
    count = len(model.template)
    check_topology(model, rig)
    scale, rotation, distance = similarity(model.template, rig.vertices[:count])
    if distance > _WORST_FIT_M:
        raise RetargetError(
            f"the rig's vertices lie {distance * 1000:.0f} mm from FLAME's after scaling and "
            "turning: the same faces, but not a FLAME face; check that both are at rest"
        )
    used = [index for index, name in enumerate(rig.names) if not name.startswith(_NOT_FITTED)]
    shapes = rig.deltas[used][:, :count].reshape(len(used), -1)
    moved = _displacements(model) @ (scale * rotation.T)
    inputs = moved.reshape(FLAME_INPUTS, -1)
    unit = float((shapes**2).sum(axis=1).mean())
    if unit <= 0.0:
        raise RetargetError("the rig's blendshapes move no vertex of the face")
    products = shapes @ shapes.T / unit
    mixed = shapes @ inputs.T / unit
    places = [ARKIT_NAMES.index(rig.names[index]) for index in used]
    all_products, all_mixed = np.zeros((52, 52)), np.zeros((52, FLAME_INPUTS))
    all_products[np.ix_(places, places)] = products + RIDGE * np.eye(len(used))
    all_mixed[places] = mixed
    inverse = np.zeros((FLAME_INPUTS, 52))
    inverse[:, places] = _inverse(inputs @ inputs.T / unit, mixed)
    fitted = ShapeFit(all_products, all_mixed, inverse)
    report = ExactReport(
        vertices=count,
        shapes=len(used),
        distance_m=distance,
        scale=scale,
        explained=_explained(shapes, inputs),
        jaw_bend=_jaw_bend(model),
    )
    return fitted, report


def check_topology(model: FlameModel, rig: Blendshapes) -> None:
    """Check that the rig has FLAME's faces, as they are or split in four once."""
    count = len(model.template)
    if len(rig.vertices) < count:
        raise RetargetError(
            f"the rig has {len(rig.vertices):,} vertices, FLAME {count:,}: another mesh; an exact "
            "fit needs FLAME's topology, as LAM avatars have it"
        )
    faces = rig.faces if len(rig.vertices) == count else coarse_faces(rig.faces, count)
    if _canonical(faces) != _canonical(model.faces):
        raise RetargetError(
            "the rig's faces are not FLAME's, nor FLAME's split in four with its vertices first; "
            "an exact fit needs FLAME's topology, as LAM avatars have it"
        )


def coarse_faces(faces: Matrix | np.ndarray, count: int) -> np.ndarray:
    """The faces, (F, 3), of the mesh of the first `count` vertices before it was split in four.

    Each face splits into three with one old corner and a middle one of three new vertices; the
    two old neighbours of each new vertex are the ends of its edge.
    """
    old = faces < count
    corners = faces[old.sum(axis=1) == 1]
    ends: dict[int, set[int]] = {}
    for face, is_old in zip(corners.tolist(), (corners < count).tolist(), strict=True):
        corner = face[is_old.index(True)]
        for vertex in face:
            if vertex != corner:
                ends.setdefault(vertex, set()).add(corner)
    made = []
    for face in faces[old.sum(axis=1) == 0].tolist():
        edges = [ends.get(vertex, set()) for vertex in face]
        corner_set = set().union(*edges)
        if len(corner_set) != 3 or any(len(edge) != 2 for edge in edges):
            return np.zeros((0, 3), np.int64)
        # The corner opposite to none of a middle's ends: between the two edges that share it
        made.append([next(iter(edges[i] & edges[(i + 1) % 3])) for i in range(3)])
    return np.array(made, np.int64).reshape(-1, 3)


def similarity(source: Matrix, target: Matrix) -> tuple[float, Matrix, float]:
    """Scale, rotation (3, 3) and r.m.s. distance of source (V, 3) brought onto target (V, 3).

    After Umeyama (1991): target ≈ scale · source @ rotation.T + shift.
    """
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    u, singular, v = np.linalg.svd(b.T @ a)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ v))])
    rotation: Matrix = (u * signs) @ v
    scale = float((singular * signs).sum() / max(float((a**2).sum()), 1e-12))
    distance = float(np.sqrt(((scale * a @ rotation.T - b) ** 2).sum(axis=1).mean()))
    return scale, rotation, distance


def _displacements(model: FlameModel) -> Matrix:
    """(103, V, 3): vertices' displacement per radian of the jaw's axes and unit of expression."""
    jaw = [model.jaw_displacement(axis * JAW_ANGLE) / JAW_ANGLE for axis in np.eye(3)]
    return np.concatenate([np.stack(jaw), model.expressions])


def _inverse(products: Matrix, mixed: Matrix) -> Matrix:
    """Inputs of least norm that come closest to weights; expressions have a deviation of 1."""
    scale = np.ones(FLAME_INPUTS)
    scale[:3] = 0.1  # radians: what the jaw does at one standard deviation, about
    scaled = products * scale[:, None] * scale
    level = np.trace(scaled) / FLAME_INPUTS
    ridge = _INVERSE_RIDGE * level * np.eye(FLAME_INPUTS)
    result: Matrix = scale[:, None] * np.linalg.solve(scaled + ridge, scale[:, None] * mixed.T)
    return result


def _explained(shapes: Matrix, inputs: Matrix) -> dict[str, float]:
    solved = np.linalg.lstsq(shapes @ shapes.T, shapes @ inputs.T, rcond=1e-9)[0]
    left = inputs - solved.T @ shapes
    total = (inputs**2).sum(axis=1)
    share = 1.0 - (left**2).sum(axis=1) / np.maximum(total, 1e-12)
    names = ["jaw x", "jaw y", "jaw z", *(f"expression {i}" for i in range(FLAME_INPUTS - 3))]
    return {name: round(float(value), 3) for name, value in zip(names, share, strict=True)}


def _jaw_bend(model: FlameModel) -> float:
    axis = np.array([1.0, 0.0, 0.0])
    straight = model.jaw_displacement(axis * JAW_ANGLE) * (JAW_FULL / JAW_ANGLE)
    bent = model.jaw_displacement(axis * JAW_FULL)
    return float(np.linalg.norm(bent - straight) / max(float(np.linalg.norm(bent)), 1e-12))


def _canonical(faces: np.ndarray) -> set[tuple[int, ...]]:
    """Faces as a set that does not depend on which corner comes first."""
    lists: list[list[int]] = faces.tolist()
    turned = ((face.index(min(face)), face) for face in lists)
    return {tuple(face[start:] + face[:start]) for start, face in turned}
