# SPDX-License-Identifier: Apache-2.0
"""How open a mouth is is told from a picture, wherever a living head has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from splat_gles.avatar import Avatar
from splat_gles.bundle import read_bundle
from splat_gles.camera import on_screen
from splat_gles.offscreen import offscreen_renderer
from splat_gles.rig import Rig, RigParameters
from test_stand.seen_mouth import Picture, SeenMouth

SIZE = (270, 480)
TURNS = [(0, 0, 0), (2, 0, 0), (-2, 0, 0), (0, 3, 0), (0, -3, 0), (0, 0, 2.5), (1.5, -2, 1.5)]
"""Pitch, yaw and roll in degrees, as an idle head has them."""


@pytest.fixture(scope="module")
def avatar(root: Path) -> Avatar:
    return read_bundle(root / "config/avatars/default-20k.avatar")


def pictures_of(avatar: Avatar, jaw: float) -> list[Picture]:
    rig = Rig(avatar)
    neck, head = (
        next(i for i, joint in enumerate(avatar.joints) if joint.name == name)
        for name in ("neck", "head")
    )
    pictures = []
    with offscreen_renderer(avatar, SIZE) as renderer:
        for turn in TURNS:
            parameters = rig.neutral()
            weights, rotations = parameters.weights.copy(), parameters.rotations.copy()
            weights[avatar.blendshapes.index("jawOpen")] = jaw
            rotations[neck] = 0.4 * np.radians(turn)
            rotations[head] = 0.6 * np.radians(turn)
            pose = rig.pose(RigParameters(weights, rotations))
            renderer.draw(pose, on_screen(avatar.framing, SIZE))
            pictures.append(renderer.read_pixels().astype(np.float64))
    return pictures


def test_a_shut_mouth_is_shut_and_an_open_one_open_while_the_head_sways(avatar: Avatar) -> None:
    mouth = SeenMouth(avatar, SIZE)
    shut = [mouth.opening(picture) for picture in pictures_of(avatar, 0.0)]
    wide = [mouth.opening(picture) for picture in pictures_of(avatar, 0.6)]
    half = [mouth.opening(picture) for picture in pictures_of(avatar, 0.3)]
    assert shut[0] == pytest.approx(0.0, abs=0.01)
    assert wide[0] == pytest.approx(1.0, abs=0.01)
    assert max(map(abs, shut)) < 0.15, shut
    assert min(wide) > 0.75, wide
    assert min(half) > max(shut) + 0.15, (shut, half)
