# SPDX-License-Identifier: Apache-2.0
"""Cameras frame what they promise, and a turned avatar turns the right way."""

from __future__ import annotations

import math

import numpy as np
import pytest

from splat_gles.avatar import Framing
from splat_gles.camera import Camera, bust, lam, on_screen

FRAMING = Framing((0.01, 1.6, 0.05), 0.4)


def in_clip_space(camera: Camera, point: tuple[float, float, float]) -> np.ndarray:
    clip = camera.projection @ camera.view @ np.array([*point, 1.0])
    return clip[:3] / clip[3]


@pytest.mark.parametrize("size", [(540, 960), (1080, 1920), (1080, 2400), (600, 600)])
def test_bust_spans_its_width_across_the_shorter_side(size) -> None:
    camera = bust(FRAMING, size)
    x, y, z = FRAMING.target
    assert in_clip_space(camera, FRAMING.target)[:2] == pytest.approx([0, 0])
    assert in_clip_space(camera, (x + 0.2, y, z))[0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("size", "height"),
    [
        ((1920, 1080), 0.5),
        ((1280, 800), 0.5),
        ((1024, 768), 0.5),
        ((720, 720), 0.4),
        ((768, 1024), 0.4 * 4 / 3),
        ((800, 1280), 0.4 * 8 / 5),
    ],
)
def test_every_screen_keeps_the_head_that_a_portrait_one_shows(size, height) -> None:
    x, y, z = FRAMING.target
    top = (x, y + 0.4 * 8 / 9, z)
    assert in_clip_space(on_screen(FRAMING, (1080, 1920)), top)[1] == pytest.approx(1.0)
    assert in_clip_space(on_screen(FRAMING, size), top)[1] == pytest.approx(1.0)
    below = (x, top[1] - height, z)
    assert in_clip_space(on_screen(FRAMING, size), below)[1] == pytest.approx(-1.0)


def test_a_narrow_screen_looks_at_the_framing_itself() -> None:
    narrow = on_screen(FRAMING, (1080, 2400))
    assert np.array_equal(narrow.view, bust(FRAMING, (1080, 2400)).view)


def test_turning_a_screen_by_degrees_never_jumps() -> None:
    tops = [
        in_clip_space(on_screen(FRAMING, (width, 900)), (0.0, 1.8, 0.0))[1]
        for width in range(400, 1500, 10)
    ]
    assert np.abs(np.diff(tops)).max() < 0.05


def test_bust_portrait_has_a_portrait_lens() -> None:
    camera = bust(FRAMING, (1080, 1920))
    assert math.degrees(2 * math.atan(camera.tangents[1])) == pytest.approx(30.0)


@pytest.mark.parametrize(
    "make", [lambda yaw: bust(FRAMING, (540, 960), yaw), lambda yaw: lam((540, 960), yaw)]
)
def test_positive_yaw_turns_the_nose_to_the_avatars_left(make) -> None:
    """Its left is +x, the viewer's right; what lies behind the axis goes the other way."""
    nose, nape = (0.01, 1.6, 0.1), (0.01, 1.6, -0.1)
    straight, turned = make(0.0), make(0.4)
    assert in_clip_space(turned, nose)[0] > in_clip_space(straight, nose)[0] + 0.05
    assert in_clip_space(turned, nape)[0] < in_clip_space(straight, nape)[0] - 0.05


def test_positive_pitch_tips_the_face_down() -> None:
    nose = (0.01, 1.6, 0.1)
    straight, tipped = bust(FRAMING, (540, 960)), bust(FRAMING, (540, 960), pitch=0.2)
    assert in_clip_space(tipped, nose)[1] < in_clip_space(straight, nose)[1] - 0.02
    assert tipped.position[1] > straight.position[1] + 0.1


def test_lam_is_the_web_renderers_camera() -> None:
    camera = lam((540, 960))
    assert camera.position == pytest.approx([0, 1.8, 1])
    assert math.degrees(2 * math.atan(camera.tangents[1])) == pytest.approx(50)
    ahead = (0.0, 1.8 - math.tan(math.radians(10)), 0.0)
    assert in_clip_space(camera, ahead)[:2] == pytest.approx([0, 0], abs=1e-9)
    assert in_clip_space(camera, (0.0, 1.8, 0.0))[1] > 0


def test_view_is_a_rigid_motion() -> None:
    view = bust(FRAMING, (540, 960), 0.7).view
    assert view[:3, :3] @ view[:3, :3].T == pytest.approx(np.eye(3))
    assert np.linalg.det(view[:3, :3]) == pytest.approx(1)


@pytest.mark.parametrize("size", [(0, 960), (540, 0), (-1, 5)])
def test_a_picture_without_pixels_is_refused(size) -> None:
    with pytest.raises(ValueError, match="has no pixels"):
        bust(FRAMING, size)
    with pytest.raises(ValueError, match="has no pixels"):
        lam(size)
