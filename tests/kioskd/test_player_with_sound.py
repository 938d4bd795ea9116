# SPDX-License-Identifier: Apache-2.0
"""The player with the real sound output: what is shown against what parec hears."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from made_up.plugin import Clips
from player_stage import AvatarHolder, JawRetarget, flame, jaw_of, small_avatar
from starvation import unless_starved

from driving_client.link import LinkDown, LinkUp, PlaybackState, UtteranceStarted
from driving_client.lipsync.speech_mouth import SpeechMouth
from driving_client.recording import read_recording
from driving_client.retarget import load_retarget
from driving_client.utterance import Utterance
from kioskd.audio.output import AudioOutput
from kioskd.audio.settings import AudioSettings
from kioskd.metrics import Metrics
from kioskd.playback.player import Player
from kioskd.playback.settings import IdleSettings, PlaybackSettings

FRAME_S = 1 / 60
DRAWING_S = 0.008


class Cinema:
    """A render loop without pictures: every frame is seen `DRAWING_S` after its tick."""

    def __init__(self, device: str, retarget: Any) -> None:
        self.metrics = Metrics()
        self.sound = AudioOutput(AudioSettings(device=device), self.metrics)
        self.reports: list[tuple[str, PlaybackState, int]] = []
        self.player = Player(
            PlaybackSettings(idle=IdleSettings(enabled=False)), AvatarHolder(small_avatar()),
            self.sound, self.metrics, retarget=retarget, make_mouth=SpeechMouth,
            report=lambda *report: self.reports.append(report),
        )  # fmt: skip
        self.seen: list[tuple[float, float]] = []
        self.offsets: list[float] = []
        self.sound.start()
        self.player.on_event(LinkUp("connection"))
        deadline = time.monotonic() + 5
        while not self.sound.snapshot().device_ok:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def frame(self) -> None:
        begin = time.monotonic()
        pose = self.player.tick(begin, DRAWING_S)
        time.sleep(DRAWING_S)
        shown = time.monotonic()
        self.player.frame_shown(shown)
        self.seen.append((shown, jaw_of(pose)))
        offset = self.player.snapshot().sync_offset_s
        if offset is not None:
            self.offsets.append(offset)
        time.sleep(max(begin + FRAME_S - time.monotonic(), 0))

    def until(self, done: Any, seconds: float = 15) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline
            self.frame()

    def ended(self) -> bool:
        return bool(self.reports) and self.reports[-1][1] not in (
            PlaybackState.PLAYING, PlaybackState.PAUSED)  # fmt: skip


@pytest.fixture
def cinemas(sound_server: Any) -> Iterator[Any]:
    made: list[Cinema] = []

    def make(retarget: Any = None) -> Cinema:
        made.append(Cinema(sound_server.device, retarget or JawRetarget()))
        return made[-1]

    yield make
    for cinema in made:
        cinema.sound.stop()


def bursts(seconds: int) -> Utterance:
    """Each second: half of it silent with the mouth shut, half of it loud with the jaw open."""
    rate = 16000
    utterance = Utterance("bursts", rate)
    at = np.arange(seconds * rate) / rate
    loud = at % 1 >= 0.5
    utterance.append_audio(np.where(loud, 12000 * np.sin(2800 * at), 0).astype(np.int16))
    utterance.end_audio()
    frames = flame(float(seconds), jaw=0.0)
    frames[:, 9] = (np.arange(len(frames)) / 25) % 1 >= 0.5
    utterance.append_motion(frames)
    utterance.end_motion()
    return utterance


def test_lips_and_voice_are_together(cinemas: Any, listener: Any) -> None:
    """The jaw passes half at 0.5 s, between frames 12 and 13; seen at the next of 60 frames."""
    cinema = cinemas()
    since = time.monotonic()
    cinema.player.on_event(UtteranceStarted(bursts(5)))
    cinema.until(cinema.ended)
    time.sleep(0.2)
    loud = listener.loud_times(since)
    onsets = loud[np.flatnonzero(np.diff(loud, prepend=0) > 0.3)]
    assert len(onsets) == 5
    times, jaws = np.array(cinema.seen).T
    opened = times[np.flatnonzero((jaws[1:] >= 0.5) & (jaws[:-1] < 0.5)) + 1]
    # The first burst falls into the ease from idle, the others are the motion's own
    assert np.abs(opened[-4:] - onsets[-4:]).max() < 0.04
    offsets = np.array(cinema.offsets)
    assert len(offsets) > 200
    assert np.percentile(np.abs(offsets), 95) < 0.04
    assert cinema.reports[-1][2] == pytest.approx(5000, abs=40)
    value = cinema.metrics.registry.get_sample_value
    assert (value("kiosk_first_motion_to_frame_seconds_sum") or 1) < 0.1


def test_an_interrupt_is_silent_within_100_ms(cinemas: Any, listener: Any) -> None:
    cinema = cinemas()
    since = time.monotonic()
    cinema.player.on_event(UtteranceStarted(bursts(10)))
    cinema.until(lambda: cinema.player.snapshot().position_s > 0.7)
    asked = time.monotonic()
    cinema.player.interrupt()
    cinema.until(cinema.ended)
    time.sleep(0.4)
    heard = listener.loud_times(since)
    assert asked - 0.05 < heard[-1] < asked + 0.1
    assert cinema.reports[-1][1] is PlaybackState.INTERRUPTED
    assert cinema.reports[-1][2] == pytest.approx(700, abs=60)


def test_a_stuck_picture_does_not_hold_the_sound(cinemas: Any, listener: Any) -> None:
    """Nobody calls tick: the voice starts, plays and can be interrupted all the same."""
    cinema = cinemas()
    since = time.monotonic()
    threading.Thread(target=cinema.player.on_event, args=(UtteranceStarted(bursts(3)),)).start()
    time.sleep(1.2)
    cinema.player.interrupt()
    time.sleep(0.3)
    heard = listener.loud_times(since)
    assert heard[0] - since == pytest.approx(0.5, abs=0.1)
    assert cinema.reports == [("bursts", PlaybackState.INTERRUPTED, pytest.approx(1200, abs=100))]


def test_killing_only_the_motion_is_not_heard(cinemas: Any, listener: Any) -> None:
    """Measured in samples of the sink's monitor: when `parec` hands them over does not matter."""
    unless_starved(lambda: kill_the_motion(cinemas(), listener))


def kill_the_motion(cinema: Cinema, listener: Any) -> None:
    rate = 16000
    utterance = Utterance("steady", rate)
    utterance.append_audio((12000 * np.sin(2800 * np.arange(2 * rate) / rate)).astype(np.int16))
    utterance.end_audio()
    utterance.append_motion(flame(0.5))
    since = time.monotonic()
    cinema.player.on_event(UtteranceStarted(utterance))
    cinema.until(lambda: cinema.player.snapshot().position_s > 0.6)
    utterance.fail_motion("link_lost")
    cinema.player.on_event(LinkDown("gone", 0.5))
    cinema.until(cinema.ended)
    time.sleep(0.2)
    _, heard = listener.heard(since)
    loud = np.flatnonzero(np.abs(heard.astype(np.int32)) > 1000) / 48000
    assert loud[-1] - loud[0] == pytest.approx(2.0, abs=0.01)
    assert np.diff(loud).max() < 0.003
    assert cinema.reports[-1][1] is PlaybackState.ENDED


def test_the_recording_plays_in_sync_with_the_fitted_retarget(cinemas: Any, clips: Clips) -> None:
    recording = read_recording(clips.long)
    cinema = cinemas(load_retarget())
    cinema.player.on_event(UtteranceStarted(recording.utterance(0.12)))
    cinema.until(lambda: cinema.player.snapshot().position_s > 4)
    jaws = np.array([jaw for _, jaw in cinema.seen])
    assert jaws.max() > 0.2
    assert jaws[-200:].min() < 0.15
    assert np.percentile(np.abs(cinema.offsets), 95) < 0.04
    assert cinema.player.snapshot().reasons == ()
    cinema.player.interrupt()
