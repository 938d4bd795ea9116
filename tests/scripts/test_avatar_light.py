# SPDX-License-Identifier: Apache-2.0
"""Baked light knows lamps, shadows and creases; the skin's noise is what its description says."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from avatar_maker.source import Floats
from avatar_maker.splats.cloud import HEAD, Cloud, bound_to, flat_axes, joined
from avatar_maker.splats.light import LAMPS, baked, displayed
from avatar_maker.splats.mesh import unit
from avatar_maker.splats.noise import waves

ROOT = Path(__file__).resolve().parents[2]


def plate(towards: Floats, offset: float, half: float, translucence: float = 0.0) -> Cloud:
    """A square of splats 2 mm apart that faces a direction, `offset` metres along it."""
    right = unit(np.cross([0.0, 1.0, 0.0], towards))
    up = np.cross(towards, right)
    x, y = np.meshgrid(*[np.arange(-half, half, 0.002)] * 2)
    places = np.outer(x.ravel(), right) + np.outer(y.ravel(), up) + offset * towards
    count = len(places)
    return Cloud(
        positions=places,
        normals=np.tile(towards, (count, 1)),
        axes=flat_axes(np.tile(right * 0.0014, (count, 1)), np.tile(up * 0.0014, (count, 1)), 1e-4),
        albedo=np.full((count, 3), 0.5),
        opacity=np.ones(count),
        gloss=np.zeros(count),
        deltas=np.zeros((52, count, 3)),
        skin=bound_to(HEAD, count),
        translucence=np.array(translucence),
    )


def light_on(*clouds: Cloud) -> Floats:
    """Mean light (3,) on the first cloud."""
    whole = joined(clouds)
    light = baked(whole, whole.positions, lambda _: None)
    values: Floats = light[: len(clouds[0])].mean(axis=0)
    return values


KEY = unit(np.array(LAMPS[0].direction))


def test_a_plate_is_brightest_towards_the_key() -> None:
    facing, away = light_on(plate(KEY, 0.0, 0.03)), light_on(plate(-KEY, 0.0, 0.03))
    assert facing.mean() > 2 * away.mean()
    assert away.min() > 0


def test_a_screen_throws_a_shadow() -> None:
    alone = light_on(plate(KEY, 0.0, 0.02))
    behind = light_on(plate(KEY, 0.0, 0.02), plate(KEY, 0.03, 0.08))
    assert behind.mean() < 0.4 * alone.mean()


def test_shadows_on_skin_are_redder_than_on_cloth() -> None:
    screen = plate(KEY, 0.03, 0.03)
    cloth = light_on(plate(KEY, 0.0, 0.03), screen)
    skin = light_on(plate(KEY, 0.0, 0.03, translucence=1.0), screen)
    assert skin[0] / skin[2] > 1.05 * cloth[0] / cloth[2]


def test_the_picture_neither_clips_nor_turns_bright_skin_yellow() -> None:
    skin = np.array([[0.75, 0.45, 0.33]])
    steps = np.concatenate([displayed(skin * exposure) for exposure in (0.5, 1.0, 1.6, 2.4)])
    assert (np.diff(steps, axis=0) > 0).all()
    assert steps.max() <= 1
    assert steps[-1, 0] - steps[-1, 2] > 0.15


def test_noise_has_the_spread_and_the_slope_that_it_says() -> None:
    points = np.random.default_rng(0).uniform(0, 0.2, (4000, 3))
    fine = np.full(len(points), 1e-4)
    value, slope = waves(points, 0.004, 7, fine)
    assert abs(value.std() - 1) < 0.1
    step = 1e-6
    moved, _ = waves(points + np.array([step, 0, 0]), 0.004, 7, fine)
    measured = (moved - value) / step * 0.004 / (2 * np.pi)
    assert np.abs(measured - slope[:, 0]).max() < 0.01


def test_noise_fades_where_splats_are_too_wide_for_it() -> None:
    value, slope = waves(np.random.default_rng(0).random((50, 3)), 0.001, 7, np.full(50, 0.002))
    assert not value.any()
    assert not slope.any()
