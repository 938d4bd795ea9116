# SPDX-License-Identifier: Apache-2.0
"""What must hold of any avatar before it is written and after it is read.

Hashes prove that a bundle is the one that was written; these checks prove that drawing it
cannot index out of range or spread NaNs. They take some milliseconds for 20,000 splats.
"""

from __future__ import annotations

import math

import numpy as np

from splat_gles.avatar import EYE_GAZE, Avatar, Clip
from splat_gles.errors import BundleError
from splat_gles.manifest import MAX_BLENDSHAPES, MAX_CLIPS, MAX_FRAMES, MAX_JOINTS, MAX_SPLATS

# Metres from the origin that any splat or joint may lie: far beyond a person.
_REACH = 100.0


def check_avatar(avatar: Avatar, where: str) -> None:
    """Raise BundleError, beginning with `where`, at the first thing that is wrong."""
    _check_counts(avatar, where)
    _check_joints(avatar, where)
    if avatar.gaze == "joints":
        _check_eyes(avatar, where)
    splats, shapes = avatar.splats, len(avatar.blendshapes)
    touched = avatar.deltas.shape[1] if avatar.deltas.ndim == 3 else -1
    for name, array, shape in (
        ("positions", avatar.positions, (splats, 3)),
        ("covariances", avatar.covariances, (splats, 6)),
        ("colors", avatar.colors, (splats, 4)),
        ("deltas", avatar.deltas, (shapes, touched, 3)),
        ("skin_joints", avatar.skin_joints, (splats, 4)),
        ("skin_weights", avatar.skin_weights, (splats, 4)),
    ):
        if array.shape != shape:
            raise BundleError(f"{where}: {name} has shape {array.shape}, should be {shape}")
        if not np.isfinite(array).all():
            raise BundleError(f"{where}: {name} holds values that are not finite")
    if touched > splats:
        raise BundleError(f"{where}: deltas for {touched} splats of {splats}")
    _check_values(avatar, where)
    if len(avatar.clips) > MAX_CLIPS:
        raise BundleError(f"{where}: {len(avatar.clips)} clips, the limit is {MAX_CLIPS}")
    for key, clip in avatar.clips.items():
        _check_clip(avatar, key, clip, where)


def _check_counts(avatar: Avatar, where: str) -> None:
    for name, count, least, most in (
        ("splats", avatar.splats, 1, MAX_SPLATS),
        ("blendshapes", len(avatar.blendshapes), 0, MAX_BLENDSHAPES),
        ("joints", len(avatar.joints), 1, MAX_JOINTS),
    ):
        if not least <= count <= most:
            raise BundleError(f"{where}: {count} {name}, allowed: {least} to {most}")
    for name, names in (
        ("blendshapes", avatar.blendshapes),
        ("joints", tuple(joint.name for joint in avatar.joints)),
    ):
        if len(set(names)) != len(names):
            raise BundleError(f"{where}: two {name} of the same name")


def _check_joints(avatar: Avatar, where: str) -> None:
    for index, joint in enumerate(avatar.joints):
        if not -1 <= joint.parent < index:
            raise BundleError(
                f"{where}: joint {joint.name} has parent {joint.parent}; parents come first"
            )
        if not all(-_REACH <= x <= _REACH for x in joint.position):
            raise BundleError(f"{where}: joint {joint.name} lies beyond {_REACH:g} m")


def _check_eyes(avatar: Avatar, where: str) -> None:
    joints = {joint.name for joint in avatar.joints}
    for joint, *shapes in EYE_GAZE:
        missing = sorted(({joint} - joints) | (set(shapes) - set(avatar.blendshapes)))
        if missing:
            raise BundleError(f"{where}: gaze by joints needs {', '.join(missing)}")


def _check_values(avatar: Avatar, where: str) -> None:
    if np.abs(avatar.positions).max() > _REACH:
        raise BundleError(f"{where}: positions beyond {_REACH:g} m; are they in metres?")
    if max(avatar.deltas.max(initial=0.0), -avatar.deltas.min(initial=0.0)) > _REACH:
        raise BundleError(f"{where}: deltas beyond {_REACH:g} m; are they in metres?")
    if avatar.covariances[:, [0, 3, 5]].min() < 0.0:
        raise BundleError(f"{where}: covariances with a negative variance")
    if avatar.colors.min() < 0.0 or avatar.colors.max() > 1.0:
        raise BundleError(f"{where}: colors outside of 0 to 1")
    if avatar.skin_joints.max() >= len(avatar.joints):
        raise BundleError(
            f"{where}: skin_joints name joint {avatar.skin_joints.max()} "
            f"of {len(avatar.joints)} joints"
        )
    if avatar.covariances.max() > 1.0:
        raise BundleError(f"{where}: covariances beyond 1 m²; are they in square metres?")
    sums = avatar.skin_weights.sum(axis=1)
    if avatar.skin_weights.min() < 0.0 or np.abs(sums - 1.0).max() > 1e-3:
        raise BundleError(f"{where}: skin_weights of a splat do not sum to 1")


def _check_clip(avatar: Avatar, key: str, clip: Clip, where: str) -> None:
    frames, shapes, joints = clip.frames, len(avatar.blendshapes), len(avatar.joints)
    if key != clip.name:
        raise BundleError(f"{where}: clip {clip.name!r} is filed as {key!r}")
    if not 1 <= frames <= MAX_FRAMES or not 1.0 <= clip.rate <= 240.0:
        raise BundleError(f"{where}: clip {key}: {frames} frames at {clip.rate} a second")
    if clip.weights.shape != (frames, shapes) or clip.rotations.shape != (frames, joints, 3):
        raise BundleError(
            f"{where}: clip {key}: weights {clip.weights.shape}, rotations "
            f"{clip.rotations.shape} do not fit {shapes} blendshapes and {joints} joints"
        )
    if not (np.isfinite(clip.weights).all() and np.isfinite(clip.rotations).all()):
        raise BundleError(f"{where}: clip {key} holds values that are not finite")
    if np.abs(clip.rotations).max() > math.tau:
        raise BundleError(f"{where}: clip {key} turns joints beyond a circle; are they radians?")
