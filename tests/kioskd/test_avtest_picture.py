# SPDX-License-Identifier: Apache-2.0
"""What is filmed can be read: flash, milliseconds, ruler and frame, on every screen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kiosk_process import write_small_avatar
from numpy.typing import NDArray

from kioskd.avtest.picture import picture
from kioskd.screen.rectangle import Rectangle, turned
from kioskd.screen.stage import Stage
from splat_gles import camera as cameras
from splat_gles.bundle import read_bundle
from splat_gles.rig import Rig

YELLOW = (255, 204, 0)


def painted(
    width: int, height: int, rectangles: Iterator[Rectangle] | list[Rectangle]
) -> NDArray[np.uint8]:
    pixels = np.full((height, width, 3), 90, np.uint8)
    for each in rectangles:
        color = np.round(np.array(each.color) * 255)
        pixels[each.y : each.y + each.height, each.x : each.x + each.width] = color
    return pixels


def bar(pixels: NDArray[np.uint8]) -> float | None:
    """The middle of the ruler's bar, as a part of the width."""
    columns = np.flatnonzero((pixels == YELLOW).all(axis=2).any(axis=0))
    return float(columns.mean() + 0.5) / pixels.shape[1] if columns.size else None


def test_the_block_is_white_for_100_ms_from_the_click_on() -> None:
    for phase_s, white in ((-0.001, False), (0.0, True), (0.099, True), (0.101, False)):
        pixels = painted(270, 480, picture(270, 480, phase_s, 1))
        assert bool(pixels[120, 135].all()) is white
    assert not painted(270, 480, picture(270, 480, None, 1))[120, 135].any()


def test_the_bar_moves_a_mark_in_10_ms_and_stands_on_zero_at_the_click() -> None:
    places = [bar(painted(1080, 1920, picture(1080, 1920, ms / 1e3, 1))) for ms in (-250, 0, 10)]
    assert places == pytest.approx([0.06, 0.5, 0.5 + 0.88 / 50], abs=0.004)
    assert bar(painted(1080, 1920, picture(1080, 1920, 0.3, 1))) is None


def test_each_millisecond_and_each_frame_looks_different() -> None:
    seen = {tuple(picture(270, 480, ms / 1e3, 1)) for ms in range(-500, 500)}
    assert len(seen) == 1000
    assert len({tuple(picture(270, 480, 0.0, frame)) for frame in range(1000)}) == 1000


@given(
    st.integers(160, 4096),
    st.integers(160, 4096),
    st.one_of(st.none(), st.floats(-0.5, 0.499)),
    st.integers(0, 10**9),
)
def test_nothing_lies_outside_of_any_screen(
    width: int, height: int, phase_s: float | None, frame: int
) -> None:
    for each in picture(width, height, phase_s, frame):
        assert 0 <= each.x < each.x + each.width <= width
        assert 0 <= each.y < each.y + each.height <= height


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_on_a_panel_on_its_side_it_is_upright(quarters: int) -> None:
    upright = picture(270, 480, 0.007, 42)
    size = (480, 270) if quarters % 2 else (270, 480)
    laid = painted(*size, [turned(each, 270, 480, quarters) for each in upright])
    assert (np.rot90(laid, quarters) == painted(270, 480, upright)).all()


def test_a_renderer_fills_what_is_asked_and_its_next_frame_has_its_background(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    avatar = read_bundle(write_small_avatar(tmp_path_factory.mktemp("ball") / "ball.avatar"))
    with Stage(avatar, "offscreen", (135, 240), (0.0, 1.0, 0.0)) as stage:
        rig = Rig(avatar)
        pose = rig.pose(rig.neutral())
        camera = cameras.on_screen(avatar.framing, (135, 240), 0.0)
        stage.renderer.draw(pose, camera)
        before = stage.renderer.read_pixels()
        stage.renderer.fill((10, 20, 30, 40), (1.0, 0.0, 0.0))
        filled = stage.renderer.read_pixels()
        assert (filled[20:60, 10:40] == (255, 0, 0)).all()
        filled[20:60, 10:40] = before[20:60, 10:40]
        assert (filled == before).all()
        stage.renderer.draw(pose, camera)
        assert (stage.renderer.read_pixels() == before).all()
