# SPDX-License-Identifier: Apache-2.0
"""Notices a picture without an avatar, or a frozen one, from a few of its pixels.

A driver can lose its context, or drop the work of a frame that took it too long, and report
nothing: the loop goes on, fences are signalled, the watchdog is fed, and the screen is black.
So once a second, if the pose has changed, a few rows across the face are looked at
(`splat_gles.gl.pixel_rows`). One colour throughout means that nothing was drawn; the same
pixels although the head has moved mean that drawing has stopped. Both have to be seen several
times in a row before anybody acts: healing is seen by people too.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from splat_gles.avatar import Avatar
from splat_gles.rig import Pose

EVERY_S: Final = 1.0
BLANK_LOOKS: Final = 2
STILL_LOOKS: Final = 3
_CHANGED_WEIGHT: Final = 0.05
_CHANGED_MATRIX: Final = 0.001
_MOVED: Final = 0.01
"""Of a joint's rotation, or metres: half a millimetre at the face and more, which some pixel of
any picture shows."""
_WIDELY: Final = 0.1
"""Of the avatar's splats; what a joint of fewer moves, such as an eye, may lie in none of the
rows."""

Trouble = Literal["blank", "still"]


class ScreenWatch:
    """The history of looks at an avatar on a screen."""

    def __init__(self, avatar: Avatar) -> None:
        held = np.bincount(
            avatar.skin_joints.ravel(), avatar.skin_weights.ravel(), len(avatar.joints)
        )
        self._wide = np.flatnonzero(held >= _WIDELY * avatar.splats)
        self._looked_at = float("-inf")
        self._pose: Pose | None = None
        self._before: tuple[Pose, NDArray[np.uint8]] | None = None
        self._blank = 0
        self._still = 0

    def due(self, now: float, pose: Pose) -> bool:
        """Whether to look at the frame of this pose; then `judge` it. `now` in s, monotonic."""
        if now - self._looked_at < EVERY_S:
            return False
        if self._pose is not None and not _changed(self._pose, pose):
            return False
        self._looked_at, self._pose = now, pose
        return True

    def judge(self, rows: NDArray[np.uint8]) -> Trouble | None:
        """What is wrong, given the pixels (rows, width, 3) of the frame that was due last."""
        assert self._pose is not None
        uniform = bool((rows == rows[0, 0]).all())
        self._blank = self._blank + 1 if uniform else 0
        if self._before is None or not np.array_equal(self._before[1], rows):
            self._still = 0
            self._before = self._pose, rows
        elif self._moved(self._before[0], self._pose):
            self._still += 1
            self._before = self._pose, rows
        if self._blank >= BLANK_LOOKS:
            return "blank"
        return "still" if self._still >= STILL_LOOKS else None

    def _moved(self, one: Pose, other: Pose) -> bool:
        moved = one.matrices[self._wide] - other.matrices[self._wide]
        return bool(np.abs(moved).max(initial=0.0) > _MOVED)


def _changed(one: Pose, other: Pose) -> bool:
    weights = np.abs(one.weights - other.weights).max(initial=0.0)
    matrices = np.abs(one.matrices - other.matrices).max(initial=0.0)
    return bool(weights > _CHANGED_WEIGHT or matrices > _CHANGED_MATRIX)
