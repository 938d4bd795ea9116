# SPDX-License-Identifier: Apache-2.0
"""Clips: sampling one at an instant, and reading recorded ARKit weights from JSON.

A clip is one of the bundle's own or an ARKit JSON with its own rate. Recordings of the wire are
no clips: driving_client reads those.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from splat_gles.avatar import Avatar, Clip, Float32
from splat_gles.errors import ClipError
from splat_gles.manifest import MAX_FRAMES
from splat_gles.regular_file import read_regular

_MAX_BYTES = 32 << 20
_MAX_NAMES = 256
# Recorded weights may overshoot 0 to 1 a little; far beyond it is damage.
_MAX_WEIGHT = 4.0
# Of a recorded head rotation the neck takes this share and the head the rest.
NECK_SHARE = 0.4


def sample(clip: Clip, seconds: float) -> tuple[Float32, Float32]:
    """Weights (B,) and rotations (J,3) at an instant, linear between frames.

    A looping clip goes round; another holds its first frame before its start and its last one
    after its end. Axis-angles are interpolated as vectors, which is exact about one axis and
    far below what one sees between neighbouring frames. Raises ClipError for a time that is
    not finite.
    """
    if not math.isfinite(seconds):
        raise ClipError(f"clip {clip.name}: {seconds} is not a time; give seconds")
    # The time is brought into the clip before it is scaled: any finite one stays finite.
    if clip.loop:
        place = seconds % clip.seconds * clip.rate
        # The remainder of a small negative number may round up to the divisor.
        first = int(place) % clip.frames
        second = (first + 1) % clip.frames
    else:
        place = min(min(max(seconds, 0.0), clip.seconds) * clip.rate, clip.frames - 1.0)
        first = int(place)
        second = min(first + 1, clip.frames - 1)
    part = np.float32(place - math.floor(place))
    weights = clip.weights[first] + (clip.weights[second] - clip.weights[first]) * part
    rotations = clip.rotations[first] + (clip.rotations[second] - clip.rotations[first]) * part
    return weights, rotations


def read_arkit_json(path: Path | str, avatar: Avatar) -> Clip:
    """A clip for `avatar` from a JSON of ARKit weights.

    Keys: `names`, `frames` with `weights` in that order and `time` in seconds, and where the
    recording has it `head_pose` with an axis-angle in radians per frame. The rate comes from
    the times. Weights of blendshapes that the avatar lacks are dropped; those that the
    recording lacks stay 0. Raises ClipError for a file that is damaged or fits no blendshape.
    """
    path = Path(path)
    try:
        data = read_regular(path, _MAX_BYTES)
    except OSError as cause:
        raise ClipError(f"{path}: cannot be read: {cause.strerror or cause}") from cause
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as cause:
        raise ClipError(f"{path}: not JSON: {cause}; copy the file again") from cause
    names, frames = _names_and_frames(document, path)
    recorded = _numbers([frame.get("weights") for frame in frames], len(names), path, "weights")
    if np.abs(recorded).max() > _MAX_WEIGHT:
        raise ClipError(f"{path}: weights beyond {_MAX_WEIGHT:g}; ARKit's go from 0 to 1")
    weights = np.zeros((len(frames), len(avatar.blendshapes)), dtype=np.float32)
    shared = [name for name in avatar.blendshapes if name in names]
    if not shared:
        raise ClipError(f"{path}: none of its {len(names)} names is a blendshape of {avatar.name}")
    weights[:, [avatar.blendshapes.index(name) for name in shared]] = recorded[
        :, [names.index(name) for name in shared]
    ]
    rotations = np.zeros((len(frames), len(avatar.joints), 3), dtype=np.float32)
    if "head_pose" in document:
        _turn_head(rotations, document["head_pose"], avatar, path)
    return Clip(path.stem, _rate(frames, path), weights, rotations, loop=False)


def _names_and_frames(document: Any, path: Path) -> tuple[list[str], list[dict[str, Any]]]:
    names = document.get("names") if isinstance(document, dict) else None
    frames = document.get("frames") if isinstance(document, dict) else None
    if not isinstance(names, list) or not isinstance(frames, list):
        raise ClipError(f"{path}: no lists `names` and `frames`; this is not an ARKit recording")
    if not 1 <= len(names) <= _MAX_NAMES or not all(isinstance(name, str) for name in names):
        raise ClipError(f"{path}: `names` should hold 1 to {_MAX_NAMES} texts")
    if len(set(names)) != len(names):
        raise ClipError(f"{path}: a name appears twice in `names`")
    if not 1 <= len(frames) <= MAX_FRAMES:
        raise ClipError(f"{path}: {len(frames)} frames, allowed: 1 to {MAX_FRAMES}")
    if not all(isinstance(frame, dict) for frame in frames):
        raise ClipError(f"{path}: `frames` should hold objects with `weights` and `time`")
    return names, frames


def _numbers(rows: Any, width: int, path: Path, what: str) -> Float32:
    try:
        values = np.asarray(rows, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as cause:
        raise ClipError(f"{path}: {what} should be {width} numbers in every frame") from cause
    if values.shape != (len(rows), width) or not np.isfinite(values).all():
        raise ClipError(f"{path}: {what} should be {width} finite numbers in every frame")
    return values.astype(np.float32)


def _rate(frames: list[dict[str, Any]], path: Path) -> float:
    times = _numbers([[frame.get("time")] for frame in frames], 1, path, "time")[:, 0]
    if len(times) == 1:
        return 30.0
    if not (np.diff(times) > 0.0).all():
        raise ClipError(f"{path}: the frames' times do not grow")
    # To a thousandth: times were rounded when they were written.
    rate = round((len(times) - 1) / float(times[-1] - times[0]), 3)
    if not 1.0 <= rate <= 240.0:
        raise ClipError(f"{path}: {rate} frames a second, allowed: 1 to 240; are times in seconds?")
    return rate


def _turn_head(rotations: Float32, pose: Any, avatar: Avatar, path: Path) -> None:
    if not isinstance(pose, list) or len(pose) != len(rotations):
        raise ClipError(f"{path}: `head_pose` should have one entry per frame")
    turns = _numbers(pose, 3, path, "head_pose")
    if np.abs(turns).max() > math.pi:
        raise ClipError(f"{path}: `head_pose` beyond pi; are they radians?")
    joints = [joint.name for joint in avatar.joints]
    for name, share in (("neck", NECK_SHARE), ("head", 1.0 - NECK_SHARE)):
        if name in joints:
            rotations[:, joints.index(name)] = turns * np.float32(share)
