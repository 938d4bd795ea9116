# SPDX-License-Identifier: Apache-2.0
"""The committed default avatar: what is in it, and what a viewer sees of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from driving_client.motion import ARKIT_NAMES
from splat_gles.avatar import Avatar, Framing
from splat_gles.bundle import read_bundle
from splat_gles.camera import bust
from splat_gles.display import open_display
from splat_gles.renderer import Renderer
from splat_gles.rig import Rig, RigParameters

Picture = NDArray[np.float64]
Look = Callable[..., Picture]

SIZE = (720, 720)
WIDTH = 0.18
"""Metres across the picture: a quarter of a millimetre a pixel."""


@pytest.fixture(scope="module")
def bundle(root: Path) -> Path:
    return root / "config" / "avatars" / "default.avatar"


@pytest.fixture(scope="module")
def avatar(bundle: Path) -> Avatar:
    return read_bundle(bundle)


@pytest.fixture(scope="module")
def look(avatar: Avatar) -> Iterator[Look]:
    """The square picture (n,n,3), 0 to 1, of `size` metres around a place of the posed face."""
    display = open_display("offscreen", SIZE, "default avatar")
    renderer = Renderer(avatar, SIZE, background=(0.0, 1.0, 0.0))
    rig = Rig(avatar)
    x, y, z = avatar.framing.target
    framing = Framing((x, y + 0.08, z), WIDTH)

    def picture(
        place: NDArray[np.float64], size: float, yaw: float = 0.0, **units: float
    ) -> Picture:
        weights = np.zeros(len(ARKIT_NAMES), dtype=np.float32)
        for name, value in units.items():
            names = {name, f"{name}Left", f"{name}Right"} & set(ARKIT_NAMES)
            assert names, name
            weights[[ARKIT_NAMES.index(full) for full in names]] = value
        camera = bust(framing, SIZE, yaw=np.radians(yaw))
        renderer.draw(rig.pose(RigParameters(weights, rig.neutral().rotations)), camera)
        pixels = renderer.read_pixels().astype(np.float64) / 255
        seen = camera.projection @ camera.view @ np.append(place, 1.0)
        column, row = (seen[:2] / seen[3] * [1, -1] + 1) / 2 * SIZE
        half = size / WIDTH * SIZE[0] / 2
        assert half < min(row, column, *(SIZE - np.array([column, row]))), "out of the picture"
        top, left, edge = round(row - half), round(column - half), round(2 * half)
        return pixels[top : top + edge, left : left + edge]

    yield picture
    renderer.close()
    display.close()


def joint(avatar: Avatar, name: str) -> NDArray[np.float64]:
    return np.array(next(j.position for j in avatar.joints if j.name == name))


def test_it_keeps_to_its_budget_and_names_its_licence(bundle: Path, avatar: Avatar) -> None:
    assert bundle.stat().st_size <= 5_000_000
    assert 20_000 < avatar.splats <= 60_000
    assert avatar.licence == "CC0-1.0"
    assert avatar.parameter_space == "arkit"


def test_it_has_all_arkit_shapes_and_the_joints_of_a_head(avatar: Avatar) -> None:
    assert avatar.blendshapes == ARKIT_NAMES
    assert [j.name for j in avatar.joints] == ["root", "neck", "head", "leftEye", "rightEye"]
    assert [j.parent for j in avatar.joints] == [-1, 0, 1, 2, 2]
    assert avatar.gaze == "joints"
    moved = np.abs(avatar.deltas).max(axis=(1, 2))
    still = [name for name, most in zip(ARKIT_NAMES, moved, strict=True) if most < 0.0005]
    # the eyes themselves turn by joints; looking aside moves the lids by about a millimetre
    assert not still


def test_left_is_the_avatars_own_left(avatar: Avatar) -> None:
    assert joint(avatar, "leftEye")[0] > 0.02
    assert joint(avatar, "rightEye")[0] < -0.02
    for name in ("eyeBlinkLeft", "mouthSmileLeft", "browOuterUpLeft", "mouthLeft"):
        move = np.linalg.norm(avatar.deltas[ARKIT_NAMES.index(name)], axis=1)
        place = avatar.positions[: len(move), 0]
        if name == "mouthLeft":
            push = avatar.deltas[ARKIT_NAMES.index(name), :, 0]
            assert push[np.argmax(np.abs(push))] > 0
        else:
            assert (move * place).sum() / move.sum() > 0.01


def test_its_clips_start_and_end_well(avatar: Avatar) -> None:
    assert set(avatar.clips) == {"idle", "hello", "listen", "think", "speak"}
    for clip in avatar.clips.values():
        assert 2.0 < clip.seconds < 10.0
        step = np.abs(np.diff(clip.rotations, axis=0)).max()
        assert step < np.radians(2.0)
        assert np.abs(clip.rotations).max() < np.radians(15)
        if clip.loop:
            assert np.abs(clip.rotations[0] - clip.rotations[-1]).max() < 1.5 * step + 1e-6
            assert np.abs(clip.weights[0] - clip.weights[-1]).max() < 0.05
        else:
            assert np.abs(clip.rotations[[0, -1]]).max() < np.radians(0.5)
            assert clip.weights[[0, -1]].max() < 0.05


@pytest.mark.parametrize("yaw", [-25.0, 0.0, 25.0])
@pytest.mark.parametrize("units", [{}, {"jawOpen": 0.7}, {"eyeBlink": 1.0, "mouthSmile": 1.0}])
def test_nobody_sees_through_the_face(
    avatar: Avatar, look: Look, yaw: float, units: dict[str, float]
) -> None:
    middle = (joint(avatar, "leftEye") + joint(avatar, "rightEye")) / 2
    face = look(middle - [0.0, 0.035, 0.04], 0.10, yaw, **units)
    green = face[..., 1] - face[..., (0, 2)].max(axis=-1)
    assert green.max() < 0.06


def test_lids_close_over_the_eyes(avatar: Avatar, look: Look) -> None:
    eye = joint(avatar, "leftEye") + np.array([0.0, 0.0, 0.015])
    opened, shut = look(eye, 0.010), look(eye, 0.010, eyeBlink=1.0)
    # the middle of an open eye is a black pupil, that of a shut one skin down to the lashes
    assert opened.mean(axis=-1).min() < 0.12
    lid = shut[: len(shut) // 2].mean(axis=-1)
    assert lid.min() > 0.35
    assert lid.std() < 0.08


def test_eyes_follow_the_gaze(avatar: Avatar, look: Look) -> None:
    eye = joint(avatar, "leftEye") + np.array([0.0, 0.0, 0.015])

    def pupil(**units: float) -> float:
        """Column in metres, from the middle, of the darkest part of the eye's middle band."""
        band = look(eye, 0.024, **units)
        dark = band[32:64].mean(axis=-1) < 0.16
        return float((np.nonzero(dark)[1].mean() / band.shape[1] - 0.5) * 0.024)

    ahead = pupil()
    left = pupil(eyeLookOutLeft=0.6, eyeLookInRight=0.6)
    right = pupil(eyeLookInLeft=0.6, eyeLookOutRight=0.6)
    # its own left is the viewer's right; 15 degrees of an eye of 15.6 mm are 4 mm
    assert abs(ahead) < 0.001
    assert 0.0025 < left - ahead < 0.0055
    assert 0.0025 < ahead - right < 0.0055


def test_lips_seal_and_part(avatar: Avatar, look: Look) -> None:
    x, y, z = avatar.framing.target
    lips = np.array([x, y + 0.045, z + 0.06])

    def dark(picture: Picture) -> float:
        return float((picture.mean(axis=-1) < 0.25).mean())

    def teeth(picture: Picture) -> float:
        grey = picture.max(axis=-1) - picture.min(axis=-1) < 0.14
        return float((grey & (picture.mean(axis=-1) > 0.5)).mean())

    shut, opened = look(lips, 0.04), look(lips, 0.04, jawOpen=0.7)
    smile = look(lips, 0.04, jawOpen=0.25, mouthSmile=0.9)
    assert dark(shut) < 0.01
    assert dark(opened) > 0.10
    assert teeth(shut) == 0.0
    assert teeth(smile) > 0.02


def test_the_face_mirrors_in_colour(avatar: Avatar) -> None:
    """The key light comes from one side, but neither side drowns or burns out."""
    front = avatar.positions[:, 2] > joint(avatar, "head")[2] + 0.03
    face = front & (avatar.positions[:, 1] > joint(avatar, "head")[1] - 0.02)
    left = avatar.colors[face & (avatar.positions[:, 0] > 0.01), :3].mean(axis=0)
    right = avatar.colors[face & (avatar.positions[:, 0] < -0.01), :3].mean(axis=0)
    assert np.abs(left - right).max() < 0.15
    assert 0.3 < avatar.colors[face, :3].mean() < 0.85
