# SPDX-License-Identifier: Apache-2.0
"""Proves that ALSA's time stamps tell when a sound was at the microphone.

Everything about the echo rests on it: what the loudspeaker played is placed by the stamps of
playback (`test_audio_output_alsa.py`), what the microphone recorded by those of capture.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
from starvation import unless_starved

from kioskd.audio.clock import PositionClock
from kioskd.audio.device import AlsaDevice
from test_stand.sound_daemon import HEARD
from test_stand.stamped_capture import StampedCapture

PLAYED = 48000
CLICKS_S = (0.5, 0.83, 1.11, 1.47, 1.9, 2.33, 2.6)
PULSE_S = 0.002
"""The short reader that keeps the null sink from playing ahead, see `sound_daemon`."""


class Recorder:
    """Records on a thread of its own until it is told to stop."""

    def __init__(self, capture: StampedCapture) -> None:
        self.capture = capture
        self.blocks: list[Any] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._record)
        self._thread.start()

    def _record(self) -> None:
        while not self._stop.wait(0.004):
            self.blocks.append(self.capture.read())

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def click_times(self) -> list[float]:
        samples = np.concatenate(self.blocks).astype(np.int32)
        loud = np.flatnonzero(np.abs(samples) > 5000)
        first = loud[np.r_[True, np.diff(loud) > self.capture.rate // 20]]
        return [self.capture.time.time_of(float(each)) for each in first]


def play_clicks() -> list[float]:
    """Play them; the monotonic times at which the player's clock has each heard."""
    device, clock = AlsaDevice("kiosk_pulse", 0.1), PositionClock()
    samples = np.zeros(3 * PLAYED, np.int16)
    for click in CLICKS_S:
        begin = round(click * PLAYED)
        samples[begin : begin + 96] = 20000
    written, heard = 0, {}
    while written < len(samples) or len(heard) < len(CLICKS_S):
        if (room := device.writable()) >= PLAYED // 100 and written < len(samples):
            written += device.write(samples[written : written + room])
            clock.start(time.monotonic())
        played, at = device.played()
        clock.update(played / PLAYED, at)
        now = time.monotonic()
        position = clock.position(now)
        heard |= {
            click: now - (position - click)
            for click in CLICKS_S
            if position >= click and click not in heard
        }
        time.sleep(0.004)
    device.close()
    return [heard[click] for click in CLICKS_S]


@pytest.mark.parametrize(("rate", "period_s"), [(48000, 0.01), (44100, 0.02), (16000, 0.01)])
def test_a_click_is_recorded_when_it_is_played(
    sound_server: Any, rate: int, period_s: float
) -> None:
    """Whatever the rate and the period, of which the plugin makes its buffers at the server."""

    def story(_late: object) -> None:
        keeper = Recorder(StampedCapture(HEARD, PLAYED, PULSE_S))
        recorder = Recorder(StampedCapture(HEARD, rate, period_s))
        time.sleep(0.3)
        try:
            played = play_clicks()
            time.sleep(0.3)
        finally:
            recorder.stop()
            keeper.stop()
        recorded = recorder.click_times()
        assert recorder.capture.lost == 0
        assert len(recorded) == len(played)
        errors = np.array(recorded) - np.array(played)
        print(f"recorded less played, ms: {np.round(errors * 1000, 2)}")
        assert np.abs(np.median(errors)) < 0.002
        assert np.abs(errors).max() < 0.005

    unless_starved(story)
