# SPDX-License-Identifier: Apache-2.0
"""From motion of either space to the parameters of one avatar's rig, as one flat vector.

A pose is the avatar's blendshape weights, its joints' axis-angle rotations, and how much of the
gaze is the pose's own (0 to 1; the life layer moves the rest), so that transitions mix everything
alike. The head's rotation is shared between neck and head: a neck that bends with it looks alive,
one joint alone looks like a puppet. Rotations of a talking head are small, where adding
axis-angle vectors and composing rotations agree.
"""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from driving_client.motion import ARKIT_NAMES, FloatArray, MotionSample, ParameterSpace
from kioskd.life.idle_life import Life
from kioskd.playback.eye_aim import EyeAim, Look, Point
from splat_gles.avatar import Avatar, Clip
from splat_gles.camera import on_screen
from splat_gles.rig import RigParameters

NECK_SHARE: Final = 0.4
"""How much of a head rotation the neck takes when the rig has both joints."""

_LIDS: Final = ("eyeBlinkLeft", "eyeBlinkRight")
_WIDE: Final = ("eyeWideLeft", "eyeWideRight")
_LOOKS: Final = tuple(name for name in ARKIT_NAMES if name.startswith("eyeLook"))
_PORTRAIT: Final = (1080, 1920)
"""The shape of screen whose camera stands for the visitor until one is known."""


class MotionRetarget(Protocol):
    """Turns a FLAME frame into ARKit: (120,) to 52 weights and the head's axis-angle, (55,)."""

    def arkit(self, frame: FloatArray) -> FloatArray:
        """One frame."""

    def for_stream(self, frames: FloatArray) -> MotionRetarget:
        """The same for the stream that these frames, shape (n, 120), n at least 1, are of."""


class Face:
    """Knows which place of the pose vector means what for one avatar."""

    def __init__(self, avatar: Avatar) -> None:
        self._shapes = len(avatar.blendshapes)
        self._joints = len(avatar.joints)
        self._own_gaze = self._shapes + 3 * self._joints
        self.size = self._own_gaze + 1
        places = {name: index for index, name in enumerate(avatar.blendshapes)}
        known = [(i, places[name]) for i, name in enumerate(ARKIT_NAMES) if name in places]
        self._from_arkit = np.array([i for i, _ in known], np.intp)
        self._to_shape = np.array([place for _, place in known], np.intp)
        self._root = self._joint(avatar, "root")
        self._neck = self._joint(avatar, "neck")
        self._head = self._joint(avatar, "head")
        self._lids = self._indices(places, _LIDS)
        self._wide = self._indices(places, _WIDE)
        self._looks = self._indices(places, _LOOKS)
        x, y, z = on_screen(avatar.framing, _PORTRAIT).position.tolist()
        self._eyes = EyeAim(avatar, (x, y, z))

    def rest(self) -> FloatArray:
        """The neutral pose, shape (size,)."""
        return np.zeros(self.size, np.float32)

    def of_motion(self, sample: MotionSample, retarget: MotionRetarget) -> FloatArray:
        """The pose of one instant of an utterance's motion."""
        values = sample.values
        if sample.space is ParameterSpace.FLAME:
            values = retarget.arkit(values)
        return self.of_arkit(values)

    def of_arkit(self, values: FloatArray) -> FloatArray:
        """The pose of ARKit's 52 weights and the head's axis-angle, (55,)."""
        pose = self.rest()
        pose[self._to_shape] = values[self._from_arkit]
        self.turn_head(pose, values[len(ARKIT_NAMES) :])
        return pose

    def of_clip_frame(
        self, weights: FloatArray, rotations: FloatArray, *, own_gaze: bool = False
    ) -> FloatArray:
        """The pose of a clip's frame; lids, and a gaze not its own, are the life layer's."""
        pose = np.concatenate([weights, rotations.reshape(-1), [own_gaze]]).astype(np.float32)
        pose[self._lids] = 0
        if not own_gaze:
            pose[self._looks] = 0
        return pose

    def has_gaze(self, clip: Clip) -> bool:
        """Whether the clip moves the eyes."""
        return bool(clip.weights[:, self._looks].any())

    def head_turn(self, pose: FloatArray) -> tuple[float, float, float]:
        """How neck and head together are turned in a pose, axis-angle radians."""
        turn = np.zeros(3, np.float32)
        for place in (self._neck, self._head):
            if place is not None:
                turn = turn + pose[place]
        return float(turn[0]), float(turn[1]), float(turn[2])

    def look_at(self, visitor: Point) -> None:
        """Where the visitor is from now on, metres in the avatar's space."""
        self._eyes.visitor = visitor

    def turn_head(self, pose: FloatArray, rotation: FloatArray) -> None:
        """Turn neck and head of a pose further by this axis-angle rotation, shape (3,)."""
        if self._neck is not None and self._head is not None:
            pose[self._neck] += NECK_SHARE * rotation
            pose[self._head] += (1 - NECK_SHARE) * rotation
        elif self._head is not None or self._neck is not None:
            pose[self._head or self._neck] += rotation

    def parameters(self, pose: FloatArray, life: Life) -> RigParameters:
        """The rig's parameters for a pose with a life of its own on top."""
        full = pose.copy()
        full[self._to_shape] += life.face[self._from_arkit]
        if len(self._lids) == 2:
            full[self._lids] = np.maximum(full[self._lids], np.array(life.lids, np.float32))
        if len(self._wide) == len(self._lids):
            # Added up, a wide eye would not shut
            full[self._wide] *= 1.0 - np.clip(full[self._lids], 0.0, 1.0)
        self.turn_head(full, life.head)
        if self._neck is not None and self._head is not None:
            # The chest lifts: the neck leans and the head stays level above it
            full[self._neck] += life.breath
            full[self._head] -= life.breath
        if self._root is not None and self._neck is not None:
            full[self._root] += life.body
            full[self._neck] -= life.body
        weights = np.clip(full[: self._shapes], 0.0, 1.0)
        rotations = self._rotations(full)
        look = Look(life.gaze_left, life.gaze_up, float(pose[self._own_gaze]))
        before, after = self._rotations(pose).tolist(), rotations.tolist()
        for shape, weight in self._eyes.weights(look, pose.tolist(), before, after):
            weights[shape] = weight
        return RigParameters(weights, rotations)

    def _rotations(self, pose: FloatArray) -> FloatArray:
        return pose[self._shapes : self._own_gaze].reshape(self._joints, 3)

    def _joint(self, avatar: Avatar, name: str) -> slice | None:
        for index, joint in enumerate(avatar.joints):
            if joint.name == name:
                start = self._shapes + 3 * index
                return slice(start, start + 3)
        return None

    @staticmethod
    def _indices(
        places: dict[str, int], names: tuple[str, ...]
    ) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        return np.array([places[name] for name in names if name in places], np.intp)
