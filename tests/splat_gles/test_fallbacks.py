# SPDX-License-Identifier: Apache-2.0
"""Drivers that lack or spoil something: the picture is the same, or nearly, one rung lower.

The driver is this machine's own; what it is to lack is taken from it on the way (refusing_gl), or
by Mesa itself where it can.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from refusing_gl import (
    limit_instances,
    lower_limits,
    pretend_renderer,
    refuse_formats,
    spoil_shaders,
)
from small_avatar import make_pose, make_small_avatar

from splat_gles import camera
from splat_gles.display import open_display
from splat_gles.errors import DisplayError, RenderError
from splat_gles.gl import frame_timer, quad_trial
from splat_gles.gl.api import gl
from splat_gles.quality import RenderQuality
from splat_gles.renderer import Renderer

SIZE = (180, 320)
AVATAR = make_small_avatar()
VIEW = camera.bust(AVATAR.framing, SIZE)
HALF = RenderQuality(0.5)


@pytest.fixture(autouse=True)
def _context() -> Iterator[None]:
    with open_display("offscreen", SIZE):
        yield


def picture(quality: RenderQuality | None = None) -> np.ndarray:
    with Renderer(AVATAR, SIZE, (0.2, 0.4, 0.6), quality, tuning="gpu") as renderer:
        renderer.draw(make_pose(jaw=0.5), VIEW)
        return renderer.read_pixels().astype(int)


def codes(log: pytest.LogCaptureFixture) -> list[str]:
    return [code for record in log.records if (code := getattr(record, "code", ""))]


def test_a_driver_that_does_all_right_keeps_the_fast_way(caplog: pytest.LogCaptureFixture) -> None:
    picture(HALF)
    assert codes(caplog) == []


def test_without_ten_bits_the_buffer_has_eight(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pretend_renderer(monkeypatch)
    finer = picture(HALF)
    refuse_formats(monkeypatch, [gl.GL_RGB10_A2])
    coarser = picture(HALF)
    assert codes(caplog) == ["coarser_buffer"]
    assert np.abs(finer - coarser).max() <= 8


def test_without_any_buffer_full_resolution_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = picture()
    refuse_formats(monkeypatch, [gl.GL_RGB10_A2, gl.GL_RGBA8])
    assert (picture() == plain).all()
    with Renderer(AVATAR, SIZE) as renderer:
        with pytest.raises(RenderError, match="fast mode at full resolution"):
            renderer.set_quality(HALF)
        assert renderer.quality.direct
        renderer.draw(make_pose(), VIEW)


def test_a_screen_larger_than_the_largest_buffer_is_drawn_smaller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A 4K screen at a GPU whose buffers end at 2048: here 320 and 240."""
    lower_limits(monkeypatch, {gl.GL_MAX_VIEWPORT_DIMS: 240})
    with Renderer(AVATAR, SIZE, tuning="gpu") as renderer:
        renderer.set_quality(RenderQuality(0.9))
        assert renderer.quality.scale == 0.75
        renderer.draw(make_pose(), VIEW)
        small = renderer.read_pixels().astype(int)
        renderer.set_quality(RenderQuality())
        renderer.draw(make_pose(), VIEW)
        whole = renderer.read_pixels().astype(int)
    assert np.abs(small - whole).mean() < 2, "enlarged to the whole screen"


@pytest.mark.parametrize("limit", ["GL_MAX_TEXTURE_SIZE", "GL_MAX_ARRAY_TEXTURE_LAYERS"])
def test_an_avatar_over_a_limit_is_refused_with_the_limit(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lower_limits(monkeypatch, {getattr(gl, limit): 1})
    with pytest.raises(RenderError, match=r"more than this GPU's textures hold \(.* over 1\)"):
        picture()


def test_instances_beyond_a_limit_are_drawn_in_batches(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = picture()
    monkeypatch.setattr(quad_trial, "BATCHES", (100, 64, 16))
    asked = limit_instances(monkeypatch, 64)
    batched = picture()
    assert codes(caplog) == ["quads_drawn"]
    assert max(asked[-3:]) <= 64
    assert (batched == whole).all()


def test_sixteen_bit_fragments_that_are_wrong_are_drawn_in_thirty_two(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    right = picture()

    def cut_off(source: str) -> str:
        if "#define PRECISION mediump" not in source:
            return source
        return source.replace("dot(corner, corner)", "floor(4.0 * dot(corner, corner)) / 4.0")

    given = spoil_shaders(monkeypatch, cut_off)
    assert np.abs(picture() - right).max() <= 3
    assert codes(caplog) == ["quads_drawn"]
    assert any("#define PRECISION mediump" in each for each in given), "it was tried"


def test_an_exp2_that_does_not_compile_gives_way_to_a_cubic(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    right = picture()
    spoil_shaders(monkeypatch, lambda source: source.replace("exp2(-x)", "nonsense(-x)"))
    assert np.abs(picture() - right).max() <= 3
    assert codes(caplog) == ["quads_drawn"]


def test_a_driver_that_draws_everything_wrongly_is_told_and_draws_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spoil_shaders(monkeypatch, lambda source: source.replace("min(0.99,", "min(0.5,"))
    assert len(np.unique(picture())) > 10
    assert codes(caplog) == ["quads_wrong"]


def test_a_compiler_that_fails_at_enlarging_leaves_full_resolution(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plain = picture()
    spoil_shaders(monkeypatch, lambda source: "nonsense" if "sampler2D drawn" in source else source)
    assert (picture() == plain).all()
    assert codes(caplog) == ["full_resolution_only"]
    with pytest.raises(RenderError, match="full resolution in the fast mode only"):
        picture(HALF)


def test_a_compiler_that_fails_at_all_is_an_error_with_its_own_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoil_shaders(monkeypatch, lambda _source: "nonsense")
    with pytest.raises(
        RenderError, match=r"cannot compile shaders/projection\.vert: .*syntax error"
    ):
        picture()


def test_without_a_timer_query_nothing_asks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_renderer(monkeypatch)
    assert frame_timer.available()
    real = gl.string
    monkeypatch.setattr(
        gl, "string", lambda what: "GL_OES_none" if what == gl.GL_EXTENSIONS else real(what)
    )
    assert not frame_timer.available()


def test_gles_2_only_is_refused_with_what_it_is() -> None:
    """Mesa itself takes the rest away."""
    code = (
        "from splat_gles.display import open_display\n"
        "from splat_gles.errors import DisplayError\n"
        "try:\n    open_display('offscreen')\n"
        "except DisplayError as error:\n    print('refused:', error)\n"
    )
    environment = os.environ | {"MESA_GLES_VERSION_OVERRIDE": "2.0"}
    told = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.startswith("refused: cannot draw with offscreen"), told
    assert DisplayError.__name__
