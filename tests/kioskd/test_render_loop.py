# SPDX-License-Identifier: Apache-2.0
"""The render loop with a real renderer: slowed down, blanked, frozen, broken, and healed.

Time is the test's own: it passes where the loop waits, where a screen is flipped, and where a
story says that drawing takes long. What this machine's rasteriser takes does not count.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from kiosk_process import write_small_avatar
from loop_performance import OwnTime, Performance

from kioskd.health.checks import RenderLoopCheck
from kioskd.screen.stage import Stage
from splat_gles.avatar import Avatar
from splat_gles.bundle import read_bundle
from splat_gles.errors import RenderError
from splat_gles.gl.api import gl
from splat_gles.gl.buffers import Fence
from splat_gles.renderer import Renderer
from splat_gles.rig import Rig

SIZE = (135, 240)
Draw = Callable[..., Fence]


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> Avatar:
    ball = read_bundle(write_small_avatar(tmp_path_factory.mktemp("ball") / "ball.avatar"))
    return replace(ball, skin_joints=np.ones_like(ball.skin_joints))


def test_a_renderer_made_slow_is_given_less_and_gets_it_back(
    avatar: Avatar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """60 ms of pixels at full resolution and 4 ms besides, where a frame has 33 ms."""
    draw = Renderer.draw
    time = OwnTime()
    slow = True

    def slowed(self: Renderer, *arguments: object) -> Fence:
        fence = cast(Draw, draw)(self, *arguments)
        if slow:
            time.now += 0.004 + 0.060 * self.quality.scale**2
        return fence

    monkeypatch.setattr(Renderer, "draw", slowed)
    with Stage(avatar, "offscreen", SIZE, (1, 1, 1)) as stage:
        play = Performance(stage, time)
        took = play.run(lambda seen: seen.quality is not None and seen.quality.index > 0, 5.0)
        assert took < 1.5
        assert play.metric("kiosk_render_scale") < 1.0
        missed = play.loop.snapshot.missed
        assert missed > 0
        assert play.metric("kiosk_missed_frames_total") == missed
        settled = play.loop.snapshot.frames + 45
        play.run(lambda seen: seen.frames >= settled, 5.0)
        state = play.loop.snapshot.quality
        assert state is not None
        assert state.load < 1.0, state
        assert stage.renderer.quality.scale == state.step.scale
        finding = RenderLoopCheck(lambda: play.loop.snapshot).run(play.time.now)
        assert f"at {state.step.scale:g} of the resolution (overload)" in finding.observed
        slow = False
        play.run(lambda seen: seen.quality is not None and seen.quality.index == 0, 40.0)
        assert play.metric("kiosk_render_scale") == 1.0
        assert play.metric("kiosk_screen_reopened_total") == 0, "slow is neither blank nor still"


class BrokenStage(Stage):
    """Whose first `broken` renderers do not draw as they should; counts what was opened."""

    broken = 1
    opened = 0

    def spoil(self, renderer: Renderer) -> None:
        raise NotImplementedError

    def _make(self, driver: str, size: tuple[int, int] | None) -> None:
        super()._make(driver, size)
        self.opened += 1
        if self.opened <= self.broken:
            self.spoil(self.renderer)


class BlackStage(BrokenStage):
    def spoil(self, renderer: Renderer) -> None:
        draw = renderer.draw

        def black(*arguments: object) -> Fence:
            fence = cast(Draw, draw)(*arguments)
            gl.glClearColor(0.0, 0.0, 0.0, 1.0)
            gl.glClear(gl.GL_COLOR_BUFFER_BIT)
            return fence

        renderer.draw = black  # type: ignore[assignment]


class FrozenStage(BrokenStage):
    def spoil(self, renderer: Renderer) -> None:
        draw = renderer.draw
        first: list[object] = []

        def frozen(*arguments: object) -> Fence:
            first[:] = first or arguments
            return cast(Draw, draw)(*first)

        renderer.draw = frozen  # type: ignore[assignment]


class LostStage(BrokenStage):
    """A context that reports errors from then on."""

    def spoil(self, renderer: Renderer) -> None:
        draw = renderer.draw

        def failing(*arguments: object) -> Fence:
            fence = cast(Draw, draw)(*arguments)
            gl.glEnable(0x1234)
            return fence

        renderer.draw = failing  # type: ignore[assignment]


@pytest.mark.parametrize("kind", [BlackStage, FrozenStage, LostStage])
def test_a_picture_that_is_none_is_healed_by_a_new_context(
    kind: type[BrokenStage], avatar: Avatar
) -> None:
    with kind(avatar, "offscreen", SIZE, (1, 1, 1)) as stage:
        play = Performance(stage)
        play.run(lambda _seen: stage.opened == 2, 8.0)
        frames = play.loop.snapshot.frames
        play.run(lambda seen: seen.frames > frames + 75, 8.0)
        assert stage.opened == 2, "it stays healed"
        assert play.loop.snapshot.trouble is None
        assert play.metric("kiosk_screen_reopened_total") == 1
        assert stage.renderer.quality.scale == 1.0
        assert len(np.unique(stage.renderer.read_pixels())) > 10


def test_at_the_second_time_it_draws_less(avatar: Avatar) -> None:
    BlackStage.broken = 2
    try:
        with BlackStage(avatar, "offscreen", SIZE, (1, 1, 1)) as stage:
            play = Performance(stage)
            play.run(lambda _seen: stage.opened == 3, 10.0)
            frames = play.loop.snapshot.frames
            play.run(lambda seen: seen.frames > frames + 75, 8.0)
            assert play.loop.snapshot.trouble is None
            assert stage.renderer.quality.scale == 0.5
            assert play.loop.snapshot.quality is not None
            assert play.loop.snapshot.quality.reason == "limit"
    finally:
        BlackStage.broken = 1


def test_what_cannot_be_healed_is_told_and_drawing_goes_on(avatar: Avatar) -> None:
    BlackStage.broken = 99
    try:
        with BlackStage(avatar, "offscreen", SIZE, (1, 1, 1)) as stage:
            play = Performance(stage)
            play.run(lambda seen: seen.trouble is not None, 12.0)
            frames = play.loop.snapshot.frames
            play.run(lambda seen: seen.frames > frames + 60, 8.0)
            assert stage.opened == 3, "two attempts, no flashing without end"
            finding = RenderLoopCheck(lambda: play.loop.snapshot).run(play.time.now)
            assert [reason.code for reason in finding.reasons] == ["screen_blank"]
    finally:
        BlackStage.broken = 1


def test_errors_without_end_end_the_loop(avatar: Avatar) -> None:
    LostStage.broken = 99
    try:
        with LostStage(avatar, "offscreen", SIZE, (1, 1, 1)) as stage:
            play = Performance(stage)
            with pytest.raises(RenderError, match="GL_INVALID_ENUM"):
                play.run(lambda _seen: False, 12.0)
            assert stage.opened == 3
    finally:
        LostStage.broken = 1


def test_a_face_at_rest_is_not_taken_for_a_still_picture(avatar: Avatar) -> None:
    with Stage(avatar, "offscreen", SIZE, (1, 1, 1)) as stage:
        play = Performance(stage)
        rest = Rig(avatar).neutral()
        play.player.tick = lambda _now, _latency_s: rest  # type: ignore[method-assign]
        play.run(lambda seen: seen.frames > 150, 12.0)
        assert play.loop.snapshot.trouble is None
        assert play.metric("kiosk_screen_reopened_total") == 0


def test_the_picture_is_looked_at_rarely(avatar: Avatar, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a second, never every frame."""
    time, reads = OwnTime(), list[float]()
    read = gl.glReadPixels
    monkeypatch.setitem(
        vars(gl), "glReadPixels", lambda *all_: (reads.append(time.now), read(*all_))[1]
    )
    with Stage(avatar, "offscreen", SIZE, (1, 1, 1)) as stage:
        play = Performance(stage, time)
        play.run(lambda seen: seen.frames > 100, 12.0)
    moments = sorted(set(reads))
    assert len(moments) == 4, "from the first of 100 frames at 30 a second on"
    assert min(np.diff(moments)) >= 1.0


class ScreenStage(Stage):
    """A screen of 60 Hz as SDL's KMS driver treats it: flip waits for the vertical blank."""

    def _make(self, driver: str, size: tuple[int, int] | None) -> None:
        super()._make(driver, size)
        display = self.display
        display.driver, display.vsync, display.refresh_rate = "kmsdrm", True, 60.0
        self.time = OwnTime()
        self.flips: list[float] = []

        def flip() -> None:
            self.time.now = (math.floor(60 * self.time.now + 1e-6) + 1) / 60
            self.flips.append(self.time.now)

        display.flip = flip  # type: ignore[method-assign]


def test_at_a_screen_some_frames_are_measured_alone_and_the_rate_is_halved_last(
    avatar: Avatar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """25 ms a frame at any resolution: too much for 60 Hz, well within 30."""
    draw = Renderer.draw

    def slowed(self: Renderer, *arguments: object) -> Fence:
        fence = cast(Draw, draw)(self, *arguments)
        stage.time.now += 0.025
        return fence

    with ScreenStage(avatar, "offscreen", SIZE, (1, 1, 1)) as stage:
        monkeypatch.setattr(Renderer, "draw", slowed)
        play = Performance(stage, stage.time)
        play.run(lambda seen: seen.quality is not None and seen.quality.step.divisor == 2, 6.0)
        measured = play.metric("kiosk_frame_cost_seconds_count")
        assert 0 < measured <= play.loop.snapshot.frames / 8 + 1, "one frame in eight"
        assert play.metric("kiosk_render_divisor") == 2
        stage.flips.clear()
        frames = play.loop.snapshot.frames
        play.run(lambda seen: seen.frames > frames + 60, 8.0)
        gaps = np.diff(stage.flips[5:])
        assert np.median(gaps) == pytest.approx(2 / 60), "every other refresh"


def test_the_gpus_own_clock_measures_every_frame_where_it_is_of_use(
    avatar: Avatar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """llvmpipe's clock is not, but it ticks; the loop asks it when told that it may."""
    with ScreenStage(avatar, "offscreen", SIZE, (1, 1, 1)) as stage:
        if "GL_EXT_disjoint_timer_query" not in gl.string(gl.GL_EXTENSIONS):
            pytest.skip("this driver has no GL_EXT_disjoint_timer_query")
        monkeypatch.setattr("kioskd.screen.frame_cost.frame_timer.available", lambda: True)
        play = Performance(stage, stage.time)
        play.run(lambda seen: seen.frames >= 60, 8.0)
        measured = play.metric("kiosk_frame_cost_seconds_count")
        assert measured > 0.5 * play.loop.snapshot.frames, "not one frame in eight"


def test_no_more_than_one_frame_waits_for_the_gpu(
    avatar: Avatar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU that is done only when somebody waits for it: the queue may not grow."""
    draw, signalled = Renderer.draw, Fence.signalled
    in_flight: list[int] = []
    monkeypatch.setattr(
        Fence, "signalled", lambda self, timeout_s=0.0: timeout_s > 0 and signalled(self, timeout_s)
    )
    with ScreenStage(avatar, "offscreen", SIZE, (1, 1, 1)) as stage:
        play = Performance(stage, stage.time)

        def counted(self: Renderer, *arguments: object) -> Fence:
            in_flight.append(len(in_flight) - play.player.shown)
            return cast(Draw, draw)(self, *arguments)

        monkeypatch.setattr(Renderer, "draw", counted)
        play.run(lambda seen: seen.frames >= 30, 8.0)
    assert max(in_flight) == 1


def test_heat_that_the_checks_hear_of_lowers_the_resolution(avatar: Avatar) -> None:
    with Stage(avatar, "offscreen", SIZE, (1, 1, 1)) as stage:
        play = Performance(stage)
        play.run(lambda seen: seen.frames >= 5, 5.0)
        before = play.metric("kiosk_render_scale")
        play.loop.quality.heard_temperature(90.0)
        play.run(lambda seen: seen.quality is not None and seen.quality.reason == "heat", 5.0)
        assert play.metric("kiosk_render_scale") < before
