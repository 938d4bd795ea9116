# SPDX-License-Identifier: Apache-2.0
"""Node hierarchies and animations of a glTF document.

Gives the global matrix of a node at an instant of an animation, after the glTF 2.0
specification: linear and step interpolation, quaternions by normalised linear interpolation
along the shorter way (keys here lie 1/24 s and a fraction of a degree apart). Cubic splines are
refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splat_gles.errors import ImportSourceError
from splat_gles.importers.glb import MALFORMED, Glb
from splat_gles.skinning import Float64, quaternion_matrices

_DEFAULTS = {
    "translation": (0.0, 0.0, 0.0),
    "rotation": (0.0, 0.0, 0.0, 1.0),
    "scale": (1.0, 1.0, 1.0),
}


@dataclass(frozen=True, slots=True)
class Track:
    """Keys of one property of one node: times (K,) in seconds, values (K, 3 or 4)."""

    times: NDArray[np.float64]
    values: NDArray[np.float64]
    step: bool

    def at(self, seconds: float) -> NDArray[np.float64]:
        """Value at an instant; the first and last key hold outside of their range."""
        after = int(np.searchsorted(self.times, seconds, side="right"))
        if after == 0 or after == len(self.times) or self.step:
            held: NDArray[np.float64] = self.values[max(after - 1, 0)]
            return held
        first, second = self.values[after - 1], self.values[after]
        span = self.times[after] - self.times[after - 1]
        if len(first) == 4 and float(first @ second) < 0.0:
            second = -second
        moved: NDArray[np.float64] = first + (second - first) * (
            (seconds - self.times[after - 1]) / span
        )
        return moved


Tracks = Mapping[tuple[int, str], Track]


class Nodes:
    """The node tree of a .glb. Raises ImportSourceError where it is damaged."""

    def __init__(self, glb: Glb) -> None:
        self._glb = glb
        try:
            self._nodes: list[dict[str, Any]] = glb.document["nodes"]
            self._parents = {
                int(child): index
                for index, node in enumerate(self._nodes)
                for child in node.get("children", ())
            }
            self.index = {node.get("name", ""): i for i, node in enumerate(self._nodes)}
        except MALFORMED as cause:
            raise ImportSourceError(f"{glb.where}: damaged node tree: {cause!r}") from cause

    def name(self, index: int) -> str:
        """Name of a node; the empty text where it has none."""
        return str(self._nodes[index].get("name", ""))

    def chain(self, index: int) -> list[int]:
        """The node and its ancestors, nearest first."""
        chain = [index]
        while chain[-1] in self._parents:
            chain.append(self._parents[chain[-1]])
            if len(chain) > len(self._nodes):
                raise ImportSourceError(f"{self._glb.where}: the node tree has a cycle")
        return chain

    def global_matrix(self, index: int, tracks: Tracks, seconds: float) -> Float64:
        """4x4 matrix of a node in the scene at an instant of an animation."""
        matrix = np.eye(4)
        for node in reversed(self.chain(index)):
            matrix = matrix @ self._local(node, tracks, seconds)
        return matrix

    def tracks(
        self, animation: Mapping[str, Any], wanted: set[int]
    ) -> dict[tuple[int, str], Track]:
        """The animation's tracks for the wanted nodes."""
        try:
            return {
                (channel["target"]["node"], channel["target"]["path"]): self._track(
                    animation["samplers"][channel["sampler"]]
                )
                for channel in animation["channels"]
                if channel["target"]["node"] in wanted and channel["target"]["path"] in _DEFAULTS
            }
        except MALFORMED as cause:
            raise ImportSourceError(f"{self._glb.where}: damaged animation: {cause!r}") from cause

    def _track(self, sampler: Mapping[str, Any]) -> Track:
        mode = sampler.get("interpolation", "LINEAR")
        if mode not in ("LINEAR", "STEP"):
            raise ImportSourceError(f"{self._glb.where}: {mode} keys; export with linear ones")
        # Damage may be a signalling NaN, of which the cast warns; it is refused below
        with np.errstate(invalid="ignore"):
            times = self._glb.accessor(sampler["input"])[:, 0].astype(np.float64)
            values = self._glb.accessor(sampler["output"]).astype(np.float64)
        good = len(times) == len(values) and bool((np.diff(times) > 0).all())
        if not good or not np.isfinite(values).all() or not np.isfinite(times).all():
            raise ImportSourceError(f"{self._glb.where}: animation keys out of order or damaged")
        return Track(times, values, mode == "STEP")

    def _local(self, index: int, tracks: Tracks, seconds: float) -> Float64:
        values = {}
        try:
            for key, default in _DEFAULTS.items():
                track = tracks.get((index, key))
                value = self._nodes[index].get(key, default) if track is None else track.at(seconds)
                values[key] = np.asarray(value, dtype=np.float64)
                if values[key].shape != (len(default),) or not (np.abs(values[key]) < 1e6).all():
                    raise ValueError(f"{key} is {value!r}")
        except MALFORMED as cause:
            raise ImportSourceError(f"{self._glb.where}: damaged node {index}: {cause}") from cause
        x, y, z, w = values["rotation"]
        if w * w + x * x + y * y + z * z < 1e-12 or np.abs(values["scale"]).min() < 1e-6:
            raise ImportSourceError(f"{self._glb.where}: node {index}: no length or no size")
        matrix = np.eye(4)
        rotation = quaternion_matrices(np.array([[w, x, y, z]]))[0]
        matrix[:3, :3] = rotation * values["scale"]
        matrix[:3, 3] = values["translation"]
        return matrix
