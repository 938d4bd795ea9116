# SPDX-License-Identifier: Apache-2.0
"""The player with the sound output: what is shown against what is heard.

In the test's own time, and once in real time through ALSA, PulseAudio and `parec`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from cinema import Cinema, OwnTimeCinema
from made_up.plugin import Clips
from numpy.typing import NDArray
from player_stage import flame
from ready_settings import ready_audio
from starvation import Late, unless_starved

from driving_client.link.interface import LinkDown, PlaybackState, UtteranceStarted
from driving_client.motion_failure import MotionFailure
from driving_client.retarget import load_retarget
from driving_client.utterance import Utterance
from driving_client.wire.recording import read_recording
from kioskd.audio.output import AudioOutput
from kioskd.metrics import Metrics


@contextlib.contextmanager
def real_cinema(device: str) -> Iterator[Cinema]:
    metrics = Metrics()
    sound = AudioOutput(ready_audio(device=device), metrics)
    sound.start()
    try:
        deadline = time.monotonic() + 60
        while sound.snapshot().reason is not None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield Cinema(
            sound,
            metrics,
            time.monotonic,
            lambda moment: time.sleep(max(moment - time.monotonic(), 0)),
        )
    finally:
        sound.stop()


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


LoudTimes = Callable[[], NDArray[np.float64]]


def on_time() -> float:
    """What a clock of the test's own is late by."""
    return 0.0


def together(cinema: Cinema, loud_times: LoudTimes, within_s: float, late: Late = on_time) -> None:
    """The jaw passes half at 0.5 s, between frames 12 and 13; seen at the next of 60 frames.

    Where a real machine woke everybody late, by that much more; a burst may then have a gap too.
    """
    cinema.player.on_event(UtteranceStarted(bursts(5)))
    cinema.until(cinema.ended)
    cinema.pass_until(cinema.clock() + 0.2)
    loud = loud_times()
    onsets = loud[np.flatnonzero(np.diff(loud, prepend=0) > 0.3)]
    late_s = late()
    assert len(onsets) == 5 or (late_s and len(onsets) > 5)
    times, jaws = np.array(cinema.seen).T
    opened = times[np.flatnonzero((jaws[1:] >= 0.5) & (jaws[:-1] < 0.5)) + 1]
    # The first burst falls into the ease from idle, the others are the motion's own
    assert np.abs(opened[-4:, None] - onsets).min(axis=1).max() < within_s + late_s
    offsets = np.array(cinema.offsets)
    assert len(offsets) > (20 if late_s else 200)
    assert np.percentile(np.abs(offsets), 95) < within_s + late_s
    assert cinema.reports[-1][2] == pytest.approx(5000, abs=40)
    value = cinema.metrics.registry.get_sample_value
    assert value("kiosk_first_motion_to_frame_seconds_count") == 1
    assert (value("kiosk_first_motion_to_frame_seconds_sum") or 0.0) < 0.1 + 3 * late_s


def interrupted(cinema: Cinema, loud_times: LoudTimes, late: Late = on_time) -> None:
    cinema.player.on_event(UtteranceStarted(bursts(10)))
    cinema.until(lambda: cinema.player.snapshot().position_s > 0.7)
    asked = cinema.clock()
    cinema.player.interrupt()
    cinema.until(cinema.ended)
    cinema.pass_until(cinema.clock() + 0.4)
    late_s = late()
    assert asked - 0.05 - late_s < loud_times()[-1] < asked + 0.1 + late_s
    assert cinema.reports[-1][1] is PlaybackState.INTERRUPTED
    assert cinema.reports[-1][2] == pytest.approx(700, abs=60 + 1000 * late_s)


def test_lips_and_voice_are_together() -> None:
    cinema = OwnTimeCinema()
    together(cinema, cinema.card.loud_times, 0.02)


def test_an_interrupt_is_silent_within_100_ms() -> None:
    cinema = OwnTimeCinema()
    interrupted(cinema, cinema.card.loud_times)


def test_so_it_is_through_a_real_device(sound_server: Any, listener: Any) -> None:
    """In real time, for what a sound server adds to it only a real one can show."""

    def story(late: Late) -> None:
        with real_cinema(sound_server.device) as cinema:
            since = time.monotonic()
            together(cinema, lambda: listener.loud_times(since), 0.04, late)
        with real_cinema(sound_server.device) as cinema:
            since_then = time.monotonic()
            interrupted(cinema, lambda: listener.loud_times(since_then), late)

    unless_starved(story)


def test_a_stuck_picture_does_not_hold_the_sound() -> None:
    """Nobody calls tick: the voice starts, plays and can be interrupted all the same."""
    cinema = OwnTimeCinema()
    since = cinema.clock()
    cinema.player.on_event(UtteranceStarted(bursts(3)))
    cinema.pass_until(since + 1.2)
    cinema.player.interrupt()
    cinema.pass_until(since + 1.5)
    loud = cinema.card.loud_times()
    assert loud[0] - since == pytest.approx(0.5, abs=0.02)
    assert loud[-1] - since == pytest.approx(1.0, abs=0.02)
    assert cinema.reports == [("bursts", PlaybackState.INTERRUPTED, pytest.approx(1200, abs=20))]


def test_killing_only_the_motion_is_not_heard() -> None:
    cinema = OwnTimeCinema()
    rate = 16000
    utterance = Utterance("steady", rate)
    utterance.append_audio((12000 * np.sin(2800 * np.arange(2 * rate) / rate)).astype(np.int16))
    utterance.end_audio()
    utterance.append_motion(flame(0.5))
    cinema.player.on_event(UtteranceStarted(utterance))
    cinema.until(lambda: cinema.player.snapshot().position_s > 0.6)
    utterance.fail_motion(MotionFailure.LINK_LOST)
    cinema.player.on_event(LinkDown("gone", 0.5))
    cinema.until(cinema.ended)
    loud = cinema.card.loud_times()
    assert loud[-1] - loud[0] == pytest.approx(2.0, abs=0.01)
    assert np.diff(loud).max() < 0.003
    assert cinema.reports[-1][1] is PlaybackState.ENDED


def test_the_recording_plays_in_sync_with_the_fitted_retarget(clips: Clips) -> None:
    recording = read_recording(clips.long)
    cinema = OwnTimeCinema(load_retarget())
    cinema.player.on_event(UtteranceStarted(recording.utterance(0.12)))
    cinema.until(lambda: cinema.player.snapshot().position_s > 4)
    jaws = np.array([jaw for _, jaw in cinema.seen])
    assert jaws.max() > 0.2
    assert jaws[-200:].min() < 0.15
    assert np.percentile(np.abs(cinema.offsets), 95) < 0.02
    assert cinema.player.snapshot().reasons == ()
