# SPDX-License-Identifier: Apache-2.0
"""A kiosk whose graphics refuse, rung by rung: something is on the screen, and health says what.

Drivers fail by way of refusing_gl; what they leave alone is this machine's own. Time is the
test's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from kiosk_process import write_small_avatar
from loop_performance import Performance
from refusing_gl import refuse_formats
from test_render_loop import ScreenStage

from splat_gles.avatar import Avatar
from splat_gles.bundle import read_bundle
from splat_gles.gl.api import gl
from splat_gles.gl.buffers import Fence
from splat_gles.gl.frame_timer import FrameTimer
from splat_gles.renderer import Renderer

SIZE = (135, 240)


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> Avatar:
    return read_bundle(write_small_avatar(tmp_path_factory.mktemp("ball") / "ball.avatar"))


def test_a_clock_of_the_gpu_that_never_answers_is_given_up(
    avatar: Avatar, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("kioskd.screen.frame_cost.frame_timer.available", lambda: True)
    monkeypatch.setattr(FrameTimer, "take", lambda _self: None)
    with ScreenStage(avatar, "offscreen", SIZE, (1, 1, 1)) as stage:
        play = Performance(stage, stage.time)
        play.run(lambda seen: seen.frames >= 200, 8.0)
    assert play.metric("kiosk_frame_cost_seconds_count") > 5, "the governor is not blind"
    assert [r.__dict__.get("code") for r in caplog.records].count("gpu_clock_silent") == 1


def test_a_driver_without_any_buffer_is_slowed_and_not_ended(
    avatar: Avatar, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """25 ms a frame at 60 Hz: a lower resolution is wanted, cannot be had, and half the rate is."""
    refuse_formats(monkeypatch, [gl.GL_RGB10_A2, gl.GL_RGBA8])
    draw = Renderer.draw

    def slowed(self: Renderer, *arguments: object) -> Fence:
        fence = cast(Callable[..., Fence], draw)(self, *arguments)
        stage.time.now += 0.025
        return fence

    monkeypatch.setattr(Renderer, "draw", slowed)
    with ScreenStage(avatar, "offscreen", SIZE, (1, 1, 1)) as stage:
        play = Performance(stage, stage.time)
        play.run(lambda seen: seen.quality is not None and seen.quality.step.divisor == 2, 6.0)
        assert stage.renderer.quality.direct
        assert play.metric("kiosk_screen_reopened_total") == 0
    assert "resolution_kept" in [r.__dict__.get("code") for r in caplog.records]
