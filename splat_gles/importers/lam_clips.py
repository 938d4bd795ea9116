# SPDX-License-Identifier: Apache-2.0
"""LAM's body animations, baked to rotations of the neck and the head.

The clips animate a whole body; here the shoulders stand still. Kept is what one sees: the
rotation of the head in the world, and of the neck below it, both relative to the first frame of
the idle clip. All clips begin and end in that pose (the head raised by 4 degrees against the
bind pose), so that a clip starts from this avatar's rest without a jump. Translations are
dropped. Sampled at the rate of LAM's keys, 24 a second.

LAM's avatars do not listen, and a kiosk that is told to listen shall not depend on whose avatar it
shows: without an animation of that name, `listen` is idle with the head held aside and forward.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from splat_gles.avatar import Clip, Joint
from splat_gles.errors import ImportSourceError
from splat_gles.importers.glb import MALFORMED, Glb
from splat_gles.importers.gltf_nodes import Nodes
from splat_gles.skinning import Float64, axis_angles

RATE = 24.0
_MAX_SECONDS = 120.0
# About x, y and z: the face down, to its right, and the head to the right shoulder. The neck takes
# two fifths of it, as in the project's own avatars.
_ATTENTIVE = np.radians(np.array([1.6, -1.2, 3.8], np.float32))
_NECKS_SHARE = 0.4
# Our clip, the animations it is put together from in this order, and whether it loops.
_RECIPES = (
    ("idle", r"idle", True),
    ("hello", r"hello", False),
    ("listen", r"listen", True),
    ("speak", r"speak|speak_\d+", True),
    ("think", r"think(?:_part_\d+)?", False),
)


def bake_clips(glb: Glb, joints: tuple[Joint, ...], blendshapes: int) -> dict[str, Clip]:
    """Clips by name; those that the file has no animation for are left out."""
    nodes = Nodes(glb)
    try:
        animations = {str(a["name"]): a for a in glb.document["animations"]}
        neck, head = nodes.index["neckLower"], nodes.index["head"]
    except MALFORMED as cause:
        raise ImportSourceError(f"{glb.where}: no animations of a neck and a head") from cause
    chosen = {name: _choose(animations, pattern) for name, pattern, _ in _RECIPES}
    if not chosen["idle"]:
        raise ImportSourceError(f"{glb.where}: no idle animation; clips start from its pose")
    baker = _Baker(glb.where, nodes, (neck, head), chosen["idle"][0])
    names = [joint.name for joint in joints]
    clips: dict[str, Clip] = {}
    for name, _, loop in _RECIPES:
        if name == "listen" and not chosen[name]:
            # Sums stand for products of turns: 0.1 degrees off at most in two LAM avatars
            turned = clips["idle"].rotations.copy()
            turned[:, names.index("neck")] += _NECKS_SHARE * _ATTENTIVE
            turned[:, names.index("head")] += (1.0 - _NECKS_SHARE) * _ATTENTIVE
            clips[name] = replace(clips["idle"], name=name, rotations=turned)
        if not chosen[name]:
            continue
        neck_turns, head_turns = baker.bake(chosen[name], loop=loop)
        rotations = np.zeros((len(neck_turns), len(joints), 3), dtype=np.float32)
        rotations[:, names.index("neck")] = neck_turns
        rotations[:, names.index("head")] = head_turns
        weights = np.zeros((len(neck_turns), blendshapes), dtype=np.float32)
        clips[name] = Clip(name, RATE, weights, rotations, loop)
    return clips


def _choose(animations: Mapping[str, Any], pattern: str) -> list[Mapping[str, Any]]:
    """Animations whose name ends in the pattern as a whole word, in order of their names."""
    ending = re.compile(rf"(?:.*_)?(?:{pattern})")
    # "x_speak_end" is LAM's way back to idle, no speech: fullmatch leaves it out.
    return [animations[name] for name in sorted(animations) if ending.fullmatch(name)]


class _Baker:
    def __init__(
        self, where: str, nodes: Nodes, bones: tuple[int, int], idle: Mapping[str, Any]
    ) -> None:
        self._where, self._nodes, self._bones = where, nodes, bones
        self._wanted = set(nodes.chain(bones[1]))
        tracks = nodes.tracks(idle, self._wanted)
        self._rest = [_rotation(nodes.global_matrix(bone, tracks, 0.0)) for bone in self._bones]

    def bake(self, animations: list[Mapping[str, Any]], *, loop: bool) -> tuple[Float64, Float64]:
        """Axis-angles of the neck in the world and of the head against the neck, (F,3) each."""
        necks, heads = [], []
        for animation in animations:
            tracks = self._nodes.tracks(animation, self._wanted)
            seconds = max((float(track.times[-1]) for track in tracks.values()), default=0.0)
            if not 0.0 < seconds <= _MAX_SECONDS:
                raise ImportSourceError(
                    f"{self._where}: an animation of {seconds:g} s, allowed: up to {_MAX_SECONDS:g}"
                )
            # The last key is the first of what follows: the next animation or the next round.
            for frame in range(round(seconds * RATE)):
                neck, head = (
                    _rotation(self._nodes.global_matrix(bone, tracks, frame / RATE)) @ rest.T
                    for bone, rest in zip(self._bones, self._rest, strict=True)
                )
                necks.append(neck)
                heads.append(neck.T @ head)
        if not loop:
            # A clip that is played once comes to rest.
            necks.append(np.eye(3))
            heads.append(np.eye(3))
        return axis_angles(np.array(necks)), axis_angles(np.array(heads))


def _rotation(matrix: Float64) -> Float64:
    """The rotation nearest to a matrix's 3x3 part (polar decomposition)."""
    u, _, vt = np.linalg.svd(matrix[:3, :3])
    return np.asarray(u @ vt, dtype=np.float64)
