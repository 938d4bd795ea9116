# SPDX-License-Identifier: Apache-2.0
"""A kiosk whose graphics refuse, rung by rung: something is on the screen, and health says what.

Drivers fail by way of refusing_gl; what they leave alone is this machine's own. Time is the
test's.
"""

from __future__ import annotations

import asyncio
import errno
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from kiosk_process import GENEROUS_S, write_small_avatar
from loop_performance import Performance
from made_up.drm_tree import make_card, plug
from made_up.kms_card import KmsCard
from refusing_gl import refuse_formats, replace_call
from test_render_loop import ScreenStage
from test_screens import HDMI, Board, on_trial

from kioskd import patience
from kioskd.health.display_check import DisplayCheck
from kioskd.screen.marks import Mark, Marks
from kioskd.screen.opening_mark import OpeningMark
from kioskd.screen.stage import Stage
from kioskd.screen.still_picture import StillPicture
from kioskd.screen.still_screen import StillScreen
from splat_gles import kms_requests
from splat_gles.avatar import Avatar
from splat_gles.bundle import read_bundle
from splat_gles.gl.api import gl
from splat_gles.gl.buffers import Fence
from splat_gles.gl.frame_timer import FrameTimer
from splat_gles.kms_still import KmsStill, Paint
from splat_gles.renderer import Renderer
from splat_gles.rig import Rig

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

    with ScreenStage(avatar, "offscreen", SIZE, (1, 1, 1)) as stage:
        monkeypatch.setattr(Renderer, "draw", slowed)
        play = Performance(stage, stage.time)
        play.run(lambda seen: seen.quality is not None and seen.quality.step.divisor == 2, 6.0)
        assert stage.renderer.quality.direct
        assert play.metric("kiosk_screen_reopened_total") == 0
    assert "resolution_kept" in [r.__dict__.get("code") for r in caplog.records]


class Graphics:
    """A board whose screen is on, whose GL fails from the start or when drawing, and its KMS."""

    def __init__(self, tmp_path: Path, avatar: Avatar, picture: StillPicture) -> None:
        self.card = KmsCard(tmp_path / "dri", [(120, 200)])
        way = ("KMS", self._by_kms)
        self.board = Board(tmp_path / "sys", avatar, StillScreen(picture, (way,)))
        make_card(self.board.sys, 1, "rockchip-drm", HDMI_A_1="connected")

    def _by_kms(self, _card: object, paint: Paint) -> KmsStill:
        assert self.board.stage.dark, "SDL has left the card"
        return KmsStill(1, paint, self.card.devices, self.card.control)

    def seen(self) -> np.ndarray:
        return self.card.seen(100)


@pytest.fixture
def picture(avatar: Avatar, tmp_path: Path) -> StillPicture:
    return StillPicture(avatar, (0.2, 0.4, 0.6), 0.0, tmp_path)


@pytest.fixture
def graphics(
    tmp_path: Path, avatar: Avatar, picture: StillPicture, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Graphics]:
    monkeypatch.setattr("kioskd.screen.placement.obstacle", lambda _index: None)
    made = Graphics(tmp_path, avatar, picture)
    yield made
    made.board.stage.__exit__()


def wait_for(picture: StillPicture, made: int = 1) -> None:
    limit = time.monotonic() + GENEROUS_S
    while picture.made < made:
        assert time.monotonic() < limit
        time.sleep(0.01)


def is_the_avatar(pixels: np.ndarray) -> bool:
    return len(np.unique(pixels.reshape(-1, 3), axis=0)) > 10


def test_gl_that_refuses_leaves_a_still_picture_and_speech_goes_on(
    graphics: Graphics, picture: StillPicture
) -> None:
    board = graphics.board
    board.sdl.broken = True
    with board.stage:
        play = board.start()
        assert (graphics.seen() == (51, 102, 153)).all(), "the plain background at once"
        wait_for(picture)
        board.run(1.0)
        assert is_the_avatar(graphics.seen())
        assert play.player.asked == play.player.lost > 20, "speech begins and ends as ever"
        assert board.check() == ("fail", "screen_failed")
        check = DisplayCheck(lambda: board.stage.snapshot, lambda: "http://127.0.0.1:8080/")
        finding = check.run(board.time.now)
        assert finding.reasons[0].text.endswith("is to be seen at http://127.0.0.1:8080/")
        assert "a still picture by KMS 120×200" in finding.observed
        assert "kmsdrm not available" in finding.reasons[0].text
        assert on_trial(board), "an image on trial is still judged by its moving picture"


def test_the_still_picture_shows_the_open_microphone_as_well(
    graphics: Graphics, picture: StillPicture, avatar: Avatar
) -> None:
    shown: list[Mark] = []
    board = graphics.board
    board.sdl.broken = True
    assert board.stage.still is not None
    board.stage.still.marks = Marks(lambda: tuple(shown)).on
    with board.stage:
        board.start()
        wait_for(picture)
        board.run(1.0)
        before = graphics.seen()
        shown.append(Mark.MICROPHONE)
        board.run(1.0)
        changed = (graphics.seen() != before).any(axis=2)
        assert 100 < changed.sum() <= 256
        assert changed[:24, 90:].sum() == changed.sum(), "in the corner, and nothing else"
        shown.clear()
        board.run(1.0)
        np.testing.assert_array_equal(graphics.seen(), before)


def test_gl_is_tried_ever_more_seldom_and_taken_when_it_works(graphics: Graphics) -> None:
    board = graphics.board
    board.sdl.broken = True
    with board.stage:
        board.start()
        board.run(2000.0)
        # 4, 8, 16, ... 256 s, and then every 300
        assert 10 <= len(board.sdl.opened) <= 15
        board.sdl.broken = False
        board.run_until_on("kmsdrm", within_s=301.0)
        assert board.check() == ("pass",)
        assert board.stage.snapshot.still == ""
        assert not board.stage.dark


def test_another_screen_is_tried_at_once(graphics: Graphics) -> None:
    board = graphics.board
    board.sdl.broken = True
    with board.stage:
        board.start()
        board.run(200.0)
        board.sdl.broken = False
        plug(board.sys, HDMI, "connected", "1280x720")
        board.run_until_on("kmsdrm")


@pytest.mark.parametrize("kind", ["lost", "black"])
def test_a_context_that_fails_again_and_again_ends_in_a_still_picture_and_not_the_daemon(
    kind: str, graphics: Graphics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two rebuilds, the second at half the resolution; then the still picture, and rarer tries."""
    draw = Renderer.draw
    broken = True

    def failing(self: Renderer, *arguments: object) -> Fence:
        fence = cast(Callable[..., Fence], draw)(self, *arguments)
        if broken and kind == "lost":
            gl.glEnable(0x1234)
        elif broken:
            gl.glClear(gl.GL_COLOR_BUFFER_BIT)
        return fence

    monkeypatch.setattr(Renderer, "draw", failing)
    board = graphics.board
    with board.stage:
        play = board.start(10.0)
        board.run(30.0)
        assert play.metric("kiosk_screen_reopened_total") == 2
        assert play.metric("kiosk_screen_given_up_total") >= 1
        assert board.check() == ("fail", "screen_failed")
        opened = len(board.sdl.opened)
        board.run(600.0)
        assert len(board.sdl.opened) - opened < 20, "bounded"
        assert play.metric("kiosk_screen_reopened_total") <= 4
        broken = False
        board.run_until_on("kmsdrm", within_s=301.0)
        board.run(20.0)
        assert board.check() == ("pass",)


def test_the_console_shows_the_still_picture(graphics: Graphics, picture: StillPicture) -> None:
    board = graphics.board
    board.sdl.broken = True
    with board.stage:
        play = board.start()
        wait_for(picture)

        async def take() -> np.ndarray:
            taken = asyncio.ensure_future(play.pictures.take())
            await asyncio.sleep(0)
            board.run(1.0)
            return (await taken).pixels

        assert is_the_avatar(asyncio.run(take()))


def test_without_plain_kms_either_the_kiosk_waits_as_before(graphics: Graphics) -> None:
    graphics.card.refused[kms_requests.CREATE_DUMB] = errno.ENOSYS
    board = graphics.board
    board.sdl.broken = True
    with board.stage:
        board.start()
        board.run(20.0)
        assert board.check() == ("fail", "screen_failed")
        assert board.stage.snapshot.still == ""
        board.sdl.broken = False
        board.run_until_on("kmsdrm")


def test_the_still_picture_is_kept_and_a_damaged_one_is_made_anew(
    avatar: Avatar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = StillPicture(avatar, (1, 1, 1), 0.0, tmp_path)
    first.paint((120, 200))
    wait_for(first)
    drawn = first.paint((120, 200))
    (kept,) = tmp_path.glob("still-*")
    with monkeypatch.context() as patch:
        patch.setattr(StillPicture, "_draw", None)
        second = StillPicture(avatar, (1, 1, 1), 0.0, tmp_path)
        second.paint((120, 200))
        wait_for(second)
        assert (second.paint((120, 200)) == drawn).all()
    kept.write_bytes(kept.read_bytes()[:100])
    third = StillPicture(avatar, (1, 1, 1), 0.0, tmp_path)
    third.paint((120, 200))
    wait_for(third)
    assert (third.paint((120, 200)) == drawn).all()
    other = StillPicture(avatar, (0, 0, 0), 0.0, tmp_path)
    other.paint((120, 200))
    wait_for(other)
    assert len(list(tmp_path.glob("still-*"))) == 1, "the disk does not fill"


def test_a_large_screen_gets_it_enlarged(avatar: Avatar) -> None:
    picture = StillPicture(avatar, (1, 1, 1), 0.0, None)
    picture.paint((3840, 2160))
    wait_for(picture)
    pixels = picture.paint((3840, 2160))
    assert pixels.shape == (2160, 3840, 3)
    assert is_the_avatar(pixels)


def test_a_compiler_that_takes_long_is_waited_for_by_watchdog_and_start(
    avatar: Avatar, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It takes until the service manager has been told three times that somebody lives."""
    told: list[str] = []
    enough = threading.Event()

    def notify(message: str) -> None:
        told.append(message)
        if len(told) % 3 == 0:
            enough.set()

    def slow(real: Callable[[int], None], shader: int) -> None:
        if slowly:
            assert enough.wait(GENEROUS_S)
        real(shader)

    monkeypatch.setattr(patience, "EVERY_S", 0.01)
    monkeypatch.setattr(patience, "_SLOW_S", 0.0)
    monkeypatch.setattr(patience.daemon, "notify", notify)
    replace_call(monkeypatch, "glCompileShader", slow)
    slowly = True
    with Stage(avatar, "offscreen", SIZE, (1, 1, 1)) as stage:
        assert told[0] == "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=15000000", "at the start"
        assert "slow_driver" in [r.__dict__.get("code") for r in caplog.records]
        slowly = False
        play = Performance(stage)
        play.run(lambda seen: seen.frames > 3, 5.0)
        frames = play.loop.snapshot.frames
        play.time.now += 30.0
        enough.clear()
        slowly = True
        stage.rebuild()
        assert play.loop.snapshot.last_frame == play.time.now, "/livez goes on saying yes"
        assert play.loop.snapshot.frames == frames


def test_a_call_that_never_returns_is_left_to_the_watchdog(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    monkeypatch.setattr(patience, "EVERY_S", 0.01)
    monkeypatch.setattr(patience, "PATIENCE_S", 0.05)
    monkeypatch.setattr(patience.daemon, "notify", told.append)
    with patience.patient("waiting", lambda: None):
        limit = time.monotonic() + GENEROUS_S
        while "patience_over" not in [r.__dict__.get("code") for r in caplog.records]:
            assert time.monotonic() < limit
            time.sleep(0.01)
        counted = len(told)
        time.sleep(0.1)
        assert len(told) == counted


async def taken(play: Performance) -> np.ndarray:
    waiting = asyncio.ensure_future(play.pictures.take())
    await asyncio.sleep(0)
    frames = play.loop.snapshot.frames
    play.run(lambda seen: seen.frames > frames + 2, 5.0)
    return (await waiting).pixels.astype(int)


@pytest.mark.parametrize(("degrees", "mode"), [(90, (240, 135)), (180, SIZE), (270, (240, 135))])
def test_a_panel_on_its_side_shows_the_picture_that_an_upright_one_does(
    degrees: int, mode: tuple[int, int], avatar: Avatar
) -> None:
    with Stage(avatar, "offscreen", SIZE, (1, 1, 1)) as stage:
        play = Performance(stage)
        play.player.tick = lambda _now, _s: Rig(avatar).neutral()  # type: ignore[method-assign]
        upright = asyncio.run(taken(play))
    with Stage(avatar, "offscreen", mode, (1, 1, 1)) as stage:
        play = Performance(stage, rotate_degrees=degrees)
        play.player.tick = lambda _now, _s: Rig(avatar).neutral()  # type: ignore[method-assign]
        console = asyncio.run(taken(play))
        on_panel = stage.renderer.read_pixels().astype(int)
    assert np.abs(console - upright).mean() < 1, "the console page shows it upright"
    assert np.abs(on_panel - np.rot90(upright, -degrees // 90)).mean() < 1, "clockwise"
    assert np.abs(upright - upright[::-1]).mean() > 1, "up is not down"


def test_a_still_picture_is_turned_as_well(avatar: Avatar) -> None:
    upright = StillPicture(avatar, (1, 1, 1), 0.0, None)
    turned = StillPicture(avatar, (1, 1, 1), 0.0, None, quarters=1)
    upright.paint((120, 200))
    turned.paint((200, 120))
    wait_for(upright)
    wait_for(turned)
    assert (turned.paint((200, 120)) == np.rot90(upright.paint((120, 200)), -1)).all()


def test_a_driver_that_crashes_the_process_is_tried_later_and_not_first(
    graphics: Graphics, tmp_path: Path
) -> None:
    mark = tmp_path / "screen-opening"
    with OpeningMark(tmp_path).opening():
        assert OpeningMark(tmp_path).unfinished == 1
    assert not mark.exists(), "an attempt that comes back leaves none"
    mark.write_text("1")
    board = graphics.board
    board.stage._mark = OpeningMark(tmp_path)
    with board.stage:
        play = board.start()
        board.run(1.0)
        assert board.check() == ("fail", "screen_failed")
        assert "KMS 120×200" in board.stage.snapshot.still
        board.run(50.0)
        assert board.sdl.opened == []
        assert play.player.asked > 100, "it speaks"
        board.run_until_on("kmsdrm", within_s=20.0)
        assert not mark.exists()
        assert board.check() == ("pass",)


@pytest.mark.parametrize(
    ("text", "count"), [("1", 1), ("7", 7), ("", 1), ("99999999", 1), ("\u00e9", 1), ("-3", 1)]
)
def test_a_mark_of_any_content_is_one(text: str, count: int, tmp_path: Path) -> None:
    assert OpeningMark(tmp_path).unfinished == 0
    (tmp_path / "screen-opening").write_text(text)
    assert OpeningMark(tmp_path).unfinished == count
