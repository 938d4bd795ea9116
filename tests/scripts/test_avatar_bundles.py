# SPDX-License-Identifier: Apache-2.0
"""The shipped avatars as data: budgets, licence, shapes, joints, clips, colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from avatar_maker.build import voice_of
from avatar_maker.recipe import read_recipe
from driving_client.motion import ARKIT_NAMES
from splat_gles.avatar import Avatar, Framing
from splat_gles.bundle import read_bundle
from splat_gles.camera import bust
from splat_gles.fragments import count_fragments, project_avatar
from splat_gles.rig import Rig

FOLDER = Path(__file__).resolve().parents[2] / "config" / "avatars"
LIGHT = "-20k"
"""What the name of a light variant ends in."""
CHARACTERS = {"default", "samuel"}
MOST_FRAGMENTS = 30.2e6
"""In 1080x1920 pixels of 0.40 m: 1.3 times what LAM's p2-1 paints there."""


@pytest.fixture(scope="module", params=sorted(FOLDER.glob("*.avatar")), ids=lambda path: path.stem)
def bundle(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture(scope="module")
def avatar(bundle: Path) -> Avatar:
    return read_bundle(bundle)


def joint(avatar: Avatar, name: str) -> NDArray[np.float64]:
    return np.array(next(j.position for j in avatar.joints if j.name == name))


def test_two_people_are_shipped_each_in_two_variants() -> None:
    assert {path.stem for path in FOLDER.glob("*.avatar")} == {
        name + variant for name in CHARACTERS for variant in ("", LIGHT)
    }
    assert {path.stem for path in FOLDER.glob("*.yaml")} == CHARACTERS


def test_it_keeps_to_its_budget_and_names_its_licence(bundle: Path, avatar: Avatar) -> None:
    assert bundle.stat().st_size <= 5_000_000
    most = 20_000 if bundle.stem.endswith(LIGHT) else 60_000
    assert 0.75 * most < avatar.splats <= most
    assert avatar.licence == "CC0-1.0"
    assert avatar.parameter_space == "arkit"
    recipe = read_recipe(FOLDER / f"{bundle.stem.removesuffix(LIGHT)}.yaml")
    assert avatar.name == recipe.person.word("name")
    assert avatar.voice == voice_of(recipe)


def test_a_woman_and_a_man_are_given_the_voices_of_their_sex() -> None:
    """Hz: women's voices have means of 165 to 255, men's of 85 to 155 (Fitch and Holbrook 1970)."""
    sexes = {name: read_bundle(FOLDER / f"{name}{LIGHT}.avatar").voice for name in CHARACTERS}
    woman, man = sexes["default"], sexes["samuel"]
    assert woman is not None
    assert man is not None
    assert (woman.sex, man.sex) == ("female", "male")
    assert 165 <= woman.pitch <= 255
    assert 85 <= man.pitch <= 155


def test_a_frame_of_it_paints_few_fragments(avatar: Avatar) -> None:
    view = bust(Framing(avatar.framing.target, 0.40), (1080, 1920))
    rig = Rig(avatar)
    painted = count_fragments(project_avatar(avatar, rig.pose(rig.neutral()), view), view)
    print(f"{avatar.name}: {painted / 1e6:.1f} million fragments")
    assert painted < MOST_FRAGMENTS


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
    assert set(avatar.clips) == {"idle", "hello", "listen", "think"}
    for clip in avatar.clips.values():
        assert 2.0 < clip.seconds < 20.0
        step = np.abs(np.diff(clip.rotations, axis=0)).max()
        assert step < np.radians(2.0)
        assert np.abs(clip.rotations).max() < np.radians(15)
        if clip.loop:
            assert np.abs(clip.rotations[0] - clip.rotations[-1]).max() < 1.5 * step + 1e-6
            assert np.abs(clip.weights[0] - clip.weights[-1]).max() < 0.05
        else:
            assert np.abs(clip.rotations[[0, -1]]).max() < np.radians(0.5)
            assert clip.weights[[0, -1]].max() < 0.05


def test_the_idle_person_moves_a_little_all_the_time(avatar: Avatar) -> None:
    """Blinks are not in the clip: the player adds them."""
    idle = avatar.clips["idle"]
    assert 0.3 < np.degrees(np.abs(idle.rotations).max()) < 8.0
    second = round(idle.rate)
    for start in range(0, idle.frames - second, second):
        turned = np.ptp(idle.rotations[start : start + second], axis=0).max()
        assert np.degrees(turned) > 0.02, f"still from frame {start} on"


def test_the_face_mirrors_in_colour(avatar: Avatar) -> None:
    """The key light comes from one side, but neither side drowns or burns out."""
    moved = np.abs(avatar.deltas).max(axis=(0, 2)) > 0.001
    places, colors = avatar.positions[: len(moved)][moved], avatar.colors[: len(moved), :3][moved]
    front = places[:, 2] > joint(avatar, "leftEye")[2]
    left = colors[front & (places[:, 0] > 0.01)].mean(axis=0)
    right = colors[front & (places[:, 0] < -0.01)].mean(axis=0)
    assert (np.abs(left - right) / (left + right)).max() < 0.16
    assert 0.12 < colors[front].mean() < 0.85
    assert (colors[front].min(axis=1) > 0.97).mean() < 0.05
    assert (colors[front].max(axis=1) < 0.03).mean() < 0.10
