# SPDX-License-Identifier: Apache-2.0
"""What the renderer promises beside the right picture: orientation, limits, fences, cleanliness."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_avatar import make_pose, make_small_avatar

from splat_gles import camera
from splat_gles.display import open_display
from splat_gles.errors import RenderError
from splat_gles.gl.api import gl
from splat_gles.offscreen import offscreen_renderer
from splat_gles.renderer import Renderer

SIZE = (180, 320)
AVATAR = make_small_avatar()
VIEW = camera.bust(AVATAR.framing, SIZE)


def test_picture_is_neither_mirrored_nor_upside_down() -> None:
    """One red splat at the avatar's left, one green above, one blue below, seen from the front."""
    positions = np.array([[0.1, 1.6, 0], [0, 1.75, 0], [0, 1.45, 0]], np.float32)
    three = replace(
        AVATAR,
        positions=positions,
        covariances=np.tile(np.float32([1e-4, 0, 0, 1e-4, 0, 1e-4]), (3, 1)),
        colors=np.float32([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1]]),
        deltas=np.zeros((2, 0, 3), np.float32),
        skin_joints=np.zeros((3, 4), np.uint8),
        skin_weights=np.tile(np.float32([1, 0, 0, 0]), (3, 1)),
    )
    with offscreen_renderer(three, SIZE, (0.0, 0.0, 0.0)) as renderer:
        renderer.draw(make_pose(), VIEW)
        pixels = renderer.read_pixels()
    places = [np.array(np.nonzero(pixels[..., c] > 200)).mean(axis=1) for c in range(3)]
    (red_y, red_x), (green_y, green_x), (blue_y, blue_x) = places
    assert red_x > 100
    assert green_x == pytest.approx(89.5, abs=1) == blue_x
    assert green_y < red_y < blue_y


def test_background_is_exact_where_no_splat_is() -> None:
    with offscreen_renderer(AVATAR, SIZE, (0.2, 0.4, 0.6)) as renderer:
        renderer.draw(make_pose(), VIEW)
        pixels = renderer.read_pixels()
    assert pixels.shape == (320, 180, 3)
    assert pixels[0, 0].tolist() == [51, 102, 153]
    assert (pixels[160, 90] != [51, 102, 153]).any()


def test_frames_do_not_depend_on_what_was_drawn_before() -> None:
    """More frames than buffers in the ring, then the first pose again: the same pixels."""
    with offscreen_renderer(AVATAR, SIZE) as renderer:
        renderer.draw(make_pose(jaw=0.5), VIEW)
        first = renderer.read_pixels()
        for step in range(7):
            renderer.draw(make_pose(head=0.2 * step), VIEW)
        renderer.draw(make_pose(jaw=0.5), VIEW)
        assert np.array_equal(renderer.read_pixels(), first)


def test_splats_behind_the_camera_are_not_drawn() -> None:
    behind = replace(AVATAR, positions=AVATAR.positions + np.float32([0, 0, 3]))
    with offscreen_renderer(behind, SIZE) as renderer:
        renderer.draw(make_pose(), VIEW)
        assert (renderer.read_pixels() == 255).all()


def test_too_faint_splats_are_never_sent() -> None:
    colors = AVATAR.colors.copy()
    colors[::2, 3] = 0.003
    with offscreen_renderer(replace(AVATAR, colors=colors), SIZE) as renderer:
        assert renderer.splats == AVATAR.splats // 2
        assert renderer.upload_bytes <= 4 * renderer.splats + 4096


def test_an_avatar_without_a_visible_splat_leaves_the_background() -> None:
    colors = AVATAR.colors * np.float32([1, 1, 1, 0])
    with offscreen_renderer(replace(AVATAR, colors=colors), SIZE) as renderer:
        renderer.draw(make_pose(), VIEW)
        assert (renderer.read_pixels() == 255).all()


def test_an_avatar_without_blendshapes_can_be_drawn() -> None:
    stiff = replace(AVATAR, blendshapes=(), deltas=np.zeros((0, 0, 3), np.float32))
    pose = replace(make_pose(), weights=np.zeros(0, np.float32))
    with offscreen_renderer(stiff, SIZE) as renderer:
        renderer.draw(pose, VIEW)
        stiff_pixels = renderer.read_pixels()
    with offscreen_renderer(AVATAR, SIZE) as renderer:
        renderer.draw(make_pose(), VIEW)
        assert np.array_equal(renderer.read_pixels(), stiff_pixels)


def test_fence_is_signalled_when_the_frame_is_done() -> None:
    with offscreen_renderer(AVATAR, SIZE) as renderer:
        renderer.wait(0.0)  # nothing drawn, nothing to wait for
        fence = renderer.draw(make_pose(), VIEW)
        renderer.wait(5.0)
        assert fence.signalled()


def test_a_window_that_changes_size_is_followed() -> None:
    with open_display("offscreen", SIZE), Renderer(AVATAR, SIZE) as renderer:
        smaller = (90, 160)
        renderer.resize(smaller)
        renderer.draw(make_pose(), camera.bust(AVATAR.framing, smaller))
        assert renderer.read_pixels().shape == (160, 90, 3)
        with pytest.raises(RenderError, match="180x320 pixels does not fit a picture of 90x160"):
            renderer.draw(make_pose(), VIEW)


@pytest.mark.parametrize(
    "pose",
    [
        replace(make_pose(), weights=np.zeros(3, np.float32)),
        replace(make_pose(), matrices=np.zeros((2, 4, 4), np.float32)),
    ],
)
def test_a_pose_of_another_avatar_is_refused(pose) -> None:
    with (
        offscreen_renderer(AVATAR, SIZE) as renderer,
        pytest.raises(RenderError, match="does not fit an avatar of 2 and 3"),
    ):
        renderer.draw(pose, VIEW)


def test_drawing_raises_no_gl_error_and_says_who_draws() -> None:
    with offscreen_renderer(AVATAR, SIZE) as renderer:
        for _ in range(4):
            renderer.draw(make_pose(jaw=1.0), VIEW)
        gl.check("drawing")
        assert renderer.gl_strings["version"].startswith("OpenGL ES 3")
        assert renderer.gl_strings["renderer"]


def test_a_shader_that_the_driver_refuses_is_named(tmp_path, monkeypatch) -> None:
    for name in ("projection.vert", "projection.frag", "splat.vert", "splat.frag"):
        (tmp_path / name).write_text("#version 300 es\nthis is no shader\n")
    monkeypatch.setattr("splat_gles.gl.program.SHADERS", tmp_path)
    with (
        open_display("offscreen", SIZE),
        pytest.raises(RenderError, match=r"cannot compile shaders/projection.vert: (?s:.*)update"),
    ):
        Renderer(AVATAR, SIZE)


def test_a_gl_error_is_reported_with_what_was_being_done() -> None:
    with open_display("offscreen", SIZE):
        gl.glEnable(0xFFFF)
        with pytest.raises(RenderError, match="GL_INVALID_ENUM while testing"):
            gl.check("testing")
        gl.check("testing: an error is reported once")


def test_an_unknown_function_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"OpenGL ES 3.0 has no glBegin"):
        _ = gl.glBegin
