# SPDX-License-Identifier: Apache-2.0
"""The fit's pictures are the reference's, its derivatives are right, and it makes avatars alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_up_avatar import make_avatar

from avatar_maker.fitting.fit import LIMITS, Fit
from avatar_maker.fitting.views import View
from avatar_maker.splats import blending
from avatar_maker.splats.blending import Screen, compare, largest_weights
from splat_gles import camera
from splat_gles.avatar import Avatar
from splat_gles.reference import rasterise
from splat_gles.rig import Rig
from splat_gles.scene import pose_scene

SIZE = (90, 160)


def view_of(avatar: Avatar, yaw: float, background: tuple[float, float, float]) -> View:
    """What the reference draws of an avatar whose jaw is open and whose head is turned."""
    rig = Rig(avatar)
    parameters = rig.neutral()
    parameters.weights[:2] = 0.7, 0.4
    parameters.rotations[2] = 0.1, 0.2, 0.0
    pose, eye = rig.pose(parameters), camera.bust(avatar.framing, SIZE, yaw)
    picture = rasterise(pose_scene(avatar, pose, eye, background)).colors
    return View(pose, eye, np.array(background), picture.astype(np.float32))


def soft(avatar: Avatar) -> Avatar:
    """The avatar with splats of a few pixels, none opaque: its pictures are smooth in all."""
    covariances = avatar.covariances + np.float32([4e-5, 0, 0, 4e-5, 0, 4e-5])
    return replace(avatar, covariances=covariances, colors=avatar.colors * np.float32(0.8))


def test_a_picture_is_the_references() -> None:
    avatar = soft(make_avatar())
    fit = Fit(avatar)
    view = view_of(avatar, 0.3, (0.2, 0.5, 0.9))
    # What gets little light is left out: 1/500 of a channel at most
    assert fit.error(fit.sight(view)) < 1e-6


def test_derivatives_are_those_of_finite_differences(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("LEAST_ALPHA", 1e-9), ("LEAST_LIGHT", 0.0), ("TILE", 16)):
        monkeypatch.setattr(blending, name, value)
    random, count = np.random.default_rng(1), 12
    spread = [random.uniform(*ends, count) for ends in ((4, 9), (-2, 2), (4, 9))]
    start = Screen(
        random.uniform(4, 18, (count, 2)),
        np.stack(spread, axis=1),
        random.uniform(0.3, 0.9, count),
        random.uniform(0, 1, (count, 3)),
    )
    wanted = random.uniform(0, 1, (20, 24, 3)).astype(np.float32)
    slopes = compare(start, wanted, np.ones(3))[1]
    for name in ("centres", "covariances", "opacities", "colors"):
        values, found = getattr(start, name), getattr(slopes, name)
        for place in np.ndindex(values.shape):
            errors = []
            for step in (2e-3, -2e-3):
                moved = values.copy()
                moved[place] += step
                errors.append(compare(replace(start, **{name: moved}), wanted, np.ones(3))[0] / 2)
            measured = (errors[0] - errors[1]) / 4e-3
            assert found[place] == pytest.approx(measured, abs=2e-3), (name, place)


def test_what_lies_behind_weighs_less() -> None:
    two = Screen(
        np.full((2, 2), 100.0), np.array([[30.0, 0, 30.0]] * 2), np.full(2, 0.9), np.zeros((2, 3))
    )
    assert largest_weights(two, (200, 200)) == pytest.approx([0.9, 0.25], abs=1e-3)


def test_a_fit_comes_nearer_and_stays_within_its_limits() -> None:
    fine = soft(make_avatar())
    random = np.random.default_rng(2)
    off = random.normal(0, 0.06, fine.colors.shape).astype(np.float32)
    plain = replace(
        fine,
        positions=fine.positions + random.normal(0, 5e-4, fine.positions.shape).astype(np.float32),
        colors=np.clip(fine.colors + off, 0.02, 1),
    )
    fit = Fit(plain)
    views = [
        view_of(fine, yaw, (shade,) * 3) for yaw, shade in ((-0.3, 1.0), (0.0, 0.1), (0.3, 0.5))
    ]
    unseen = fit.sight(view_of(fine, 0.15, (0.8, 0.8, 0.8)))
    before = fit.error(unseen)
    sights = [fit.sight(view) for view in views]
    for number in range(30):
        fit.step(sights[number % 3], 1 - number / 30)
    assert fit.error(unseen) < before / 2
    change = np.abs(fit.result().colors - plain.colors).max(axis=0)
    assert change[:3].max() <= LIMITS["color"][1] + 1e-6
    assert change[3] <= LIMITS["opacity"][1] + 1e-6


def test_a_fit_leaves_what_it_has_not_seen() -> None:
    avatar = soft(make_avatar())
    same = Fit(avatar).result()
    assert same.positions == pytest.approx(avatar.positions, abs=1e-7)
    assert same.covariances == pytest.approx(avatar.covariances, abs=1e-9)
    assert same.colors == pytest.approx(avatar.colors, abs=1e-6)
