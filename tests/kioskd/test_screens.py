# SPDX-License-Identifier: Apache-2.0
"""Screens that are off at the start, come, go, and cannot be used: where the picture is then.

The graphics cards are a tree of files as in /sys, and where SDL would open a screen it opens a
buffer of the screen's size, or fails as it does on a board. Time is the test's own.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from kiosk_process import GENEROUS_S, running, write_small_avatar
from loop_performance import OwnTime, Performance
from made_up.drm_tree import make_card, plug

from kioskd.board_facts import BoardFacts
from kioskd.health.checks import RenderLoopCheck
from kioskd.health.display_check import DisplayCheck
from kioskd.health.status import CheckResult, Report
from kioskd.http.answers import not_ready
from kioskd.process_figures import resident_bytes
from kioskd.screen.lookout import LOOK_EVERY_S, Lookout, lookout_for
from kioskd.screen.placement import SETTLE_S
from kioskd.screen.stage import Stage
from kioskd.screen.still_screen import StillScreen
from kioskd.update.trial_watch import look_at_health
from splat_gles import display as displays
from splat_gles.avatar import Avatar
from splat_gles.bundle import read_bundle
from splat_gles.camera import on_screen
from splat_gles.display import Display, open_display
from splat_gles.drm_cards import DrmCard, read_cards
from splat_gles.errors import DisplayError
from splat_gles.gl.api import gl

HOT_PLUG_S = 5.0
SHRUNK = 8
HDMI = "card1-HDMI-A-1"
BOARD = BoardFacts(name="rk3576", drm_drivers=("rockchip",))


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> Avatar:
    return read_bundle(write_small_avatar(tmp_path_factory.mktemp("ball") / "ball.avatar"))


@dataclass
class Sdl:
    """Opens displays as SDL does on a board whose cards are shown below `sys`.

    `broken` makes every screen fail; `probed` is what the kernel finds out when the card is opened;
    `no_buffer` is a GL library that knows screens only; a screen shows a frame for `frame_s`.
    """

    sys: Path
    time: OwnTime
    broken: bool = False
    no_buffer: bool = False
    frame_s: float = 1 / 60
    probed: Callable[[], None] = lambda: None
    opened: list[str] = field(default_factory=list)

    def open(
        self, driver: str, size: tuple[int, int] | None, title: str, drm_drivers: Sequence[str] = ()
    ) -> Display:
        self.opened.append(driver)
        if driver == "offscreen" and self.no_buffer:
            raise DisplayError("cannot draw with offscreen: no EGL device")
        if driver == "kmsdrm":
            size = self._screen()
        # An eighth of each side, so that the test's rasteriser has little to do
        width, height = size or (540, 960)
        opened = open_display("offscreen", (width // SHRUNK, height // SHRUNK), title)
        if driver == "kmsdrm":
            opened.driver, opened.vsync, opened.refresh_rate = "kmsdrm", True, 60.0
            opened.flip = lambda: self.time.pass_(self.frame_s)  # type: ignore[method-assign]
        return opened

    def _screen(self) -> tuple[int, int]:
        self.probed()
        sizes = [
            mode
            for card in read_cards(self.sys / "class/drm")
            for each in card.connected
            for mode in each.modes
        ]
        if self.broken or not sizes:
            raise DisplayError("cannot draw with kmsdrm: kmsdrm not available")
        width, _, height = sizes[0].partition("x")
        return int(width), int(height)


class Board:
    """A board's screens and the render loop on it."""

    def __init__(self, sys: Path, avatar: Avatar, still: StillScreen | None = None) -> None:
        (sys / "class/drm").mkdir(parents=True, exist_ok=True)
        self.sys = sys
        self.time = LookingTime()
        self.sdl = Sdl(sys, self.time)
        self.lookout = Lookout(
            BOARD.drm_drivers, lambda: read_cards(sys / "class/drm"), self.time.clock
        )
        self.time.look = self.lookout.look
        self.stage = Stage(
            avatar,
            "auto",
            None,
            (1, 1, 1),
            BOARD.drm_drivers,
            self.lookout,
            still,
            self.sdl.open,
            self.time.clock,
        )

    def start(self, frame_rate: float = 0.0) -> Performance:
        self.play = Performance(self.stage, self.time, frame_rate)
        return self.play

    def run(self, seconds: float) -> None:
        until = self.time.now + seconds
        self.play.run(lambda _seen: self.time.now >= until, seconds + 1)

    def driver(self) -> str:
        return self.stage.snapshot.driver

    def run_until_on(self, driver: str, within_s: float = HOT_PLUG_S) -> float:
        return self.play.run(lambda _seen: self.driver() == driver, within_s)

    def check(self) -> tuple[str, ...]:
        """The check's outcome; whatever the screens do, the render loop's own passes."""
        assert RenderLoopCheck(lambda: self.play.loop.snapshot).run(self.time.now).status == 0
        finding = DisplayCheck(lambda: self.stage.snapshot).run(self.time.now)
        return (finding.status.word, *(reason.code for reason in finding.reasons))


class LookingTime(OwnTime):
    """Time in which the lookout looks once a second, as its thread does."""

    def __init__(self) -> None:
        super().__init__()
        self.look: Callable[[], object] = lambda: None
        self._looked = self.now

    def pass_(self, seconds: float) -> None:
        self.wait(seconds)

    def wait(self, timeout: float | None = None) -> bool:
        over = super().wait(timeout)
        if self.now - self._looked >= LOOK_EVERY_S:
            self._looked = self.now
            self.look()
        return over


@pytest.fixture
def board(tmp_path: Path, avatar: Avatar, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    """A board with an NPU as card0 and a display as card1, at which no screen is on."""
    monkeypatch.setattr("kioskd.screen.placement.obstacle", lambda _index: None)
    made = Board(tmp_path, avatar)
    make_card(tmp_path, 0, "RKNPU")
    make_card(tmp_path, 1, "rockchip-drm", HDMI_A_1="disconnected", DP_1="disconnected")
    yield made
    made.stage.__exit__()


def on_trial(board: Board) -> str:
    """What the watch of an image on trial has against it."""
    found = {
        "display": DisplayCheck(lambda: board.stage.snapshot).run(board.time.now),
        "render_loop": RenderLoopCheck(lambda: board.play.loop.snapshot).run(board.time.now),
    }
    checks: dict[str, object] = {
        name: {
            "status": finding.status.word,
            "reasons": [{"code": reason.code} for reason in finding.reasons],
        }
        for name, finding in found.items()
    }
    avatar = {"status": "pass", "reasons": []}
    return look_at_health({"uptime_s": 5.0, "checks": checks | {"avatar": avatar}}).problem


def test_a_screen_that_is_off_at_the_start_gets_the_picture_when_it_comes(board: Board) -> None:
    with board.stage:
        play = board.start()
        board.run(20.0)
        assert board.check() == ("warn", "no_screen_connected")
        assert "HDMI-A-1 disconnected" in board.stage.snapshot.screens
        assert on_trial(board) == "", "an image is not thrown away for a pulled cable"
        assert board.sdl.opened == ["offscreen"], "nothing is opened again and again"
        assert play.player.shown > 100, "the console page has a picture meanwhile"
        plug(board.sys, HDMI, "connected", "1920x1080 1280x720")
        assert board.run_until_on("kmsdrm") < HOT_PLUG_S
        assert board.stage.snapshot.width == 1920 // SHRUNK
        assert board.check() == ("pass",)
        frames = play.loop.snapshot.frames
        board.run(10.0)
        assert board.sdl.opened == ["offscreen", "kmsdrm"]
        assert play.loop.snapshot.frames > frames + 60 * 9, "at the screen's pace"


def test_a_screen_that_goes_and_comes_back_with_another_size(board: Board) -> None:
    plug(board.sys, HDMI, "connected", "1920x1080")
    with board.stage:
        play = board.start()
        board.run(2.0)
        assert (board.driver(), board.check()) == ("kmsdrm", ("pass",))
        before = on_screen(board.stage.avatar.framing, board.stage.renderer.size).position
        assert play.player.visitors[-1] == pytest.approx(before), "the avatar looks at the camera"
        asked = play.player.asked
        plug(board.sys, HDMI, "disconnected")
        board.run_until_on("offscreen")
        assert board.check() == ("warn", "no_screen_connected")
        plug(board.sys, HDMI, "connected", "1280x720")
        board.run_until_on("kmsdrm")
        assert board.stage.renderer.size == (1280 // SHRUNK, 720 // SHRUNK)
        after = on_screen(board.stage.avatar.framing, board.stage.renderer.size).position
        assert play.player.visitors[-1] == pytest.approx(after)
        assert len(play.player.visitors) >= 3, "told anew for each"
        frames = play.loop.snapshot.frames
        board.run(1.0)
        assert play.loop.snapshot.frames > frames, "the count of frames goes on"
        assert play.player.asked > asked, "and so does the player"
        assert play.player.asked == play.player.shown + play.player.lost + play.player.waiting
        assert play.metric("kiosk_screen_reopened_total") == 0, "nothing was ill"


def test_another_size_without_a_moment_without_a_screen(board: Board) -> None:
    """A switch for several computers, or a television with another idea of itself."""
    plug(board.sys, HDMI, "connected", "1920x1080")
    with board.stage:
        play = board.start()
        board.run(2.0)
        plug(board.sys, HDMI, "connected", "1080x1920")
        play.run(lambda _seen: board.stage.snapshot.width == 1080 // SHRUNK, HOT_PLUG_S)
        assert (
            board.stage.renderer.size
            == board.stage.display.size
            == (1080 // SHRUNK, 1920 // SHRUNK)
        )
        plug(board.sys, HDMI, "connected")
        board.run(10.0)
        assert board.sdl.opened == ["kmsdrm"] * 2, "a list of sizes that is being read is no change"


def test_a_second_screen_changes_nothing_until_the_first_has_gone(board: Board) -> None:
    plug(board.sys, HDMI, "connected", "1920x1080")
    with board.stage:
        board.start()
        board.run(2.0)
        plug(board.sys, "card1-DP-1", "connected", "1280x720")
        board.run(5.0)
        make_card(board.sys, 2, "udl", DVI_I_1="connected")
        board.run(5.0)
        assert board.sdl.opened == ["kmsdrm"]
        plug(board.sys, HDMI, "disconnected")
        board.play.run(lambda _seen: board.stage.snapshot.width == 1280 // SHRUNK, HOT_PLUG_S)
        assert board.sdl.opened == ["kmsdrm"] * 2, "at once, not by way of a buffer"


def test_a_connector_that_flickers_is_not_followed_at_every_turn(board: Board) -> None:
    with board.stage:
        board.start()
        for _ in range(10):
            plug(board.sys, HDMI, "disconnected")
            board.run(1.0)
            plug(board.sys, HDMI, "connected", "1920x1080")
            board.run(1.0)
        assert len(board.sdl.opened) <= 1 + 20 / SETTLE_S
        plug(board.sys, HDMI, "connected", "1920x1080")
        board.run(HOT_PLUG_S)
        assert board.driver() == "kmsdrm", "where it comes to rest is where the picture is"


def test_a_card_that_appears_late(board: Board, tmp_path: Path, avatar: Avatar) -> None:
    """A module that is loaded last, or a display at USB."""
    late = Board(tmp_path / "late", avatar)
    with late.stage:
        late.start()
        late.run(10.0)
        assert late.check() == ("warn", "no_graphics_card")
        make_card(late.sys, 0, "RKNPU")
        late.run(10.0)
        assert late.check() == ("warn", "no_graphics_card"), "it has no connector"
        assert late.sdl.opened == ["offscreen"]
        make_card(late.sys, 1, "rockchip-drm", HDMI_A_1="disconnected")
        late.run(HOT_PLUG_S)
        assert late.check() == ("warn", "no_screen_connected")
        make_card(late.sys, 2, "udl", DVI_I_1="connected")
        late.run_until_on("kmsdrm")


def test_a_card_that_is_pulled(board: Board) -> None:
    make_card(board.sys, 2, "udl", DVI_I_1="connected")
    with board.stage:
        board.start()
        board.run(2.0)
        assert board.driver() == "kmsdrm"
        for path in (board.sys / "class/drm").glob("card2*"):
            path.unlink()
        board.run_until_on("offscreen")
        assert board.check() == ("warn", "no_screen_connected")


def test_a_connector_that_nobody_has_asked_is_asked_by_opening_the_card(board: Board) -> None:
    plug(board.sys, HDMI, "unknown")
    board.sdl.probed = lambda: plug(board.sys, HDMI, "connected", "1920x1080")
    with board.stage:
        board.start()
        assert (board.driver(), board.sdl.opened) == ("kmsdrm", ["kmsdrm"])
        board.run(10.0)
        assert board.sdl.opened == ["kmsdrm"]


def test_a_connector_that_cannot_tell_is_tried_now_and_then(board: Board) -> None:
    plug(board.sys, HDMI, "unknown")
    with board.stage:
        board.start()
        board.run(30.0)
        assert board.check() == ("warn", "no_screen_connected")
        assert 5 <= board.sdl.opened.count("kmsdrm") <= 8
        board.sdl.probed = lambda: plug(board.sys, HDMI, "connected", "1920x1080")
        board.run_until_on("kmsdrm", 2 * HOT_PLUG_S)


def test_a_screen_that_tells_no_sizes(board: Board) -> None:
    plug(board.sys, HDMI, "connected")
    with board.stage:
        board.start()
        board.run(2.0)
        assert board.check() == ("warn", "screen_without_modes")
        assert on_trial(board) == ""
        plug(board.sys, HDMI, "connected", "1920x1080")
        board.run_until_on("kmsdrm")


@pytest.mark.parametrize(
    ("hindered", "code"),
    [("forbidden", "screen_forbidden"), ("busy", "screen_busy"), (None, "screen_failed")],
)
def test_a_screen_that_cannot_be_drawn_on_fails_and_is_tried_again(
    board: Board, monkeypatch: pytest.MonkeyPatch, hindered: str | None, code: str
) -> None:
    """No right to the card, another program in charge of it, a broken driver."""
    monkeypatch.setattr("kioskd.screen.placement.obstacle", lambda index: {1: hindered}[index])
    board.sdl.broken = True
    plug(board.sys, HDMI, "connected", "1920x1080")
    with board.stage:
        play = board.start()
        board.run(30.0)
        assert board.check() == ("fail", code)
        assert on_trial(board) == f"display: {code}", "an image that broke it is not kept"
        [reason] = DisplayCheck(lambda: board.stage.snapshot).run(board.time.now).reasons
        assert "kmsdrm not available" in reason.text
        assert 5 <= len(board.sdl.opened) <= 8, "every few seconds"
        assert set(board.sdl.opened) == {"kmsdrm"}, "no buffer is made for every attempt"
        assert play.player.asked > 25 * 30, "speech goes on, which the player's asking moves"
        assert play.loop.snapshot.last_frame > board.time.now - 1, "alive, so nothing restarts it"
        board.sdl.broken = False
        board.run_until_on("kmsdrm")
        assert board.check() == ("pass",)


def test_a_broken_screen_that_is_unplugged_is_no_fault_any_more(board: Board) -> None:
    board.sdl.broken = True
    plug(board.sys, HDMI, "connected", "1920x1080")
    with board.stage:
        board.start()
        board.run(3.0)
        assert board.check() == ("fail", "screen_failed")
        plug(board.sys, HDMI, "disconnected")
        board.run_until_on("offscreen")
        assert board.check() == ("warn", "no_screen_connected")


def test_a_driver_that_breaks_while_it_draws_leaves_the_kiosk_alive(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug(board.sys, HDMI, "connected", "1920x1080")
    with board.stage:
        play = board.start()
        board.run(2.0)
        board.sdl.broken = True
        draw = board.stage.renderer.draw

        def failing(*arguments: object) -> object:
            gl.glEnable(0x1234)
            return draw(*arguments)  # type: ignore[arg-type]

        board.stage.renderer.draw = failing  # type: ignore[assignment, method-assign]
        play.run(lambda seen: seen.dark, 5.0)
        assert board.check() == ("fail", "screen_failed")
        board.sdl.broken = False
        board.run_until_on("kmsdrm")


def test_without_a_buffer_the_kiosk_waits_in_the_dark(board: Board) -> None:
    """A vendor's GL library that knows nothing but screens."""
    board.sdl.no_buffer = True
    with board.stage:
        play = board.start()
        board.run(10.0)
        assert board.check() == ("warn", "no_screen_connected")
        assert board.driver() == "none"
        assert on_trial(board) == ""
        report = Report(
            tuple(
                CheckResult(check.name, check.run(board.time.now), "")
                for check in (
                    DisplayCheck(lambda: board.stage.snapshot),
                    RenderLoopCheck(lambda: play.loop.snapshot),
                )
            )
        )
        assert not_ready(report) == [], "it can speak"
        assert play.player.asked == play.player.lost > 250
        plug(board.sys, HDMI, "connected", "1920x1080")
        board.run_until_on("kmsdrm")


class Living(Counter[str]):
    """Counts the GL objects and fences that are made and not deleted."""

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        gl.string(gl.GL_VERSION)
        for name in dir(gl):
            call = getattr(gl, name)
            if name.startswith(("glGen", "glDelete")) and name.endswith("s"):
                monkeypatch.setitem(vars(gl), name, partial(self._several, name, call))
            elif name.startswith(("glCreate", "glDelete", "glFence")):
                monkeypatch.setitem(vars(gl), name, partial(self._one, name, call))

    def _one(self, name: str, call: Callable[..., object], *rest: object) -> object:
        kind = name.removeprefix("glCreate").removeprefix("glDelete").removeprefix("glFence")
        self[kind] += -1 if name.startswith("glDelete") else 1
        return call(*rest)

    def _several(self, name: str, call: Callable[..., object], count: int, names: object) -> object:
        made = name.startswith("glGen")
        self[name.removeprefix("glGen").removeprefix("glDelete")] += count if made else -count
        return call(count, names)


@pytest.mark.slow("moves the picture two hundred times")
def test_a_hundred_times_off_and_on_leaves_nothing_behind(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    living = Living()
    # Few frames: the moves are what this is about
    board.sdl.frame_s = 0.5
    with board.stage:
        board.start(2.0)
        living.watch(monkeypatch)

        def cycle() -> tuple[Counter[str], int, int]:
            plug(board.sys, HDMI, "connected", "1920x1080")
            board.run_until_on("kmsdrm")
            plug(board.sys, HDMI, "disconnected")
            board.run_until_on("offscreen")
            return (
                Counter(living),
                len(list(Path("/proc/self/fd").iterdir())),
                threading.active_count(),
            )

        first = [cycle() for _ in range(3)][-1]
        before = resident_bytes()
        last = [cycle() for _ in range(97)][-1]
        grown = resident_bytes() - before
    assert last == first
    assert grown < 8e6, "2.4 MB where the rasteriser compiles its shaders anew; 18 with a leak"


def test_the_lookout_looks_again_and_again_and_never_on_the_thread_that_asks_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kioskd.screen.lookout.LOOK_EVERY_S", 0.01)
    threads: list[int] = []

    async def look() -> None:
        loop, enough = asyncio.get_running_loop(), asyncio.Event()

        def read() -> list[DrmCard]:
            threads.append(threading.get_ident())
            if len(threads) == 3:
                loop.call_soon_threadsafe(enough.set)
            return []

        task = asyncio.create_task(Lookout(read_cards=read).keep_looking())
        await asyncio.wait_for(enough.wait(), GENEROUS_S)
        task.cancel()

    asyncio.run(look())
    assert threading.get_ident() not in threads


@pytest.mark.parametrize(
    ("driver", "board", "environment", "awaited"),
    [
        ("auto", BOARD, {}, True),
        ("auto", BOARD, {"WAYLAND_DISPLAY": "wayland-0"}, False),
        ("auto", BOARD, {"DISPLAY": ":0"}, False),
        ("auto", BOARD, {"SDL_VIDEODRIVER": "offscreen"}, False),
        ("auto", BoardFacts(), {}, False),
        ("auto", BoardFacts(), {"SDL_VIDEODRIVER": "kmsdrm"}, True),
        ("kmsdrm", BoardFacts(), {"DISPLAY": ":0"}, True),
        ("offscreen", BOARD, {}, False),
        ("x11", BOARD, {}, False),
        ("wayland", BOARD, {}, False),
    ],
)
def test_a_board_awaits_its_screen_and_a_workstation_does_not(
    driver: str,
    board: BoardFacts,
    environment: dict[str, str],
    awaited: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (lookout_for(driver, board) is not None) is awaited


def test_a_card_that_the_environment_names_is_the_only_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_card(tmp_path, 0, "udl", DVI_I_1="connected")
    make_card(tmp_path, 1, "rockchip-drm", HDMI_A_1="disconnected")
    monkeypatch.setattr(displays, "read_cards", lambda: read_cards(tmp_path / "class/drm"))
    assert [card.index for card in displays.usable_cards()] == [0, 1]
    monkeypatch.setenv("SDL_KMSDRM_DEVICE_INDEX", "1")
    assert [card.index for card in displays.usable_cards()] == [1]


def test_no_card_at_all_is_told_by_the_daemon_that_lives_on(tmp_path: Path) -> None:
    """Speech, health and watchdog of a real process whose screen is asked for and not there."""
    with running(
        tmp_path,
        "--set",
        "display.driver=kmsdrm",
        config="endpoint: {url: ''}\n",
        SDL_KMSDRM_DEVICE_INDEX="4711",
        WATCHDOG_USEC="2000000",
    ) as kiosk:
        kiosk.wait_for_check("display", "warn", "no_graphics_card")
        kiosk.wait_for_check("render_loop", "pass")
        assert kiosk.get("readyz")[0] == kiosk.get("livez")[0] == 200
        kiosk.wait_until(lambda: kiosk.notices.count("WATCHDOG=1") >= 3, "food for the watchdog")
        assert kiosk.notices[0].startswith("READY=1\nSTATUS=waiting for a screen")
        assert kiosk.stop() == 0, kiosk.log
        assert "Traceback" not in kiosk.log
