# SPDX-License-Identifier: Apache-2.0
"""What may be learnt of a frame without waiting for it: the GPU's time, and a few rows."""

from __future__ import annotations

import numpy as np
import pytest
from small_avatar import make_pose, make_small_avatar

from splat_gles import camera as cameras
from splat_gles.errors import RenderError
from splat_gles.gl import frame_timer
from splat_gles.gl.api import gl
from splat_gles.gl.frame_timer import FrameTimer
from splat_gles.gl.pixel_rows import ROWS, PixelRows
from splat_gles.offscreen import offscreen_renderer

SIZE = (270, 480)


def test_rows_are_those_of_the_picture() -> None:
    avatar = make_small_avatar()
    camera = cameras.bust(avatar.framing, SIZE)
    with offscreen_renderer(avatar, SIZE) as renderer:
        rows = PixelRows(SIZE)
        for jaw in (0.0, 1.0):
            fence = renderer.draw(make_pose(jaw=jaw), camera)
            rows.request()
            picture = renderer.read_pixels()
            assert fence.signalled(5.0)
            taken = rows.take()
            assert taken.shape == (ROWS, SIZE[0], 3)
            places = [480 - 1 - (120 + 480 * row // 16) for row in range(ROWS)]
            np.testing.assert_array_equal(taken, picture[places])
            assert len(np.unique(taken.reshape(-1, 3), axis=0)) > 50, "the avatar is in them"
        rows.delete()
        gl.check("the test")


def test_an_error_of_opengl_comes_to_light() -> None:
    avatar = make_small_avatar()
    with offscreen_renderer(avatar, SIZE) as renderer:
        rows = PixelRows(SIZE)
        renderer.draw(make_pose(), cameras.bust(avatar.framing, SIZE))
        rows.request()
        gl.glEnable(0x1234)
        with pytest.raises(RenderError, match="GL_INVALID_ENUM while looking at the picture"):
            rows.take()
        rows.request()
        rows.take()


def test_the_gpus_own_clock_gives_a_figure_for_each_frame() -> None:
    """The mechanism on this machine's driver; llvmpipe's figures themselves are of no use."""
    avatar = make_small_avatar()
    with offscreen_renderer(avatar, SIZE) as renderer:
        if "GL_EXT_disjoint_timer_query" not in gl.string(gl.GL_EXTENSIONS):
            pytest.skip("this driver has no GL_EXT_disjoint_timer_query")
        camera = cameras.bust(avatar.framing, SIZE)
        timer = FrameTimer()
        seconds: list[float] = []
        for _ in range(8):
            timer.begin()
            renderer.draw(make_pose(), camera)
            timer.end()
            gl.glFinish()
            seconds += [value] if (value := timer.take()) is not None else []
        timer.delete()
        gl.check("the test")
        assert len(seconds) >= 6, "all but a context's first one"
        assert all(0 < each < 4 for each in seconds)


def test_more_frames_than_queries_are_simply_not_measured() -> None:
    avatar = make_small_avatar()
    with offscreen_renderer(avatar, SIZE) as renderer:
        if "GL_EXT_disjoint_timer_query" not in gl.string(gl.GL_EXTENSIONS):
            pytest.skip("this driver has no GL_EXT_disjoint_timer_query")
        timer = FrameTimer()
        assert timer.take() is None
        for _ in range(10):
            timer.begin()
            renderer.draw(make_pose(), cameras.bust(avatar.framing, SIZE))
            timer.end()
        gl.glFinish()
        results = 0
        while timer.take() is not None:
            results += 1
        assert 1 <= results <= 4
        gl.check("the test")


def test_a_driver_whose_clock_is_of_no_use_is_not_asked() -> None:
    with offscreen_renderer(make_small_avatar(), SIZE) as renderer:
        if "llvmpipe" in renderer.gl_strings["renderer"]:
            assert not frame_timer.available()
