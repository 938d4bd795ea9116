# SPDX-License-Identifier: Apache-2.0
"""The reference rasteriser is the formula's: single splats by hand, and what each switch does."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from small_avatar import make_pose, make_small_avatar

from splat_gles import camera
from splat_gles.reference import INRIA, Rule, masked_psnr, project, rasterise
from splat_gles.scene import Scene, pose_scene

FOCAL, DEPTH, SIGMA = 100.0, 2.0, 0.1
RED, GREEN = [0.8, 0.1, 0.2], [0.1, 0.7, 0.3]


def make_scene(*splats: tuple[list[float], list[float], float], size=(65, 65)) -> Scene:
    """Round splats (mean, colour, opacity) of SIGMA before a camera at the origin."""
    means, colors, opacities = (np.array(column, float) for column in zip(*splats, strict=True))
    return Scene(
        means,
        np.tile(np.eye(3) * SIGMA**2, (len(means), 1, 1)),
        colors,
        opacities,
        np.eye(4),
        camera.Camera(np.eye(4), FOCAL, size).projection,
        size,
        np.array([1.0, 1.0, 1.0]),
    )


def test_one_splat_is_a_gaussian_with_low_pass_around_the_middle() -> None:
    """5 pixels of sigma and 0.3 square pixels; the middle of 65 pixels is pixel 32."""
    scene = make_scene(([0, 0, -DEPTH], RED, 0.6))
    picture = rasterise(scene)
    variance = (FOCAL * SIGMA / DEPTH) ** 2 + 0.3
    for row, column in ((32, 32), (32, 38), (27, 32), (36, 29)):
        square = (row - 32) ** 2 + (column - 32) ** 2
        alpha = 0.6 * math.exp(-square / (2 * variance))
        expected = alpha * np.array(RED) + (1 - alpha)
        assert picture.colors[row, column] == pytest.approx(expected, abs=1e-12)
        assert picture.light[row, column] == pytest.approx(1 - alpha, abs=1e-12)
    assert picture.layers[32, 32] == 1
    assert picture.layers[0, 0] == 0


def test_up_and_left_are_where_they_belong() -> None:
    above = project(make_scene(([0.3, 0.5, -DEPTH], RED, 0.6)))
    assert above.centres[0] == pytest.approx([32 + 15, 32 - 25])


def test_nearer_covers_farther_whatever_the_order_in_the_file() -> None:
    far, near = ([0, 0, -2.2], RED, 0.5), ([0, 0, -DEPTH], GREEN, 0.5)
    picture = rasterise(make_scene(far, near))
    expected = 0.5 * np.array(GREEN) + 0.25 * np.array(RED) + 0.25
    assert picture.colors[32, 32] == pytest.approx(expected, abs=1e-12)
    assert np.array_equal(rasterise(make_scene(near, far)).colors, picture.colors)
    assert picture.layers[32, 32] == 2


def test_a_long_thin_turned_splat_keeps_its_axes() -> None:
    """Its long axis goes from bottom left to top right by 45 degrees."""
    scene = make_scene(([0, 0, -DEPTH], RED, 0.9))
    thin = np.array([[[0.0101, 0.0099, 0], [0.0099, 0.0101, 0], [0, 0, 1e-4]]])
    light = rasterise(replace(scene, covariances=thin)).light
    assert light[32 - 5, 32 + 5] < 0.8
    assert light[32 + 5, 32 + 5] == 1.0


def test_opacity_stops_at_99_percent_and_light_at_a_ten_thousandth() -> None:
    one = rasterise(make_scene(([0, 0, -DEPTH], RED, 1.0)))
    assert one.light[32, 32] == pytest.approx(0.01)
    many = rasterise(make_scene(*(([0, 0, -DEPTH - 0.01 * i], RED, 0.9) for i in range(9))))
    # 0.1 ** 3 is left by three; the fourth would go to the limit of 0.0001, rounding decides
    assert many.layers[32, 32] in (3, 4)
    assert many.light[32, 32] >= 1e-4 * (1 - 1e-9)
    beside = rasterise(make_scene(*(([0, 0, -DEPTH - 0.01 * i], RED, 0.4) for i in range(30))))
    # 0.6 ** 18 > 0.0001 > 0.6 ** 19, and a finished pixel takes nothing any more
    assert beside.layers[32, 32] == 18
    assert beside.light[32, 32] == pytest.approx(0.6**18)


def test_too_near_or_behind_is_not_drawn() -> None:
    scene = make_scene(([0, 0, -0.2], RED, 0.9), ([0, 0, 3.0], RED, 0.9))
    picture = rasterise(scene)
    assert (picture.colors == 1.0).all()
    assert picture.fragments == 0
    assert picture.overdraw == 0.0


def test_fragments_and_overdraw_are_counted() -> None:
    """A splat of opacity o reaches to sqrt(2 ln(255 o)) sigmas: a disc of known area."""
    scene = make_scene(([0, 0, -DEPTH], RED, 0.6), ([0, 0, -2.0001], RED, 0.6), size=(101, 101))
    picture = rasterise(scene, Rule(cut="gsplat"))
    radius_square = 2 * math.log(255 * 0.6) * ((FOCAL * SIGMA / DEPTH) ** 2 + 0.3)
    assert picture.fragments == pytest.approx(2 * math.pi * radius_square, rel=0.01)
    assert 1.9 < picture.overdraw <= 2.0
    assert project(scene).quad_pixels == pytest.approx(8 * radius_square, rel=1e-3)


def test_switches_change_what_they_say() -> None:
    """INRIA's tiles leave a faint splat's corner out or in; the cut of gsplat follows opacity."""
    faint = make_scene(([0, 0, -DEPTH], RED, 0.02))
    opaque = make_scene(([0, 0, -DEPTH], RED, 1.0), size=(257, 257))
    assert np.array_equal(rasterise(faint).colors, rasterise(faint, Rule(cut="gsplat")).colors)
    assert rasterise(opaque).fragments <= rasterise(opaque, Rule(cut="gsplat")).fragments
    wide = rasterise(opaque, Rule(low_pass=4.0))
    assert wide.light.sum() < rasterise(opaque).light.sum()
    # Seen from the camera, the one at the side is nearer by z but farther by distance
    side, middle = ([0.5, 0, -DEPTH], RED, 0.9), ([0.3, 0, -2.02], GREEN, 0.9)
    by_z = project(make_scene(side, middle), INRIA).index
    by_distance = project(make_scene(side, middle), Rule(sort="distance")).index
    assert by_z.tolist() == [0, 1]
    assert by_distance.tolist() == [1, 0]


def test_a_pixel_wrong_by_one_step_everywhere_is_48_decibels() -> None:
    picture = rasterise(pose_scene(*_small()))
    exact = np.rint(picture.colors * 255)
    off = np.where(exact > 0, exact - 1, exact + 1).astype(np.uint8)
    assert masked_psnr(off, picture) == pytest.approx(48.1, abs=0.5)
    assert masked_psnr(exact.astype(np.uint8), picture) > 58


def _small():
    avatar = make_small_avatar()
    view = camera.bust(avatar.framing, (90, 160))
    return avatar, make_pose(jaw=0.5), view, (1.0, 1.0, 1.0)
