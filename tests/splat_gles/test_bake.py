# SPDX-License-Identifier: Apache-2.0
"""Baking leaves out what is never seen, and nothing that is."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from made_up.plugin import LAM_NAMES

from splat_gles import camera
from splat_gles.avatar import Avatar, Framing, Joint
from splat_gles.bake import STUDIES, bake
from splat_gles.bundle import read_bundle
from splat_gles.fragments import count_fragments, project_avatar
from splat_gles.reference import rasterise
from splat_gles.rig import Rig, RigParameters
from splat_gles.scene import pose_scene
from splat_gles.visibility import mean_weights

SIZE = (270, 480)


def make_wall(behind: list[tuple[float, float, float]], moved: int = 0) -> Avatar:
    """An opaque wall of splats, 0.3 m wide and high, and single splats behind or before it.

    The first `moved` splats go to the wall's left, out of its cover, with jawOpen.
    """
    steps = np.linspace(-0.15, 0.15, 61)
    wall = np.array([(x, 1.6 + y, 0.0) for x in steps for y in steps])
    positions = np.concatenate([np.array(behind).reshape(-1, 3), wall]).astype(np.float32)
    count = len(positions)
    deltas = np.zeros((1, moved, 3), np.float32)
    deltas[0, :, 0] = 0.2
    colors = np.full((count, 4), 0.5, np.float32)
    colors[:, 3] = 0.9
    return Avatar(
        name="wall",
        licence="CC0-1.0",
        parameter_space="arkit",
        framing=Framing((0.0, 1.6, 0.0), 0.4),
        positions=positions,
        covariances=np.tile(np.float32([1.6e-5, 0, 0, 1.6e-5, 0, 1e-8]), (count, 1)),
        colors=colors,
        blendshapes=("jawOpen",),
        deltas=deltas,
        joints=(Joint("root", -1, (0.0, 0.0, 0.0)),),
        skin_joints=np.zeros((count, 4), np.uint8),
        skin_weights=np.tile(np.float32([1, 0, 0, 0]), (count, 1)),
        clips={},
    )


def baked(avatar: Avatar) -> Avatar:
    return bake(avatar, progress=lambda *_: None)


def test_what_a_wall_hides_is_left_out() -> None:
    hidden, before, beside = (0.0, 1.6, -0.02), (0.0, 1.6, 0.02), (0.2, 1.6, -0.02)
    result = baked(make_wall([hidden, before, beside]))
    assert result.positions[:2] == pytest.approx(np.float32([before, beside]))
    assert result.splats == 61 * 61 + 2


def test_what_shows_from_the_side_only_is_kept() -> None:
    """14 cm behind the wall and 1 cm inside its edge: 30 degrees bring it out."""
    assert baked(make_wall([(0.14, 1.6, -0.14)])).splats == 61 * 61 + 1
    assert baked(make_wall([(0.0, 1.6, -0.14)])).splats == 61 * 61


def test_what_a_face_brings_out_is_kept_with_its_movement() -> None:
    """Two splats behind the wall, of which jawOpen moves one into sight."""
    two = make_wall([(0.0, 1.55, -0.02), (0.0, 1.65, -0.02)], moved=1)
    result = baked(two)
    assert result.splats == 61 * 61 + 1
    assert result.positions[0] == pytest.approx(two.positions[0])
    assert result.deltas == pytest.approx(two.deltas)


def test_an_avatar_of_other_blendshapes_and_no_joints_bakes_too(small_avatar: Avatar) -> None:
    strange = replace(small_avatar, blendshapes=tuple("abcdefghij"), gaze="blendshapes")
    assert 0 < baked(strange).splats <= strange.splats


def test_progress_counts_the_studies(small_avatar: Avatar) -> None:
    told: list[tuple[int, int]] = []
    bake(small_avatar, lambda done, of: told.append((done, of)))
    assert told == [(n + 1, len(STUDIES)) for n in range(len(STUDIES))]


def test_a_weight_is_alpha_times_what_those_before_let_through() -> None:
    """Three splats of opacity 0.9 in a row: each covers the next where it is thick itself."""
    avatar = make_wall([])
    avatar = replace(
        avatar,
        positions=np.float32([(0, 1.6, 0.02), (0, 1.6, 0.0), (0, 1.6, -0.02)]),
        covariances=np.tile(np.float32([4e-4, 0, 0, 4e-4, 0, 4e-4]), (3, 1)),
        colors=avatar.colors[:3],
        skin_joints=avatar.skin_joints[:3],
        skin_weights=avatar.skin_weights[:3],
    )
    rig = Rig(avatar)
    view = camera.bust(avatar.framing, SIZE)
    projected = project_avatar(avatar, rig.pose(rig.neutral()), view)
    assert projected.index.tolist() == [0, 1, 2]
    weights = mean_weights(projected)
    # The mean of 0.81 exp(-r^2) over its disc, where R^2 = 2 ln(255 * 0.9), is 0.81 / R^2
    assert weights[0] == pytest.approx(math.sqrt(0.81 / (2 * math.log(229.5))), rel=0.02)
    # The others keep their rims, where those before them are thin
    assert 0.1 < weights[1] < weights[0] * 0.7
    assert 0.03 < weights[2] < weights[1] * 0.8


def strangers(rig: Rig) -> list[tuple[str, RigParameters, float]]:
    """Faces and views that are no study of the bake's."""
    talking, turned = rig.neutral(), rig.neutral()
    for name, weight in (("jawOpen", 0.7), ("eyeBlinkLeft", 0.5), ("mouthSmileRight", 0.6)):
        talking.weights[rig.blendshape_index[name]] = weight
    for name, weight in (("mouthFunnel", 0.5), ("eyeLookInLeft", 0.7), ("eyeLookOutRight", 0.7)):
        turned.weights[rig.blendshape_index[name]] = weight
    turned.rotations[rig.joint_index["head"]] = [0.1, 0.25, 0.05]
    return [
        ("neutral", rig.neutral(), 0.0),
        ("talking", talking, math.radians(8)),
        ("turned", turned, math.radians(20)),
    ]


def least_decibels(source: Avatar, other: Avatar) -> float:
    """Of the worst of the strangers' pictures, over the source's pixels."""
    rig, other_rig = Rig(source), Rig(other)
    found = []
    for _, parameters, yaw in strangers(rig):
        view = camera.bust(source.framing, SIZE, yaw)
        white = (1.0, 1.0, 1.0)
        exact = rasterise(pose_scene(source, rig.pose(parameters), view, white))
        kept = rasterise(pose_scene(other, other_rig.pose(parameters), view, white))
        error = kept.colors[exact.covered] - exact.colors[exact.covered]
        found.append(-10 * float(np.log10(np.mean(error**2))))
    return min(found)


@pytest.mark.slow("bakes an avatar")
@pytest.mark.parametrize("name", LAM_NAMES)
def test_baking_and_storing_a_lam_avatar_loses_less_than_50_decibels(
    lam_avatar, baked_bundle, name
) -> None:
    """Against the unpruned, unquantised source, over the avatar's pixels; 52 dB were measured."""
    source = lam_avatar(name)
    path = baked_bundle(name)
    assert path.stat().st_size <= 4e6
    stored = read_bundle(path)
    assert stored.splats < 0.9 * source.splats
    assert least_decibels(source, stored) >= 50


@pytest.mark.slow("bakes an avatar")
def test_baking_the_default_avatar_loses_less_than_50_decibels(root) -> None:
    """Its script has left out what is hidden already; 65 dB and better were measured."""
    source = read_bundle(root / "config" / "avatars" / "default-20k.avatar")
    baked = bake(source, lambda *_: None)
    assert baked.splats < source.splats
    assert least_decibels(source, baked) >= 50


@pytest.mark.slow("bakes an avatar")
@pytest.mark.parametrize("name", LAM_NAMES)
def test_a_lam_avatar_paints_few_fragments(baked_lam, name) -> None:
    """29 million in a full portrait screen is the limit; real ones were measured at 23.2, 23.4."""
    avatar = baked_lam(name)
    rig = Rig(avatar)
    view = camera.bust(avatar.framing, (1080, 1920))
    projected = project_avatar(avatar, rig.pose(rig.neutral()), view)
    assert 20e6 < count_fragments(projected, view) < 25e6


def test_the_shipped_avatars_paint_at_most_a_third_more_than_lams(root) -> None:
    """At the same metres per pixel; 1.3 times what LAM's were measured to paint is their budget."""

    def painted(avatar) -> float:
        rig = Rig(avatar)
        view = camera.bust(replace(avatar.framing, width=0.40), (1080, 1920))
        projected = project_avatar(avatar, rig.pose(rig.neutral()), view)
        return count_fragments(projected, view)

    most = 1.3 * 23.2e6
    bundles = sorted((root / "config" / "avatars").glob("*.avatar"))
    assert bundles
    for path in bundles:
        fragments = painted(read_bundle(path))
        print(f"{path.stem}: {fragments / 1e6:.1f} of {most / 1e6:.1f} million fragments")
        assert fragments <= most, path.stem
