# SPDX-License-Identifier: Apache-2.0
"""How far an avatar's eyes really turn by its eyeLook shapes, and where they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up.plugin import LAM_NAMES, MADE_UP

from splat_gles.avatar import Avatar
from splat_gles.bundle import read_bundle
from splat_gles.eyes import eyes_of

AVATARS = Path(__file__).resolve().parents[2] / "config" / "avatars"


@pytest.mark.parametrize("name", ["default-20k", "samuel-20k"])
def test_eyes_that_are_joints_turn_as_the_rig_turns_them(name: str) -> None:
    left, right = eyes_of(read_bundle(AVATARS / f"{name}.avatar"))
    assert np.degrees(left.reach) == pytest.approx([25, 25, 20, 20])
    assert right.reach == left.reach
    assert left.centre[0] == pytest.approx(-right.centre[0])


def with_weaker(avatar: Avatar, name: str, factor: float) -> Avatar:
    deltas = avatar.deltas.copy()
    deltas[avatar.blendshapes.index(name)] *= factor
    return replace(avatar, deltas=deltas)


def test_of_an_imported_avatar_it_is_measured_for_each_shape(
    lam_avatar: Callable[[str], Avatar],
) -> None:
    """Made of eyeballs that turn by 25 and 20 degrees and are a third larger than people's: it
    looks as if they turned by a third more. One is given LAM's own weakness."""
    weaker = with_weaker(lam_avatar(MADE_UP), "eyeLookInLeft", 0.5)
    left, right = eyes_of(weaker)
    print(np.degrees(left.reach), left.centre, np.degrees(right.reach), right.centre)
    assert np.degrees(left.reach) / 1.34 == pytest.approx([25, 12.5, 20, 20], rel=0.03)
    assert np.degrees(right.reach) / 1.34 == pytest.approx([25, 25, 20, 20], rel=0.03)
    assert left.centre[0] - right.centre[0] == pytest.approx(0.056, abs=0.004)


@pytest.mark.parametrize("name", LAM_NAMES[1:] or ["real"])
def test_real_lam_eyes_turn_inwards_half_as_far_as_outwards(
    name: str, lam_avatar: Callable[[str], Avatar]
) -> None:
    """A rigid turn fitted to the eyeball in its mesh, of 12.9 mm, is of 25.5, 12.3, 13.4 and 11.9
    degrees: to the outside, inside, down and up."""
    if name == "real":
        pytest.skip("no real LAM avatars on this machine: put them in ../shared/data")
    left, right = eyes_of(lam_avatar(name))
    assert np.degrees(left.reach) == pytest.approx([25.5, 12.3, 13.4, 11.9], rel=0.12)
    assert np.degrees(right.reach) == pytest.approx([12.3, 25.5, 13.4, 11.9], rel=0.12)


def test_where_nothing_can_be_measured_a_weight_is_worth_what_it_is_for_joints(
    lam_avatar: Callable[[str], Avatar],
) -> None:
    made = lam_avatar(MADE_UP)
    still = replace(made, deltas=np.zeros_like(made.deltas))
    left, right = eyes_of(still)
    assert np.degrees(left.reach) == pytest.approx([25, 25, 20, 20])
    assert left.centre[0] > right.centre[0]


def test_an_avatar_without_a_gaze_has_no_eyes_to_turn(lam_avatar: Callable[[str], Avatar]) -> None:
    made = lam_avatar(MADE_UP)
    kept = [i for i, name in enumerate(made.blendshapes) if name != "eyeLookUpLeft"]
    names = tuple(made.blendshapes[i] for i in kept)
    assert eyes_of(replace(made, blendshapes=names, deltas=made.deltas[kept])) == ()


@pytest.mark.parametrize("name", ["default", "samuel", *LAM_NAMES])
def test_the_upper_lid_goes_along_when_the_eye_looks_down(
    name: str, lam_avatar: Callable[[str], Avatar]
) -> None:
    """People's lids turn by as much as their eyes (Becker and Fuchs 1988), which for 20 degrees
    down is a third to a half of a blink; so do the avatars' by the shapes themselves."""
    shipped = name in ("default", "samuel")
    avatar = read_bundle(AVATARS / f"{name}.avatar") if shipped else lam_avatar(name)
    for side in ("Left", "Right"):
        blink, down, up = (
            avatar.deltas[avatar.blendshapes.index(f"{shape}{side}"), :, 1]
            for shape in ("eyeBlink", "eyeLookDown", "eyeLookUp")
        )
        lid = blink < 0.6 * blink.min()
        along = float(down[lid].mean() / blink[lid].mean())
        against = float(up[lid].mean() / blink[lid].mean())
        print(f"{name} {side}: {along:.2f} of a blink down, {against:.2f} up")
        assert 0.15 < along < 0.65
        assert against < 0.0
