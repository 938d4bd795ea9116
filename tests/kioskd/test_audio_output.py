# SPDX-License-Identifier: Apache-2.0
"""The voice through a real ALSA path: PulseAudio's null sink paces it, parec hears it."""

from __future__ import annotations

import threading
import time
import wave
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from driving_client.utterance import SAMPLE_RATES, Utterance
from kioskd.audio.output import AudioOutput
from kioskd.audio.settings import AudioSettings
from kioskd.audio.snapshot import AudioSnapshot
from kioskd.errors import AudioError
from kioskd.metrics import Metrics

MakeOutput = Callable[..., AudioOutput]


def tone(seconds: float, rate: int, hertz: float = 440.0) -> np.ndarray:
    angle = 2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate
    return np.rint(16000 * np.sin(angle)).astype(np.int16)


def spoken(seconds: float, rate: int = 16000, *, ended: bool = True) -> Utterance:
    utterance = Utterance("req-1", rate)
    utterance.append_audio(tone(seconds, rate))
    if ended:
        utterance.end_audio()
    return utterance


def wait_for(
    output: AudioOutput, what: Callable[[AudioSnapshot], bool], seconds: float = 5
) -> AudioSnapshot:
    deadline = time.monotonic() + seconds
    while not what(output.snapshot()):
        assert time.monotonic() < deadline, output.snapshot()
        time.sleep(0.005)
    return output.snapshot()


def value(metrics: Metrics, name: str) -> float:
    return metrics.registry.get_sample_value(name) or 0.0


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def make_output(request: pytest.FixtureRequest, metrics: Metrics) -> Iterator[MakeOutput]:
    made: list[AudioOutput] = []

    def make(device: str = "no_such_device", **settings: Any) -> AudioOutput:
        output = AudioOutput(AudioSettings(device=device, **settings), metrics)
        made.append(output)
        output.start()
        wait_for(
            output, lambda s: s.device_ok or s.reason != "audio_no_device" or device[:2] == "no"
        )
        return output

    yield make
    for output in made:
        output.stop()


def test_the_position_is_what_is_heard(
    make_output: MakeOutput, sound_server: Any, listener: Any
) -> None:
    output = make_output(sound_server.device)
    utterance = Utterance("req-1", 16000)
    utterance.append_audio(np.zeros(8000, np.int16))
    utterance.append_audio(tone(0.5, 16000))
    utterance.append_audio(np.zeros(4000, np.int16))
    utterance.end_audio()
    since = time.monotonic()
    output.play(utterance)
    crossed = []
    last = 0.0
    while not output.snapshot().finished:
        now = time.monotonic()
        position = output.snapshot().position_at(now)
        assert position >= last
        if last < 0.5 <= position:
            crossed.append(now - (position - 0.5))
        last = position
        time.sleep(0.002)
    time.sleep(0.2)
    onset = listener.loud_times(since)[0]
    assert last == pytest.approx(1.25, abs=0.02)
    assert abs(onset - crossed[0]) < 0.02


@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_any_rate_keeps_pitch_and_duration(
    make_output: MakeOutput, sound_server: Any, metrics: Metrics, rate: int
) -> None:
    output = make_output(sound_server.recording_device, volume=0.5)
    output.play(spoken(0.6, rate))
    wait_for(output, lambda s: s.finished)
    output.stop()
    with wave.open(str(sound_server.wav)) as recorded:
        assert recorded.getframerate() == 48000
        data = recorded.readframes(recorded.getnframes())
    stereo = np.frombuffer(data, np.int16).reshape(-1, 2).astype(float)
    assert np.array_equal(stereo[:, 0], stereo[:, 1])
    heard = np.flatnonzero(np.abs(stereo[:, 0]) > 50)
    assert (heard[-1] - heard[0]) / 48000 == pytest.approx(0.6, abs=0.003)
    middle = stereo[heard[0] + 4800 : heard[-1] - 4800, 0]
    assert np.sqrt(2) * middle.std() == pytest.approx(8000, rel=0.02)
    padded = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 48000 * 4))
    assert np.argmax(padded) / 4 == pytest.approx(440, abs=1)
    assert value(metrics, "kiosk_audio_xruns_total") == 0


def test_an_interrupt_is_silence_within_100_ms(
    make_output: MakeOutput, sound_server: Any, listener: Any, metrics: Metrics
) -> None:
    output = make_output(sound_server.device)
    since = time.monotonic()
    output.play(spoken(5))
    wait_for(output, lambda s: s.position_s > 0.5)
    asked = time.monotonic()
    output.drop()
    wait_for(output, lambda s: s.request_id is None)
    time.sleep(0.4)
    loud = listener.loud_times(since)
    assert loud[-1] > asked - 0.05
    assert loud[-1] - asked < 0.1
    assert value(metrics, "kiosk_interrupt_to_silence_seconds_count") == 1
    assert value(metrics, "kiosk_interrupt_to_silence_seconds_sum") < 0.1


def test_a_pause_is_silent_and_loses_nothing(
    make_output: MakeOutput, sound_server: Any, listener: Any
) -> None:
    output = make_output(sound_server.device)
    since = time.monotonic()
    output.play(spoken(1.0))
    wait_for(output, lambda s: s.position_s > 0.4)
    output.pause()
    time.sleep(0.1)
    stood = output.snapshot()
    assert not stood.running
    assert 0.4 < stood.position_s < 0.6
    time.sleep(0.4)
    assert output.snapshot().position_s == stood.position_s
    output.resume()
    wait_for(output, lambda s: s.finished)
    time.sleep(0.2)
    loud = listener.loud_times(since)
    gap = np.diff(loud).max()
    assert gap > 0.4
    assert loud[-1] - loud[0] - gap == pytest.approx(1.0, abs=0.03)


def test_a_late_network_stops_the_position_until_samples_come(
    make_output: MakeOutput, sound_server: Any, listener: Any, metrics: Metrics
) -> None:
    output = make_output(sound_server.device)
    utterance = spoken(0.5, ended=False)
    since = time.monotonic()
    output.play(utterance)
    starved = wait_for(output, lambda s: s.starved)
    # The resampler keeps the last few milliseconds until it sees what follows
    assert 0.42 < starved.position_s <= 0.5
    time.sleep(0.3)
    assert output.snapshot().position_s == starved.position_s
    utterance.append_audio(tone(0.5, 16000))
    utterance.end_audio()
    assert wait_for(output, lambda s: s.finished).position_s == pytest.approx(1.0, abs=0.001)
    time.sleep(0.2)
    loud = listener.loud_times(since)
    assert loud[-1] - loud[0] - np.diff(loud).max() == pytest.approx(1.0, abs=0.03)
    assert value(metrics, "kiosk_audio_xruns_total") == 0


def test_the_voice_waits_for_motion_no_longer_than_told(make_output: MakeOutput) -> None:
    output = make_output()
    began = time.monotonic()
    output.play(spoken(1.0), hold_s=0.3)
    wait_for(output, lambda s: s.started)
    assert time.monotonic() - began == pytest.approx(0.3, abs=0.1)

    moved = spoken(1.0)
    began = time.monotonic()
    output.play(moved, hold_s=5.0)
    time.sleep(0.1)
    assert not output.snapshot().started
    moved.append_motion(np.zeros((1, 120), np.float32))
    wait_for(output, lambda s: s.started)
    assert time.monotonic() - began < 0.2

    failed = spoken(1.0)
    failed.fail_motion("no link")
    began = time.monotonic()
    output.play(failed, hold_s=5.0)
    wait_for(output, lambda s: s.started)
    assert time.monotonic() - began < 0.1


def test_a_server_restarted_between_utterances_costs_nothing(
    make_output: MakeOutput, sound_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kioskd.audio.device_choice.REOPEN_S", 0.2)
    output = make_output(sound_server.device)
    time.sleep(0.3)
    sound_server.kill()
    sound_server.restart()
    output.play(spoken(0.5))
    done = wait_for(output, lambda s: s.finished)
    assert done.reason is None
    assert done.position_s == pytest.approx(0.5, abs=0.001)


def test_without_a_device_the_monotonic_clock_stands_in(
    make_output: MakeOutput, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    output = make_output()
    began = time.monotonic()
    output.play(spoken(0.5))
    done = wait_for(output, lambda s: s.finished)
    assert time.monotonic() - began == pytest.approx(0.5, abs=0.06)
    assert not done.device_ok
    assert done.reason == "audio_no_device"
    assert "aplay -L" in caplog.text
    assert "ALSA lib" not in capfd.readouterr().err


def test_disabled_sound_is_silent_and_on_time(make_output: MakeOutput, sound_server: Any) -> None:
    output = make_output(sound_server.recording_device, enabled=False)
    output.play(spoken(0.3))
    assert wait_for(output, lambda s: s.finished).reason == "audio_disabled"
    assert not sound_server.wav.exists()


def test_a_device_without_a_clock_records_but_does_not_pace(
    make_output: MakeOutput, sound_server: Any
) -> None:
    output = make_output("kiosk_unpaced")
    began = time.monotonic()
    output.play(spoken(1.0))
    seen = wait_for(output, lambda s: s.reason is not None)
    assert seen.reason == "audio_not_paced"
    assert seen.device_ok
    while not output.snapshot().finished:
        now = time.monotonic()
        assert output.snapshot().position_at(now) <= now - began + 0.005
        time.sleep(0.01)
    assert time.monotonic() - began == pytest.approx(1.0, abs=0.06)
    output.stop()
    recorded = np.frombuffer((sound_server.folder / "unpaced.raw").read_bytes(), np.int16)[::2]
    loud = np.flatnonzero(np.abs(recorded) > 500)
    assert (loud[-1] - loud[0]) / 48000 == pytest.approx(1.0, abs=0.003)


def test_a_lost_device_leaves_the_utterance_alone_and_comes_back(
    make_output: MakeOutput, sound_server: Any, metrics: Metrics
) -> None:
    output = make_output(sound_server.device)
    began = time.monotonic()
    output.play(spoken(5.0))
    wait_for(output, lambda s: s.position_s > 0.4)
    sound_server.kill()
    lost = wait_for(output, lambda s: s.reason is not None)
    assert lost.reason == "audio_device_lost"
    assert not lost.device_ok
    sound_server.restart()
    worst = 0.0
    last = 0.0
    came_back = None
    while not output.snapshot().finished:
        now = time.monotonic()
        position = output.snapshot().position_at(now)
        assert position >= last
        last = position
        worst = max(worst, abs(position - (now - began)))
        if output.snapshot().device_ok and came_back is None:
            came_back = now - began
        time.sleep(0.005)
    assert came_back is not None
    assert came_back < 0.4 + 5
    assert worst < 0.15
    assert output.snapshot().reason is None
    assert value(metrics, "kiosk_audio_device_lost_total") == 1


def test_a_hanging_device_does_not_stop_the_thread(metrics: Metrics) -> None:
    release = threading.Event()

    def hang(_name: str, _buffer_s: float) -> Any:
        release.wait(20)
        raise AudioError("it never answered")

    output = AudioOutput(AudioSettings(), metrics, hang)
    output.start()
    try:
        output.play(spoken(0.2))
        done = wait_for(output, lambda s: s.finished)
        assert done.reason == "audio_no_device"
    finally:
        release.set()
        output.stop()


def test_a_device_with_little_room_is_told_about(
    make_output: MakeOutput, sound_server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    make_output(sound_server.device, buffer_ms=40.0)
    assert "may run dry" in caplog.text
    caplog.clear()
    make_output(sound_server.device, buffer_ms=100.0)
    assert "may run dry" not in caplog.text


def test_latency_of_the_amplifier_is_taken_off(make_output: MakeOutput) -> None:
    output = make_output(latency_ms=200.0)
    began = time.monotonic()
    output.play(spoken(0.4))
    time.sleep(0.15)
    assert output.snapshot().position_at(time.monotonic()) == 0
    wait_for(output, lambda s: s.finished)
    assert time.monotonic() - began == pytest.approx(0.6, abs=0.06)


def test_an_empty_utterance_ends_at_once(make_output: MakeOutput) -> None:
    utterance = Utterance("req-1", 16000)
    utterance.end_audio()
    output = make_output()
    output.play(utterance)
    assert wait_for(output, lambda s: s.finished).position_s == 0


def test_the_thread_beats_without_work(make_output: MakeOutput) -> None:
    output = make_output()
    time.sleep(0.6)
    assert time.monotonic() - output.snapshot().beat < 0.4


def test_stopping_while_it_plays_is_quick(make_output: MakeOutput, sound_server: Any) -> None:
    output = make_output(sound_server.device)
    output.play(spoken(5))
    wait_for(output, lambda s: s.started)
    began = time.monotonic()
    output.stop()
    assert time.monotonic() - began < 0.5
    assert not any(thread.name == "audio" for thread in threading.enumerate())
