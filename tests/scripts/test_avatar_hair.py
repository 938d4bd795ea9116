# SPDX-License-Identifier: Apache-2.0
"""Hair: where it grows, and that a coarse model's hairs are the first ones of a fine model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avatar_maker.hair.growth import LOCKS, grown_strands
from avatar_maker.hair.hairline import above_hairline, scalp_cover
from avatar_maker.hair.hull import head_hull, on_skin, spread_rays
from avatar_maker.hair.strands import LIGHTS, Pieces, hair_splats, highlight
from avatar_maker.recipe import Look, read_recipe
from avatar_maker.source import Floats
from avatar_maker.splats.cloud import UNITS, Cloud, bound_to
from avatar_maker.splats.mesh import unit

ROOT = Path(__file__).resolve().parents[2]
CENTER = np.array([0.0, 1.58, 0.03])
EYES = np.array([[0.03, 1.56, 0.115], [-0.03, 1.56, 0.115]])
RADIUS = 0.10


def ball() -> Cloud:
    """A head that is a sphere."""
    normals = spread_rays(4000, np.random.default_rng(1))
    count = len(normals)
    return Cloud(
        positions=CENTER + RADIUS * normals,
        normals=normals,
        axes=np.zeros((count, 3, 3)),
        albedo=np.zeros((count, 3)),
        opacity=np.ones(count),
        gloss=np.zeros(count),
        deltas=np.zeros((UNITS, count, 3)),
        skin=bound_to(2, count),
    )


@pytest.fixture(scope="module")
def hair() -> Look:
    return read_recipe(ROOT / "config/avatars/default.yaml").hair


def strands(look: Look, count: int) -> Floats:
    skin = ball()
    return grown_strands(skin, EYES, head_hull(skin.positions, CENTER), look, count).points


def test_a_fine_model_has_the_strands_of_a_coarse_one_and_more(hair: Look) -> None:
    coarse, fine = strands(hair, LOCKS + 50), strands(hair, LOCKS + 300)
    assert coarse.shape[1] == LOCKS + 50
    np.testing.assert_array_equal(fine[:, : coarse.shape[1]], coarse)


def test_strands_stay_outside_the_head_and_off_the_face(hair: Look) -> None:
    points = strands(hair, 400)[2:].reshape(-1, 3)
    assert np.linalg.norm(points - CENTER, axis=1).min() > RADIUS - 0.015
    face = (np.abs(points[:, 0]) < 0.045) & (points[:, 2] > EYES[0, 2] - 0.02)
    assert not (face & (points[:, 1] < EYES[0, 1] + 0.035)).any()


def test_roots_lie_on_the_skin() -> None:
    rays = spread_rays(300, np.random.default_rng(2))
    places, near = on_skin(ball(), CENTER, rays)
    assert np.linalg.norm(places - CENTER, axis=1) == pytest.approx(RADIUS, abs=1e-3)
    assert np.linalg.norm(places - ball().positions[near], axis=1).max() < 0.012


def test_the_scalp_is_above_the_forehead_on_both_sides_alike(hair: Look) -> None:
    forehead = np.array([[0.0, 1.60, 0.12], [0.02, 1.60, 0.12], [-0.02, 1.60, 0.12]])
    assert (scalp_cover(forehead, EYES, hair) == 0).all()
    left, right = above_hairline(forehead[1:], EYES, hair)
    assert left == pytest.approx(right)
    crown = np.array([[0.0, 1.68, 0.03]])
    assert scalp_cover(crown, EYES, hair) == pytest.approx(1.0)


def test_hair_shines_across_the_light_and_not_along_it() -> None:
    first, second = (unit(unit(light) + np.array([0.0, 0.0, 1.0])) for light in LIGHTS)
    none = np.zeros(())
    across = highlight(unit(np.cross(first, second)), first, none)
    along = highlight(first, first, none)
    assert across[0] > along[0]
    assert across[1] > along[1]


def test_only_pieces_that_are_there_become_splats() -> None:
    starts = np.zeros((2, 1, 3))
    ends = starts - np.array([0.0, 0.01, 0.0])
    outward = np.broadcast_to(np.array([0.0, 0.0, 1.0]), starts.shape)
    there = np.array([[True], [False]])
    pieces = Pieces(starts, ends, outward, np.full((2, 1), 0.0005), there)
    cloud = hair_splats(pieces, starts, np.ones((2, 1)), np.ones((2, 1, 5)))
    assert len(cloud) == 1
    assert cloud.positions[0] == pytest.approx([0.0, -0.005, 0.0])
    assert np.linalg.norm(cloud.axes[0], axis=1)[1] == pytest.approx(0.0005)
