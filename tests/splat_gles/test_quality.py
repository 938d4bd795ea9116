# SPDX-License-Identifier: Apache-2.0
"""The quality changes between frames: what it does to the picture, and what a frame then costs."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from small_avatar import make_pose, make_small_avatar

from splat_gles import camera
from splat_gles.errors import RenderError
from splat_gles.gl.api import gl
from splat_gles.offscreen import offscreen_renderer
from splat_gles.quality import SCALES, RenderQuality
from splat_gles.reference import masked_psnr, rasterise
from splat_gles.scene import pose_scene

SIZE = (270, 480)
AVATAR = make_small_avatar()
VIEW = camera.bust(AVATAR.framing, SIZE)
POSE = make_pose(jaw=0.6, head=0.3)
GREY = (0.2, 0.4, 0.6)
QUALITIES = [RenderQuality(scale, mode) for scale in SCALES for mode in ("fast", "quality")]


@pytest.fixture(scope="module")
def reference():
    return rasterise(pose_scene(AVATAR, POSE, VIEW, GREY))


@pytest.mark.parametrize(
    ("quality", "least"),
    [
        (RenderQuality(), 45),
        (RenderQuality(1.0, "quality"), 50),
        (RenderQuality(0.85), 43),
        (RenderQuality(0.75), 41),
        (RenderQuality(0.67), 39),
        (RenderQuality(0.5), 35),
    ],
    ids=str,
)
def test_coarser_is_worse_but_never_wrong(reference, quality, least) -> None:
    with offscreen_renderer(AVATAR, SIZE, GREY) as renderer:
        renderer.set_quality(quality)
        renderer.draw(POSE, VIEW)
        pixels = renderer.read_pixels()
    assert masked_psnr(pixels, reference) >= least
    far = reference.layers == 0
    for axis in (0, 1):
        far = np.all([np.roll(far, shift, axis) for shift in range(-6, 7)], axis=0)
    assert far.mean() > 0.3
    assert (pixels[far] == [51, 102, 153]).all(), "the background stays exact"


def test_quality_can_change_with_every_frame() -> None:
    """Back at the first quality the pixels are the first ones, whatever was between."""
    with offscreen_renderer(AVATAR, SIZE) as renderer:
        first = {}
        for number in range(3 * len(QUALITIES)):
            quality = QUALITIES[(7 * number) % len(QUALITIES)]
            renderer.set_quality(quality)
            renderer.draw(POSE, VIEW)
            pixels = renderer.read_pixels()
            assert np.array_equal(first.setdefault(quality, pixels), pixels)
        gl.check("changing the quality")
        assert len({picture.tobytes() for picture in first.values()}) > len(SCALES)


def test_quality_survives_another_size() -> None:
    smaller = (135, 240)
    with offscreen_renderer(AVATAR, smaller) as renderer:
        renderer.set_quality(RenderQuality(0.75))
        renderer.draw(POSE, camera.bust(AVATAR.framing, smaller))
        expected = renderer.read_pixels()
    with offscreen_renderer(AVATAR, SIZE) as renderer:
        renderer.set_quality(RenderQuality(0.75))
        renderer.draw(POSE, VIEW)
        renderer.resize(smaller)
        renderer.draw(POSE, camera.bust(AVATAR.framing, smaller))
        assert np.array_equal(renderer.read_pixels(), expected)


def test_an_avatar_out_of_sight_leaves_the_background() -> None:
    """Also where the part of the screen to enlarge is empty, or the camera inside of the head."""
    away, inside = np.eye(4), np.eye(4)
    away[:3, 3], inside[:3, 3] = [5.0, -1.6, -1.0], [0.0, -1.6, 0.0]
    with offscreen_renderer(AVATAR, SIZE, GREY) as renderer:
        renderer.set_quality(RenderQuality(0.5))
        renderer.draw(POSE, camera.Camera(away, 500.0, SIZE))
        assert (renderer.read_pixels() == [51, 102, 153]).all()
        renderer.draw(POSE, camera.Camera(inside, 500.0, SIZE))
        gl.check("drawing from inside of the head")


@pytest.mark.parametrize("quality", QUALITIES, ids=str)
def test_a_frame_is_thirty_calls_and_four_bytes_a_splat(monkeypatch, quality) -> None:
    """Counted at the functions themselves, over more frames than there are buffers in the ring."""
    calls: Counter[str] = Counter()
    uploaded = 0

    def counted(name, function):
        def call(*arguments):
            nonlocal uploaded
            calls[name] += 1
            if name == "glBufferSubData":
                uploaded += arguments[2]
            assert not name.startswith(("glTex", "glUniform", "glMap"))
            assert name not in ("glBufferData", "glFinish", "glReadPixels")
            return function(*arguments)

        return call

    with offscreen_renderer(AVATAR, SIZE) as renderer:
        renderer.set_quality(quality)
        for _ in range(4):
            renderer.draw(POSE, VIEW)
        bound = {name: value for name, value in vars(gl).items() if name.startswith("gl")}
        for name, function in bound.items():
            monkeypatch.setitem(vars(gl), name, counted(name, function))
        frames = 6
        for _ in range(frames):
            renderer.draw(POSE, VIEW)
        monkeypatch.undo()
        assert calls["glDrawArraysInstanced"] == frames
        assert calls.total() <= 30 * frames, calls
        assert calls["glBufferSubData"] == frames, "one upload a frame"
        assert uploaded == frames * renderer.upload_bytes
        assert renderer.upload_bytes <= 4 * renderer.splats + 4096


def test_three_buffers_take_turns_and_none_is_written_while_it_is_read(monkeypatch) -> None:
    """Before a buffer is filled again, the fence of the frame that used it last is waited for."""
    log = []

    def logged(name, function):
        def call(*arguments):
            result = function(*arguments)
            log.append((name, arguments, result))
            return result

        return call

    with offscreen_renderer(AVATAR, SIZE) as renderer:
        for _ in range(4):
            renderer.draw(POSE, VIEW)
        for name in ("glFenceSync", "glClientWaitSync", "glBindBufferBase", "glBufferSubData"):
            monkeypatch.setitem(vars(gl), name, logged(name, getattr(gl, name)))
        for _ in range(7):
            renderer.draw(POSE, VIEW)
        monkeypatch.undo()
    buffers = [
        asked[2]
        for name, asked, _ in log
        if name == "glBindBufferBase" and asked[0] == gl.GL_UNIFORM_BUFFER
    ]
    assert len(set(buffers[:3])) == 3
    assert buffers[3:] == buffers[:4]
    fences = [result for name, _, result in log if name == "glFenceSync"]
    waits: list[int] = []
    writes = 0
    for name, asked, _ in log:
        if name == "glClientWaitSync":
            waits.append(asked[0])
        elif name == "glBufferSubData":
            if writes >= 3:
                assert waits == [fences[writes - 3]], f"frame {writes}"
            waits.clear()
            writes += 1
    assert writes == 7


@pytest.mark.parametrize(
    ("scale", "mode", "message"),
    [
        (1.1, "fast", "a scale of 1.1; it must be 0.25 to 1"),
        (0.2, "fast", "a scale of 0.2"),
        (float("nan"), "fast", "a scale of nan"),
        (1.0, "best", "no mode 'best'; take fast or quality"),
    ],
)
def test_a_quality_that_does_not_exist_is_refused(scale, mode, message) -> None:
    with pytest.raises(ValueError, match=message):
        RenderQuality(scale, mode)


def test_a_driver_without_the_buffer_is_reported_and_the_quality_stays(monkeypatch) -> None:
    with offscreen_renderer(AVATAR, SIZE) as renderer:
        monkeypatch.setitem(vars(gl), "glCheckFramebufferStatus", lambda _: 0x8CDD)
        with pytest.raises(RenderError, match=r"status 0x8cdd\); draw in the fast mode"):
            renderer.set_quality(RenderQuality(0.5))
        monkeypatch.undo()
        assert renderer.quality == RenderQuality()
        renderer.draw(POSE, VIEW)
        renderer.read_pixels()
