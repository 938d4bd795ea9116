# SPDX-License-Identifier: Apache-2.0
"""Writes small zips in LAM's form, so that the importer's tests can break them anywhere."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

PLY_FIELDS = (
    *("x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", "opacity"),
    *("scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"),
)
BONES = ("chestUpper", "neckLower", "neckUpper", "head", "lEye_end")
# Rest positions of the bones in metres.
REST = np.array([[0, 1.36, 0], [0, 1.54, -0.04], [0, 1.58, -0.02], [0, 1.62, -0.02], [0, 1.7, 0]])
VERTICES = 40

Edit = Callable[[dict[str, Any]], object]


class GlbWriter:
    """Collects accessors; `build` gives the file's bytes."""

    def __init__(self) -> None:
        self.binary = bytearray()
        self.document: dict[str, Any] = {
            "asset": {"version": "2.0"},
            "accessors": [],
            "bufferViews": [],
        }

    def view(self, data: bytes) -> int:
        self.document["bufferViews"].append(
            {"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data)}
        )
        self.binary += data + bytes(-len(data) % 4)
        return len(self.document["bufferViews"]) - 1

    def accessor(self, array: np.ndarray, **more: Any) -> int:
        kinds = {1: "SCALAR", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
        codes = {"f4": 5126, "u1": 5121, "u2": 5123}
        self.document["accessors"].append(
            {
                "bufferView": self.view(array.tobytes()),
                "componentType": codes[array.dtype.str[1:]],
                "count": len(array),
                "type": kinds[1 if array.ndim == 1 else array.shape[1]],
            }
            | more
        )
        return len(self.document["accessors"]) - 1

    def sparse(self, count: int, rows: np.ndarray, values: np.ndarray) -> int:
        self.document["accessors"].append(
            {
                "componentType": 5126,
                "count": count,
                "type": "VEC3",
                "sparse": {
                    "count": len(rows),
                    "indices": {"bufferView": self.view(rows.tobytes()), "componentType": 5123},
                    "values": {"bufferView": self.view(values.tobytes())},
                },
            }
        )
        return len(self.document["accessors"]) - 1

    def build(self) -> bytes:
        text = json.dumps(self.document).encode()
        text += b" " * (-len(text) % 4)
        chunks = struct.pack("<I4s", len(text), b"JSON") + text
        chunks += struct.pack("<I4s", len(self.binary), b"BIN\0") + bytes(self.binary)
        return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def bone_nodes() -> list[dict[str, Any]]:
    """The bones as nodes, each below the one before, under a root as Blender writes it."""
    nodes: list[dict[str, Any]] = []
    for index, name in enumerate(BONES):
        # Centimetres in the bones' space, as the root scales by a hundredth.
        step = 100.0 * (REST[index] - (REST[index - 1] if index else 0.0))
        node: dict[str, Any] = {"name": name, "translation": step.tolist()}
        if index + 1 < len(BONES):
            node["children"] = [index + 1]
        nodes.append(node)
    half = 0.5**0.5
    # The two quarter turns about x cancel, as in LAM's files.
    nodes[0]["rotation"] = [-half, 0, 0, half]
    x, y, z = nodes[0]["translation"]
    nodes[0]["translation"] = [x, z, -y]
    root = {"name": "Armature", "rotation": [half, 0, 0, half], "scale": [0.01] * 3}
    return [*nodes, {**root, "children": [0]}]


def skin_glb(edit: Edit | None = None) -> bytes:
    random = np.random.default_rng(3)
    glb = GlbWriter()
    positions = random.uniform((-0.1, 1.5, -0.1), (0.1, 1.8, 0.1), (VERTICES, 3)).astype("<f4")
    bones = np.tile(np.arange(4, dtype="u1"), (VERTICES, 1))
    weights = random.dirichlet(np.ones(4), VERTICES).astype("<f4")
    attributes = {
        "POSITION": glb.accessor(positions),
        "JOINTS_0": glb.accessor(bones),
        "WEIGHTS_0": glb.accessor(weights),
    }
    moved = np.arange(5, 25, dtype="<u2")
    targets = [
        {"POSITION": glb.sparse(VERTICES, moved, np.full((20, 3), 0.01, "<f4"))},
        {"POSITION": glb.sparse(VERTICES, moved[:8], np.full((8, 3), -0.02, "<f4"))},
    ]
    # Accessor 5, that no target uses: a blendshape that moves nothing.
    assert glb.accessor(np.zeros((VERTICES, 3), "<f4")) == 5
    inverse = np.tile(np.eye(4), (len(BONES), 1, 1)) * 100.0
    inverse[:, :3, 3] = -100.0 * REST
    inverse[:, 3, 3] = 1.0
    glb.document |= {
        "nodes": bone_nodes(),
        "meshes": [
            {
                "primitives": [{"attributes": attributes, "targets": targets}],
                "extras": {"targetNames": ["jawOpen", "mouthLeft"]},
            }
        ],
        "skins": [
            {
                "joints": list(range(len(BONES))),
                "inverseBindMatrices": glb.accessor(
                    inverse.transpose(0, 2, 1).reshape(-1, 16).astype("<f4")
                ),
            }
        ],
    }
    if edit:
        edit(glb.document)
    return glb.build()


def animation_glb(edit: Edit | None = None) -> bytes:
    """idle, hello and think in two parts: the head nods about x, from 4 degrees up."""
    glb = GlbWriter()
    glb.document["nodes"] = bone_nodes()
    times = (np.arange(25) / 24.0).astype("<f4")
    raised = np.full(25, -4.0)
    nod = raised + 6.0 * np.sin(np.pi * np.arange(25) / 24.0)
    animations = []
    for name, degrees in (
        ("x_idle", raised),
        ("x_hello", nod),
        ("x_speak_end", nod),
        ("x_think_part_1", np.linspace(-4.0, 6.0, 25)),
        ("x_think_part_2", np.linspace(6.0, -4.0, 25)),
    ):
        half = np.radians(degrees) / 2
        turns = np.stack([np.sin(half), 0 * half, 0 * half, np.cos(half)], axis=1)
        sampler = {"input": glb.accessor(times), "output": glb.accessor(turns.astype("<f4"))}
        channel = {"sampler": 0, "target": {"node": BONES.index("head"), "path": "rotation"}}
        animations.append({"name": name, "samplers": [sampler], "channels": [channel]})
    glb.document["animations"] = animations
    if edit:
        edit(glb.document)
    return glb.build()


def offset_ply(edit: Callable[[np.ndarray], object] | None = None, count: int = VERTICES) -> bytes:
    random = np.random.default_rng(4)
    table = np.zeros(count, dtype=[(name, "<f4") for name in PLY_FIELDS])
    for name in PLY_FIELDS:
        table[name] = random.uniform(0.0, 1.0, count)
    for name in ("x", "y", "z"):
        table[name] = random.normal(0.0, 0.002, count)
    for name in ("scale_0", "scale_1", "scale_2"):
        table[name] = random.uniform(np.log(1e-4), np.log(0.02), count)
    # Two splats below 1/255 of opacity: one that blendshapes move, one that they do not.
    table["opacity"][[6, 30]] = -9.0
    if edit:
        edit(table)
    return ply_file(table)


def ply_file(table: np.ndarray) -> bytes:
    """A table of PLY_FIELDS as LAM writes it."""
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(table)}"]
    header += [f"property float {name}" for name in PLY_FIELDS] + ["end_header", ""]
    return "\n".join(header).encode() + table.tobytes()


def lam_parts() -> dict[str, bytes]:
    return {
        "someone/skin.glb": skin_glb(),
        "someone/offset.ply": offset_ply(),
        "someone/animation.glb": animation_glb(),
        "someone/vertex_order.json": b"[]",
        "__MACOSX/someone/._skin.glb": b"shadow",
    }


def lam_zip(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return stream.getvalue()
