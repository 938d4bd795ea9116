# SPDX-License-Identifier: Apache-2.0
"""The audio thread on a real ALSA path: PulseAudio's null sink paces it, `parec` hears it.

What the thread does is told in `test_audio_output.py`, in the test's own time. Here is what only
real devices can show: that their counters tell what is heard, what they record, how they go and
come back. These wait for what must come; only the first measures real time.
"""

from __future__ import annotations

import time
import wave
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from ready_settings import ready_audio
from sound_card import spoken, tone, value
from starvation import unless_starved

from driving_client.utterance import Utterance
from kioskd.audio.output import AudioOutput
from kioskd.audio.snapshot import AudioSnapshot
from kioskd.metrics import Metrics

GENEROUS_S = 60.0
MakeOutput = Callable[..., AudioOutput]


def wait_for(output: AudioOutput, what: Callable[[AudioSnapshot], bool]) -> AudioSnapshot:
    deadline = time.monotonic() + GENEROUS_S
    while not what(seen := output.snapshot()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.005)
    return seen


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def make_output(metrics: Metrics) -> Iterator[MakeOutput]:
    made: list[AudioOutput] = []

    def make(device: str, **settings: Any) -> AudioOutput:
        output = AudioOutput(ready_audio(device=device, **settings), metrics)
        made.append(output)
        output.start()
        return output

    yield make
    for output in made:
        output.stop()


def test_the_position_is_what_is_heard(
    make_output: MakeOutput, sound_server: Any, listener: Any
) -> None:
    """Against the moment at which `parec` hears it, which only real time can tell."""
    unless_starved(lambda _late: heard_where_told(make_output(sound_server.device), listener))


def heard_where_told(output: AudioOutput, listener: Any) -> None:
    wait_for(output, lambda s: s.reason is None)
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
    output.stop()
    onset = listener.loud_times(since)[0]
    assert last == pytest.approx(1.25, abs=0.02)
    assert abs(onset - crossed[0]) < 0.02


def test_what_is_sent_to_the_device_is_the_voice(
    make_output: MakeOutput, sound_server: Any
) -> None:
    output = make_output(sound_server.recording_device, volume=0.5)
    wait_for(output, lambda s: s.reason is None)
    output.play(spoken(0.6, 22050))
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


def test_a_server_restarted_between_utterances_costs_nothing(
    make_output: MakeOutput, sound_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kioskd.audio.opening.REOPEN_S", 0.0)
    output = make_output(sound_server.device)
    wait_for(output, lambda s: s.reason is None)
    sound_server.kill()
    sound_server.restart()
    output.play(spoken(0.5))
    done = wait_for(output, lambda s: s.finished)
    assert done.reason is None
    assert done.position_s == pytest.approx(0.5, abs=0.001)


def test_a_name_that_is_no_device_is_told_with_what_to_do(
    make_output: MakeOutput, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    output = make_output("no_such_device")
    output.play(spoken(0.5))
    done = wait_for(output, lambda s: s.finished)
    assert done.reason == "audio_no_device"
    assert "aplay -L" in caplog.text
    assert "ALSA lib" not in capfd.readouterr().err


def test_disabled_sound_is_silent(make_output: MakeOutput, sound_server: Any) -> None:
    output = make_output(sound_server.recording_device, enabled=False)
    output.play(spoken(0.3))
    assert wait_for(output, lambda s: s.finished).reason == "audio_disabled"
    assert not sound_server.wav.exists()


def test_a_device_without_a_clock_records_but_does_not_pace(
    make_output: MakeOutput, sound_server: Any
) -> None:
    output = make_output("kiosk_unpaced")
    wait_for(output, lambda s: s.reason is None)
    began = time.monotonic()
    output.play(spoken(1.0))
    wait_for(output, lambda s: s.finished)
    assert time.monotonic() - began > 0.99, "never ahead of time"
    assert output.snapshot().reason == "audio_not_paced"
    output.stop()
    recorded = np.frombuffer((sound_server.folder / "unpaced.raw").read_bytes(), np.int16)[::2]
    loud = np.flatnonzero(np.abs(recorded) > 500)
    assert (loud[-1] - loud[0]) / 48000 == pytest.approx(1.0, abs=0.003)


def test_a_server_that_is_killed_amid_a_voice_is_a_lost_device_that_comes_back(
    make_output: MakeOutput, sound_server: Any, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kioskd.audio.opening.REOPEN_S", 0.2)
    output = make_output(sound_server.device)
    wait_for(output, lambda s: s.reason is None)
    output.play(spoken(60.0))
    wait_for(output, lambda s: s.position_s > 0.4)
    sound_server.kill()
    lost = wait_for(output, lambda s: s.reason is not None)
    assert lost.reason == "audio_device_lost"
    sound_server.restart()
    back = wait_for(output, lambda s: s.reason is None)
    assert lost.position_s <= back.position_s < 60
    wait_for(output, lambda s: s.position_s > back.position_s + 0.2)
    assert value(metrics, "kiosk_audio_device_lost_total") == 1


def test_a_device_with_little_room_is_told_about(
    make_output: MakeOutput, sound_server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for buffer_ms, told in ((40.0, True), (100.0, False)):
        caplog.clear()
        wait_for(make_output(sound_server.device, buffer_ms=buffer_ms), lambda s: s.reason is None)
        assert ("may run dry" in caplog.text) == told
