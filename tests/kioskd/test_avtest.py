# SPDX-License-Identifier: Apache-2.0
"""Flash and click go the ways of lips and voice, and say by how much a frame misses its click."""

from __future__ import annotations

import asyncio
import io
import signal
import threading
import time
import wave
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import cinema as cinemas
import numpy as np
import pygame
import pytest
from board_store import board_store
from cinema import DRAWING_S, FRAME_S, Cinema, OwnTimeCinema
from kiosk_process import GENEROUS_S, KioskProcess, running, write_small_avatar
from numpy.typing import NDArray
from ready_settings import ready_audio
from sound_card import RATE, Studio
from starvation import Late, unless_starved

from driving_client.link.interface import UtteranceStarted
from kioskd.audio.output import AudioOutput
from kioskd.audio.snapshot import AudioSnapshot
from kioskd.avtest.clicks import clicks
from kioskd.avtest.film import Film, Flash
from kioskd.avtest.session import AvTest
from kioskd.benchmark import request as asking
from kioskd.config import Config
from kioskd.ctl import bench_command
from kioskd.ctl.__main__ import arguments
from kioskd.ctl.client import ControlError
from kioskd.durable_files import DiskFiles
from kioskd.metrics import Metrics
from kioskd.screen.snapshot import DisplaySnapshot
from kioskd.service.filmed import avtest_if_asked
from kioskd.service.measured import measure_if_asked
from kioskd.update.store import Store
from splat_gles.renderer import Renderer

HERE = DisplaySnapshot("kmsdrm", 1080, 1920, "Mali-G52")


class Sheet:
    """A renderer that only counts what is filled."""

    size = (270, 480)
    filled = 0

    def fill(self, _box: tuple[int, int, int, int], _color: tuple[float, float, float]) -> None:
        self.filled += 1


def film(cinema: Cinema, seconds: int) -> list[Flash]:
    """Play clicks, drawing both: the avatar by the player, and the picture over it."""
    over = Film(cinema.sound.snapshot)
    flashes: list[Flash] = []
    cinema.player.on_event(UtteranceStarted(clicks(seconds)))
    deadline = cinema.clock() + seconds + 10
    while not cinema.ended():
        assert cinema.clock() < deadline
        begin = cinema.clock()
        cinema.player.tick(begin, DRAWING_S)
        over.draw(cast(Renderer, Sheet()), begin, DRAWING_S)
        cinema.pass_until(begin + DRAWING_S)
        cinema.player.frame_shown(cinema.clock())
        over.frame_shown(cinema.clock())
        flashes += [over.flashes.popleft() for _ in range(len(over.flashes))]
        cinema.pass_until(begin + FRAME_S)
    return flashes


def onsets(loud: NDArray[np.float64]) -> NDArray[np.float64]:
    return loud[np.flatnonzero(np.diff(loud, prepend=0.0) > 0.3)]


def errors(flashes: list[Flash], heard: NDArray[np.float64]) -> NDArray[np.float64]:
    """What one reads off a film: from click to flash, less the digits of its first frame."""
    meant = np.array([flash.at - flash.phase_s for flash in flashes])
    nearest = np.abs(meant[:, None] - heard).argmin(axis=1)
    return cast(NDArray[np.float64], meant - heard[nearest])


def own_time_errors() -> NDArray[np.float64]:
    cinema = OwnTimeCinema()
    flashes = film(cinema, 6)
    assert [flash.click for flash in flashes] == [1, 2, 3, 4, 5]
    assert all(0 <= flash.phase_s < FRAME_S + 0.002 for flash in flashes)
    return errors(flashes, onsets(cinema.card.loud_times()))


def test_flash_and_click_are_together_once_the_digits_are_taken_off() -> None:
    assert np.abs(own_time_errors()).max() < 0.001


def test_a_latency_that_is_tried_moves_the_flash_by_just_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = own_time_errors()
    monkeypatch.setattr(cinemas, "Studio", partial(Studio, latency_ms=60.0))
    assert own_time_errors().mean() - before.mean() == pytest.approx(0.060, abs=0.001)


def test_so_it_is_through_a_real_device_and_clicks_are_a_second_apart_to_the_sample(
    sound_server: Any, listener: Any
) -> None:
    def story(late: Late) -> None:
        sound_server.wav.unlink(missing_ok=True)
        metrics = Metrics()
        sound = AudioOutput(ready_audio(device=sound_server.recording_device), metrics)
        sound.start()
        try:
            deadline = time.monotonic() + GENEROUS_S
            while sound.snapshot().reason is not None:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            since = time.monotonic()
            cinema = Cinema(
                sound,
                metrics,
                time.monotonic,
                lambda moment: time.sleep(max(moment - time.monotonic(), 0)),
            )
            flashes = film(cinema, 5)
            time.sleep(0.3)
        finally:
            sound.stop()
        late_s = late()
        assert len(flashes) == 4 or late_s
        heard = onsets(listener.loud_times(since))
        assert np.abs(errors(flashes, heard)).max() < 0.04 + late_s
        assert max(abs(flash.offset_s) for flash in flashes) < 0.04 + late_s
        loud = np.flatnonzero(np.abs(recorded(sound_server.wav)) > 20000)
        begins = loud[np.flatnonzero(np.diff(loud, prepend=-RATE) > RATE // 2)]
        assert list(np.diff(begins)) == [RATE] * 3 or late_s

    unless_starved(story)


def recorded(path: Path) -> NDArray[np.int32]:
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        assert file.getframerate() == RATE
        return samples.reshape(-1, file.getnchannels())[:, 0].astype(np.int32)


def watched(test: AvTest, audio: AudioSnapshot, display: DisplaySnapshot) -> None:
    """Until the test ends itself."""
    test.overlay(lambda: audio, lambda: display, 0)
    ended = threading.Event()
    asyncio.run(asyncio.wait_for(test.watch(ended.set), GENEROUS_S))
    assert ended.is_set()


def test_a_kiosk_without_a_sound_card_proves_nothing_and_says_so() -> None:
    test = AvTest(None, lambda _line: None, patience_s=1.0)
    watched(test, AudioSnapshot(reason="audio_no_device"), HERE)
    assert test.problem.startswith("no sound card plays the click (audio_no_device)")


def test_a_kiosk_without_a_screen_proves_nothing_and_says_so() -> None:
    test = AvTest(None, lambda _line: None, patience_s=1.0)
    dark = DisplaySnapshot("offscreen", 1080, 1920, "", problem="no_screen_connected")
    watched(test, AudioSnapshot(), dark)
    assert test.problem.startswith("no screen shows the flash (no_screen_connected)")


def test_from_a_checkout_the_picture_is_seen_over_the_avatar_and_ctrl_c_ends_it(
    tmp_path: Path, sound_server: Any
) -> None:
    sound = f"audio.device={sound_server.device}"
    words = ("--set", "audio.enabled=true", "--set", sound, "avtest", "--latency", "60")
    with running(tmp_path, *words) as kiosk:
        kiosk.wait_for("ready: ")
        shot = pygame.image.load(io.BytesIO(kiosk.get("screenshot.png")[1]), "shot.png")
        pixels = pygame.surfarray.array3d(shot).swapaxes(0, 1)
        assert not pixels[:10].any(), "no avatar's background"
        yellow = (pixels == (255, 204, 0)).all(axis=2)
        white = (pixels == 255).all(axis=2)
        assert yellow.sum() + white.sum() > 200, "digits and ruler"
        assert kiosk.stop(signal.SIGINT) == 0


def test_from_a_checkout_without_sound_it_fails_in_words(tmp_path: Path) -> None:
    with running(tmp_path, "avtest") as kiosk:
        assert kiosk.process.wait(GENEROUS_S) == 1
        until = time.monotonic() + GENEROUS_S
        while "error: no sound card" not in kiosk.log and time.monotonic() < until:
            time.sleep(0.05)
        assert "error: no sound card plays the click (audio_disabled)" in kiosk.log


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    return board_store(tmp_path, monkeypatch)


def run(*words: str) -> int:
    options = arguments(list(words))
    code: int = options.run(options)
    return code


def kioskctl_with(
    store: Store, monkeypatch: pytest.MonkeyPatch, start: Callable[[], None]
) -> list[bool]:
    """What systemd does when kioskctl has it restart kioskd; whether a request was there."""
    restarts: list[bool] = []

    def restart() -> None:
        restarts.append(asking.waiting(store) is not None)
        start()

    monkeypatch.setattr(bench_command, "restart_kioskd", restart)
    return restarts


def test_on_a_board_kioskd_is_asked_and_followed_and_the_next_start_shows_the_avatar(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def start() -> None:
        assert not measure_if_asked(Config(), store), "it is no benchmark"
        test = avtest_if_asked(store)
        assert test is not None
        assert test.overrides == ["audio.latency_ms=60"]
        test.tell("click 1: its flash")
        test.over()

    kioskctl_with(store, monkeypatch, start)
    assert run("avtest", "--latency", "60") == 0
    assert "click 1: its flash" in capsys.readouterr().out
    assert avtest_if_asked(store) is None


def test_what_could_not_be_filmed_is_kioskctls_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start() -> None:
        test = avtest_if_asked(store)
        assert test is not None
        assert test.overrides == []
        test.problem = "no sound card plays the click"
        test.over()

    kioskctl_with(store, monkeypatch, start)
    with pytest.raises(ControlError, match="no sound card"):
        run("avtest")


def test_ctrl_c_brings_the_avatar_back(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    restarts = kioskctl_with(store, monkeypatch, lambda: None)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bench_command, "follow", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run("avtest")
    assert restarts == [True, False], "the second one finds no request"
    assert "shows the avatar again" in capsys.readouterr().out


@pytest.mark.parametrize("latency", ['"x"', "-1", "1e9", "[]"])
def test_a_request_that_the_configuration_would_refuse_is_none(store: Store, latency: str) -> None:
    asking.ask(DiskFiles(), store, avtest=True, latency_ms=5.0)
    path = store.run / "benchmark.request"
    path.write_text(path.read_text().replace("5.0", latency))
    assert avtest_if_asked(store) is None


@pytest.mark.parametrize("latency", ["-1", "1001", "nan", "much"])
def test_a_latency_out_of_range_is_refused_at_the_command_line(
    latency: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        arguments(["avtest", f"--latency={latency}"])
    assert "from 0 to 1000" in capsys.readouterr().err


def test_a_real_kioskd_follows_the_request_with_its_latency(store: Store, tmp_path: Path) -> None:
    """Without sound: so it ends by itself, with status 0 for systemd to start it again."""
    wanted = asking.ask(DiskFiles(), store, avtest=True, latency_ms=60.0)
    avatar = write_small_avatar(tmp_path / "ball.avatar")
    options = [f"avatar.path={avatar}", "audio.enabled=false", "health.port=0"]
    sets = [word for option in options for word in ("--set", option)]
    kiosk = KioskProcess(tmp_path, *sets)
    try:
        kiosk.wait_for("ready: ")
        assert kiosk.process.wait(GENEROUS_S) == 0
        told = asking.read_progress(store)
        assert told is not None
        assert told.request == wanted.at
        assert told.problem is not None
        assert told.problem.startswith("no s")
    finally:
        kiosk.close()
