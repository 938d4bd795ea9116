# SPDX-License-Identifier: Apache-2.0
"""The voice through a real ALSA path: PulseAudio's null sink paces it, parec hears it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from driving_client.utterance import SAMPLE_RATES, Utterance
from kioskd.audio.output import AudioOutput
from kioskd.audio.settings import AudioSettings
from kioskd.audio.snapshot import AudioSnapshot
from kioskd.metrics import Metrics

if TYPE_CHECKING:
    from conftest import Listener, SoundServer

MakeOutput = Callable[..., AudioOutput]


def tone(seconds: float, rate: int, hertz: float = 440.0) -> np.ndarray:
    return np.rint(
        16000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    ).astype(np.int16)


def spoken(
    seconds: float, rate: int = 16000, hertz: float = 440.0, ended: bool = True
) -> Utterance:
    utterance = Utterance("req-1", rate)
    utterance.append_audio(tone(seconds, rate, hertz))
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


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def make_output(metrics: Metrics) -> Iterator[MakeOutput]:
    made: list[AudioOutput] = []

    def make(device: str = "no_such_device", **settings: object) -> AudioOutput:
        output = AudioOutput(AudioSettings(device=device, **settings), metrics)
        made.append(output)
        output.start()
        return output

    yield make
    for output in made:
        output.stop()


def test_the_position_is_what_is_heard(
    make_output: MakeOutput, sound_server: SoundServer, listener: Listener
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
    print("offset", onset - crossed[0], "start", onset - 0.5 - since)
    assert last == pytest.approx(1.25, abs=0.02)
    assert abs(onset - crossed[0]) < 0.015
