# SPDX-License-Identifier: Apache-2.0
"""The bones of a whole body as LAM's files have them, and its 12 animations.

Real files were written by Blender: a root that scales by a hundredth and turns by a quarter, a
hip that turns back, and key frames for every bone, 24 a second, most of which stand still.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from made_up.lam_files import GlbWriter

BONES = 262
ANIMATED = 170
RATE = 24
RAISED_DEGREES = 4.0
"""How much higher than in the bind pose the head is held at rest in all animations."""
_HALF = 0.5**0.5

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Skeleton:
    """Bones with their parents (-1: none) and rest positions in metres."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    rest: Floats

    def of(self, name: str) -> Floats:
        """Rest position of a bone."""
        found: Floats = self.rest[self.names.index(name)]
        return found

    def nodes(self) -> list[dict[str, Any]]:
        """The bones as glTF nodes, and as the last one the root above them."""
        nodes: list[dict[str, Any]] = []
        for index, (name, parent) in enumerate(zip(self.names, self.parents, strict=True)):
            step = 100.0 * (self.rest[index] - (self.rest[parent] if parent >= 0 else 0.0))
            node: dict[str, Any] = {"name": name, "translation": step.tolist()}
            if parent < 0:
                x, y, z = step.tolist()
                node |= {"translation": [x, z, -y], "rotation": [-_HALF, 0, 0, _HALF]}
            nodes.append(node)
        for index, parent in enumerate(self.parents):
            if parent >= 0:
                nodes[parent].setdefault("children", []).append(index)
        root = {"name": "Body", "rotation": [_HALF, 0, 0, _HALF], "scale": [0.01] * 3}
        return [*nodes, {**root, "children": [0]}]


def make_skeleton(neck: Floats, head: Floats) -> Skeleton:
    """262 bones: those that a head needs, and limbs without any weight."""
    chest = neck - np.array([0.0, 0.12, 0.0])
    side, eye = np.array([0.05, 0.05, 0.0]), np.array([0.03, 0.05, 0.07])
    mirror = np.array([-1.0, 1.0, 1.0])
    body = [
        ("hip", -1, chest - np.array([0.0, 0.3, 0.0])),
        ("chestUpper", 0, chest),
        ("lCollar", 1, chest + side),
        ("rCollar", 1, chest + side * mirror),
        ("neckLower", 1, neck),
        ("neckUpper", 4, (neck + head) / 2),
        ("head", 5, head),
        ("lEye", 6, head + eye),
        ("rEye", 6, head + eye * mirror),
    ]
    names, parents, rest = zip(*body, strict=True)
    count = BONES - len(body)
    limbs = tuple(f"{'lr'[n % 2]}Limb{n // 2}" for n in range(count))
    # Chains of eight bones that hang from the hip
    hanging = tuple(len(body) + n - 2 if n % 16 >= 2 else 0 for n in range(count))
    steps = [np.array([0.1 * (-1) ** n, -0.05 * (n % 16 // 2 + 1), 0.0]) for n in range(count)]
    places = [rest[0] + step for step in steps]
    return Skeleton((*names, *limbs), (*parents, *hanging), np.array([*rest, *places]))


def _round(degrees: float, times: int) -> Callable[[Floats], Floats]:
    """To one side, to the other and back, so many times; `t` runs from 0 to 1."""
    return lambda t: degrees * np.sin(2 * np.pi * times * t)


def _bow(degrees: float, times: int = 1) -> Callable[[Floats], Floats]:
    """Down and up again, so many times."""
    return lambda t: degrees * 0.5 * (1 - np.cos(2 * np.pi * times * t))


def _still(t: Floats) -> Floats:
    return 0.0 * t


# Seconds; then degrees about x of the lower neck, and about x and y of the head.
_SPEAK = {
    f"body_speak{number}": (3.0 + index, _bow(1.0), _bow(3.0, 2 + index), _round(2.5, 1))
    for index, number in enumerate(("", "_1", "_2", "_3", "_4"))
}
_ANIMATIONS: dict[str, tuple[float, Any, Any, Any]] = {
    "test": (0.5, _still, _still, _round(1.0, 1)),
    "body_hello": (3.0, _bow(3.0), _bow(7.0, 2), _still),
    "body_idle": (8.0, _bow(1.0, 2), _bow(1.5), _round(2.0, 1)),
    **_SPEAK,
    "body_speak_end": (1.0, _bow(2.0), _bow(2.0), _still),
    "body_think_part_1": (1.5, _still, lambda t: -3.0 * t * t * (3 - 2 * t), _bow(2.0)),
    "body_think_part_2": (2.0, _still, lambda t: -3.0 + _round(0.5, 1)(t), _round(2.0, 1)),
    "body_think_part_3": (1.5, _still, lambda t: -3.0 * (1 - t * t * (3 - 2 * t)), _still),
}


def animation_glb(skeleton: Skeleton) -> bytes:
    """All animations, with keys for position, rotation and size of 170 bones."""
    glb = GlbWriter()
    nodes = skeleton.nodes()
    glb.document["nodes"] = nodes
    animations = []
    for name, (seconds, neck, head_x, head_y) in _ANIMATIONS.items():
        count = round(seconds * RATE) + 1
        t = np.linspace(0.0, 1.0, count)
        moves = {
            skeleton.names.index("neckLower"): _turns(neck(t), 0.0 * t),
            skeleton.names.index("head"): _turns(head_x(t) - RAISED_DEGREES, head_y(t)),
        }
        times = glb.accessor((np.arange(count) / RATE).astype("<f4"))
        samplers, channels = [], []
        for bone in range(ANIMATED):
            node = nodes[bone]
            tracks = {
                "translation": np.array([node["translation"]] * 2),
                "rotation": moves.get(bone, np.array([node.get("rotation", [0, 0, 0, 1])] * 2)),
                "scale": np.ones((2, 3)),
            }
            for path, values in tracks.items():
                rows = values if len(values) == count else np.repeat(values[:1], count, axis=0)
                samplers.append({"input": times, "output": glb.accessor(rows.astype("<f4"))})
                channels.append(
                    {"sampler": len(samplers) - 1, "target": {"node": bone, "path": path}}
                )
        animations.append({"name": name, "samplers": samplers, "channels": channels})
    glb.document["animations"] = animations
    return glb.build()


def _turns(x_degrees: Floats, y_degrees: Floats) -> Floats:
    """glTF quaternions (n, 4), x y z w: about y, then about x."""
    x, y = np.radians(x_degrees) / 2, np.radians(y_degrees) / 2
    found: Floats = np.stack(
        [
            np.sin(x) * np.cos(y),
            np.cos(x) * np.sin(y),
            -np.sin(x) * np.sin(y),
            np.cos(x) * np.cos(y),
        ],
        axis=1,
    )
    return found
