# SPDX-License-Identifier: Apache-2.0
"""What the audio thread does with one voice, told in the time of a card of the test's own."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
from ready_settings import ready_audio
from sound_card import OwnTime, PacedCard, Studio, spoken, tone, value

from driving_client.motion_failure import MotionFailure
from driving_client.sample_rates import SAMPLE_RATES
from driving_client.utterance import Utterance
from kioskd.audio.output import AudioOutput
from kioskd.audio.settings import LEAD_IN_S
from kioskd.errors import AudioError
from kioskd.metrics import Metrics

GENEROUS_S = 60.0


def test_the_position_is_what_is_heard() -> None:
    studio = Studio()
    utterance = Utterance("req-1", 16000)
    utterance.append_audio(np.zeros(8000, np.int16))
    utterance.append_audio(tone(0.5, 16000))
    utterance.append_audio(np.zeros(4000, np.int16))
    utterance.end_audio()
    studio.output.play(utterance)
    crossed = []
    last = 0.0
    while not studio.turn().finished:
        for _ in range(5):
            position = studio.output.snapshot().position_at(studio.time.now)
            assert position >= last
            if last < 0.5 <= position:
                crossed.append(studio.time.now - (position - 0.5))
            last = position
            studio.time.now += 0.002
    onset = studio.card.loud_times()[0]
    assert last == pytest.approx(1.25, abs=0.01)
    assert crossed == [pytest.approx(onset, abs=0.005)]


@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_any_rate_keeps_pitch_and_duration(rate: int) -> None:
    studio = Studio(volume=0.5)
    studio.output.play(spoken(0.6, rate))
    studio.until(lambda s: s.finished)
    times, samples = studio.card.heard()
    heard = np.flatnonzero(np.abs(samples.astype(np.int32)) > 50)
    assert times[heard[-1]] - times[heard[0]] == pytest.approx(0.6, abs=0.003)
    assert np.ptp(np.diff(times)) < 1e-6, "without a gap"
    middle = samples[heard[0] + 4800 : heard[-1] - 4800].astype(float)
    assert np.sqrt(2) * middle.std() == pytest.approx(8000, rel=0.02)
    padded = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 48000 * 4))
    assert np.argmax(padded) / 4 == pytest.approx(440, abs=1)
    assert studio.output.snapshot().xruns == 0


def test_an_interrupt_is_silence_at_once() -> None:
    studio = Studio()
    studio.output.play(spoken(5))
    studio.until(lambda s: s.position_s > 0.5)
    studio.output.drop()
    studio.time.now += 0.003
    assert studio.turn().ticket == 0
    assert studio.card.loud_times()[-1] == pytest.approx(studio.time.now, abs=0.002)
    studio.pass_time(0.4)
    assert studio.card.loud_times()[-1] < studio.time.now - 0.39
    told = "kiosk_interrupt_to_silence_seconds"
    assert value(studio.metrics, f"{told}_count") == 1
    assert value(studio.metrics, f"{told}_sum") == pytest.approx(0.003)


def test_a_pause_is_silent_and_loses_nothing() -> None:
    studio = Studio()
    studio.output.play(spoken(1.0))
    studio.until(lambda s: s.position_s > 0.4)
    studio.output.pause()
    stood = studio.turn()
    assert not stood.running
    assert 0.4 < stood.position_s < 0.42
    assert studio.pass_time(0.5).position_s == stood.position_s
    studio.output.resume()
    studio.until(lambda s: s.finished)
    loud = studio.card.loud_times()
    gap = np.diff(loud).max()
    assert gap == pytest.approx(0.5 + LEAD_IN_S, abs=0.002)
    assert loud[-1] - loud[0] - gap == pytest.approx(1.0, abs=0.01)


def test_a_late_network_stops_the_position_until_samples_come() -> None:
    studio = Studio()
    utterance = spoken(0.5, ended=False)
    studio.output.play(utterance)
    starved = studio.until(lambda s: s.starved)
    assert starved.position_s == pytest.approx(0.5, abs=0.005)
    assert studio.pass_time(0.3).position_s == starved.position_s
    utterance.append_audio(tone(0.5, 16000))
    utterance.end_audio()
    assert studio.until(lambda s: s.finished).position_s == pytest.approx(1.0, abs=0.001)
    loud = studio.card.loud_times()
    assert loud[-1] - loud[0] - np.diff(loud).max() == pytest.approx(1.0, abs=0.01)
    assert studio.output.snapshot().xruns == 0


@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_a_word_is_heard_to_its_end_before_a_pause(rate: int) -> None:
    """A sentence is made after the other: the end of one must not wait for the next."""
    studio = Studio()
    utterance = spoken(0.3, rate, ended=False)
    studio.output.play(utterance)
    studio.pass_time(1.0)
    loud = studio.card.loud_times()
    assert loud[-1] - loud[0] == pytest.approx(0.3, abs=0.009)
    utterance.append_audio(tone(0.3, rate))
    utterance.end_audio()
    studio.until(lambda s: s.finished)
    loud = studio.card.loud_times()
    assert loud[-1] - loud[0] - np.diff(loud).max() == pytest.approx(0.6, abs=0.003)


def test_a_thread_that_stood_still_goes_on_without_a_gap_in_its_position(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The card ran dry for 0.3 s, as on a machine that stood still; nothing of it is skipped."""
    studio = Studio()
    studio.output.play(spoken(1.0, 48000))
    before = studio.until(lambda s: s.position_s > 0.3)
    studio.time.now += 0.42
    dry = studio.turn()
    assert dry.xruns == 1
    assert dry.position_s == pytest.approx(before.limit_s, abs=0.001)
    again = studio.time.now
    while not (seen := studio.turn()).finished:
        expected = min(dry.position_s + studio.time.now - again, 1.0)
        assert seen.position_s == pytest.approx(expected, abs=0.001)
        studio.time.now += 0.01
    loud = studio.card.loud_times()
    assert loud[-1] - loud[0] - np.diff(loud).max() == pytest.approx(1.0, abs=0.002)
    assert value(studio.metrics, "kiosk_audio_xruns_total") == 1
    assert [record.code for record in caplog.records] == ["audio_xrun"]  # type: ignore[attr-defined]


def test_the_voice_waits_for_motion_no_longer_than_told() -> None:
    studio = Studio(make_card=None)
    began = studio.time.now
    studio.output.play(spoken(1.0), hold_s=0.3)
    studio.until(lambda s: s.started)
    assert studio.time.now - began == pytest.approx(0.3, abs=0.011)

    moved = spoken(1.0)
    studio.output.play(moved, hold_s=5.0)
    assert not studio.pass_time(0.1).started
    moved.append_motion(np.zeros((1, 120), np.float32))
    assert studio.turn().started

    failed = spoken(1.0)
    failed.fail_motion(MotionFailure.LINK_DOWN)
    studio.output.play(failed, hold_s=5.0)
    assert studio.turn().started


def test_without_a_device_the_clock_stands_in(caplog: pytest.LogCaptureFixture) -> None:
    studio = Studio(make_card=None)
    began = studio.time.now
    studio.output.play(spoken(0.5))
    done = studio.until(lambda s: s.finished)
    assert studio.time.now - began == pytest.approx(LEAD_IN_S + 0.5, abs=0.011)
    assert done.reason == "audio_no_device"
    assert "there is no card; the monotonic clock stands in" in caplog.text


class UnpacedCard(PacedCard):
    """Takes everything at once, as ALSA's `null` does."""

    def writable(self) -> int:
        return self.buffer_frames

    def played(self) -> tuple[int, float]:
        return self.written, self._time.now


def test_a_device_without_a_clock_is_written_to_at_the_pace_of_time() -> None:
    studio = Studio(make_card=UnpacedCard)
    began = studio.time.now
    studio.output.play(spoken(1.0))
    seen = studio.until(lambda s: s.reason is not None)
    assert seen.reason == "audio_not_paced"
    while not studio.turn().finished:
        elapsed = studio.time.now - began
        assert studio.output.snapshot().position_at(studio.time.now) <= elapsed + 1e-6
        studio.time.now += 0.01
    assert studio.time.now - began == pytest.approx(LEAD_IN_S + 1.0, abs=0.011)


def test_a_lost_device_leaves_the_utterance_alone_and_comes_back() -> None:
    studio = Studio()
    studio.pass_time(1.0)
    began = studio.time.now
    studio.output.play(spoken(5.0))
    studio.until(lambda s: s.position_s > 0.4)
    studio.card.pull_out()
    lost = studio.turn()
    assert lost.reason == "audio_device_lost"
    studio.card = PacedCard(studio.time)
    worst = last = 0.0
    came_back = None
    while not (seen := studio.turn()).finished:
        position = seen.position_at(studio.time.now)
        assert position >= last
        last = position
        worst = max(worst, abs(position - (studio.time.now - began - LEAD_IN_S)))
        if seen.reason is None and came_back is None:
            came_back = studio.time.now - began
        studio.time.now += 0.01
    assert came_back is not None
    assert came_back < 3.0, "3 s after it was opened, which was a second before the voice"
    assert worst < 0.03
    assert studio.output.snapshot().reason is None
    assert value(studio.metrics, "kiosk_audio_device_lost_total") == 1


def onset_of(studio: Studio, utterance: Utterance) -> tuple[float, float, float]:
    """When it was asked for, when its second 0 was announced for, and when that was heard."""
    asked = studio.time.now
    studio.output.play(utterance)
    told = studio.turn()
    assert (told.started, told.running, told.position_s) == (True, False, 0.0)
    assert told.heard_at is not None
    running = studio.until(lambda s: s.running)
    assert told.heard_at - 0.01 < studio.time.now < told.heard_at + 0.011
    assert running.position_at(studio.time.now) == pytest.approx(
        studio.time.now - told.heard_at, abs=0.002
    )
    return asked, told.heard_at, float(studio.card.loud_times()[0])


def test_a_voice_is_announced_before_it_is_heard() -> None:
    studio = Studio()
    asked, told, heard = onset_of(studio, spoken(1.0))
    assert told == pytest.approx(heard, abs=0.001)
    assert told - asked == pytest.approx(LEAD_IN_S, abs=0.001)


def test_a_voice_that_begins_quietly_is_delayed_by_what_it_lacks_only() -> None:
    for quiet_s, delay_s in ((0.02, 0.04), (0.06, 0.02), (0.2, 0.0)):
        studio = Studio()
        utterance = Utterance("req-1", 16000)
        utterance.append_audio(np.zeros(round(quiet_s * 16000), np.int16))
        utterance.append_audio(tone(1.0, 16000))
        utterance.end_audio()
        began = studio.time.now
        studio.output.play(utterance)
        studio.until(lambda s: s.finished)
        heard = studio.card.loud_times()[0]
        assert heard - began == pytest.approx(quiet_s + delay_s, abs=0.003)


def test_where_the_amplifier_is_late_anyway_nothing_is_added() -> None:
    studio = Studio(latency_ms=200.0)
    asked = studio.time.now
    studio.output.play(spoken(0.4))
    told = studio.turn()
    assert told.heard_at == pytest.approx(asked + 0.2, abs=0.001)
    assert studio.card.loud_times()[0] == pytest.approx(asked, abs=0.001)


def test_speech_that_comes_back_is_announced_too() -> None:
    """The silence that keeps the card running is written ahead of it, and known."""
    studio = Studio()
    utterance = spoken(0.5, ended=False)
    studio.output.play(utterance)
    studio.until(lambda s: s.starved)
    assert studio.pass_time(0.3).heard_at is None
    utterance.append_audio(tone(0.5, 16000))
    told = studio.turn()
    assert told.heard_at is not None
    assert 0.01 < told.heard_at - studio.time.now < 0.06
    studio.until(lambda s: s.running)
    assert studio.time.now == pytest.approx(told.heard_at, abs=0.011)


def test_latency_of_the_amplifier_is_taken_off() -> None:
    studio = Studio(latency_ms=200.0)
    began = studio.time.now
    studio.output.play(spoken(0.4))
    assert studio.pass_time(0.19).position_s == 0
    studio.until(lambda s: s.finished)
    assert studio.time.now - began == pytest.approx(0.6, abs=0.015)


def test_an_empty_utterance_ends_at_once() -> None:
    utterance = Utterance("req-1", 16000)
    utterance.end_audio()
    studio = Studio()
    studio.output.play(utterance)
    seen = studio.turn()
    assert (seen.finished, seen.position_s) == (True, 0)


# The thread itself, in real time: it gets there, however late


def wait_for(what: Any) -> None:
    deadline = time.monotonic() + GENEROUS_S
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def refuse(name: str, _buffer_s: float) -> Any:
    raise AudioError(f"{name} is none")


def test_a_hanging_device_does_not_stop_the_thread() -> None:
    release = threading.Event()

    def hang(name: str, buffer_s: float) -> Any:
        release.wait(GENEROUS_S)
        return refuse(name, buffer_s)

    output = AudioOutput(ready_audio(), Metrics(), hang)
    output.start()
    try:
        output.play(spoken(0.2))
        wait_for(lambda: output.snapshot().finished)
        assert output.snapshot().reason == "audio_no_device"
    finally:
        release.set()
        output.stop()


def test_the_thread_beats_without_work_and_is_woken_by_a_command() -> None:
    output = AudioOutput(ready_audio(), Metrics(), refuse)
    output.start()
    try:
        for _ in range(2):
            beat = output.snapshot().beat
            wait_for(lambda beat=beat: output.snapshot().beat > beat)
        output.play(spoken(0.1))
        wait_for(lambda: output.snapshot().finished)
    finally:
        output.stop()


def test_stopping_while_it_plays_does_not_wait_for_the_voice() -> None:
    card = PacedCard(OwnTime())
    output = AudioOutput(ready_audio(), Metrics(), lambda _name, _buffer_s: card)
    output.start()
    output.play(spoken(600))
    wait_for(lambda: output.snapshot().started)
    output.stop()
    wait_for(lambda: not any(thread.name == "audio" for thread in threading.enumerate()))
    assert not output.snapshot().finished
