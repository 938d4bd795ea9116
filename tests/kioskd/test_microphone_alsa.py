# SPDX-License-Identifier: Apache-2.0
"""The microphone on a real ALSA path, PulseAudio's second null sink being the room.

What becomes of each fault is told in `test_microphone.py`, in the test's own time. Here is what
only real devices can show: what ALSA does when there is none, when it hangs, goes and comes back.
"""

from __future__ import annotations

import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import alsaaudio
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kiosk_process import GENEROUS_S, running
from sound_card import tone
from starvation import unless_starved
from voice_files import wav

from kioskd.audio.device import AlsaDevice
from kioskd.config import Config
from kioskd.config.part_settings import ears_settings
from kioskd.ears.capture import FORMATS, as_channels
from kioskd.ears.ears import Ears
from kioskd.ears.frames import CleanFrame
from kioskd.ears.microphone import RoomMicrophone
from kioskd.ears.parts import Parts
from kioskd.ears.settings import FRAME, RATE
from kioskd.ears.snapshot import EarsSnapshot
from kioskd.ears.timeline import Timeline
from kioskd.metrics import Metrics
from test_stand.plain_ears import NoTurns, PassThrough
from test_stand.sound_daemon import HANGING, INTO_MICROPHONE, MICROPHONE


class Heard:
    """Ears on a real device; what they hear is kept, for the length of a test."""

    def __init__(self, device: str) -> None:
        settings = replace(ears_settings(Config()), enabled=True, device=device)
        metrics, timeline = Metrics(), Timeline()
        open_it = lambda: RoomMicrophone(settings, timeline, metrics)  # noqa: E731
        self.ears = Ears(Parts(open_it, PassThrough, NoTurns), metrics)
        self.frames: list[CleanFrame] = []
        self.ears.listen(lambda frame, _events: self.frames.append(frame))
        self.ears.start()

    def until(self, what: Callable[[EarsSnapshot], bool]) -> EarsSnapshot:
        deadline = time.monotonic() + GENEROUS_S
        while not what(seen := self.ears.snapshot()):
            assert time.monotonic() < deadline, seen
            time.sleep(0.01)
        return seen

    def until_heard(self, level: int) -> None:
        """Until there was a sound since this was asked."""
        deadline, since = time.monotonic() + GENEROUS_S, len(self.frames)
        while not any(np.abs(each.samples).max() > level for each in self.frames[since:]):
            assert time.monotonic() < deadline, self.ears.snapshot()
            time.sleep(0.01)


@pytest.fixture
def listen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Heard]]:
    monkeypatch.setattr("kioskd.audio.opening.REOPEN_S", 0.2)
    made: list[Heard] = []

    def make(device: str) -> Heard:
        made.append(Heard(device))
        return made[-1]

    yield make
    for heard in made:
        heard.ears.end()
        assert heard.ears.ended(GENEROUS_S)


def say(samples: np.ndarray) -> float:
    """Play it into the microphone's room; when its first sample was to be heard there."""
    device = AlsaDevice(INTO_MICROPHONE, 0.1)
    written, began = 0, time.monotonic()
    while written < len(samples):
        written += device.write(samples[written : written + 480])
        time.sleep(0.002)
    time.sleep(0.3)
    device.close()
    return began


def test_what_is_said_into_the_room_is_heard_when_it_is_said(
    sound_server: Any, listen: Callable[[str], Heard]
) -> None:
    def story(_late: object) -> None:
        heard = listen(MICROPHONE)
        state = heard.until(lambda now: now.microphone.open and now.microphone.level_db is not None)
        assert (state.microphone.rate, state.microphone.channels) == (48000, 2)
        since = len(heard.frames)
        began = say(tone(1.0, 48000))
        frames = heard.frames[since:]
        samples = np.concatenate([frame.samples for frame in frames]).astype(float)
        times = np.concatenate([frame.at + np.arange(FRAME) / RATE for frame in frames])
        loud = np.flatnonzero(np.abs(samples) > 4000)
        assert times[loud[0]] == pytest.approx(began, abs=0.06), "it is written 50 ms ahead at most"
        assert times[loud[-1]] - times[loud[0]] == pytest.approx(1.0, abs=0.005)
        middle = samples[loud[0] + 1600 : loud[-1] - 1600]
        assert np.sqrt(2) * middle.std() == pytest.approx(16000, rel=0.02)
        crossings = np.count_nonzero(np.diff(np.signbit(middle)))
        assert crossings / 2 / (len(middle) / RATE) == pytest.approx(440, abs=3)

    unless_starved(story)


def test_a_server_that_is_killed_is_a_lost_microphone_that_comes_back(
    sound_server: Any, listen: Callable[[str], Heard]
) -> None:
    heard = listen(MICROPHONE)
    heard.until(lambda now: now.microphone.open and len(heard.frames) > 20)
    sound_server.kill()
    lost = heard.until(lambda now: now.reason is not None)
    assert lost.reason in ("microphone_lost", "microphone_missing")
    sound_server.restart()
    heard.until(lambda now: now.microphone.open)
    voice = threading.Thread(target=say, args=(tone(3.0, 48000),))
    voice.start()
    heard.until_heard(4000)
    voice.join()
    assert heard.until(lambda now: now.reason is None).microphone.device == MICROPHONE
    positions = [frame.position for frame in heard.frames]
    assert positions == sorted(positions)
    assert [frame.gap for frame in heard.frames].count(True) >= 1


def test_a_server_that_stands_still_is_told_and_heard_again_when_it_goes_on(
    sound_server: Any, listen: Callable[[str], Heard]
) -> None:
    heard = listen(MICROPHONE)
    heard.until(lambda now: now.microphone.open and len(heard.frames) > 20)
    sound_server.process.send_signal(signal.SIGSTOP)
    try:
        heard.until(lambda now: now.reason == "microphone_stalled" and not now.microphone.open)
    finally:
        sound_server.process.send_signal(signal.SIGCONT)
    known = len(heard.frames)
    heard.until(lambda now: now.microphone.open and len(heard.frames) > known)
    heard.until(lambda now: now.reason is None)


def test_a_name_that_is_no_microphone_is_told_with_what_to_do(
    listen: Callable[[str], Heard],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    listen("no_such_microphone").until(lambda now: now.reason == "microphone_missing")
    assert "arecord -L" in caplog.text
    assert "ALSA lib" not in capfd.readouterr().err


def test_a_device_without_a_clock_is_refused(
    sound_server: Any, listen: Callable[[str], Heard]
) -> None:
    listen("nothing").until(lambda now: now.reason == "microphone_not_paced")


@given(
    alsa_format=st.sampled_from(sorted(FORMATS)),
    channels=st.integers(1, 8),
    seed=st.integers(0, 1000),
)
def test_the_bytes_of_every_format_become_the_same_sound(
    alsa_format: int, channels: int, seed: int
) -> None:
    sound = np.random.default_rng(seed).uniform(-1, 1, (32, channels))
    match alsa_format:
        case alsaaudio.PCM_FORMAT_FLOAT_LE:
            data = sound.astype("<f4").tobytes()
        case alsaaudio.PCM_FORMAT_S16_LE:
            data = np.rint(sound * 32767).astype("<i2").tobytes()
        case alsaaudio.PCM_FORMAT_S32_LE:
            data = np.rint(sound * (2**31 - 1)).astype("<i4").tobytes()
        case _:
            words = np.rint(sound * (2**23 - 1)).astype("<i4") & 0xFFFFFF
            data = (words | 0x5A000000).astype("<u4").tobytes()
            if alsa_format == alsaaudio.PCM_FORMAT_S24_3LE:
                data = np.frombuffer(data, np.uint8).reshape(-1, 4)[:, :3].tobytes()
    assert np.abs(as_channels(data, alsa_format, channels) - sound).max() < 1e-4


def test_what_is_no_number_is_no_sound() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 0.5], "<f4").tobytes()
    assert as_channels(odd, alsaaudio.PCM_FORMAT_FLOAT_LE, 1)[:, 0].tolist() == [0, 1, -1, 0.5]


@pytest.mark.slow("a real daemon speaks in real time")
@pytest.mark.parametrize("hanging", ["ears", "audio"])
def test_a_device_that_hangs_while_it_is_opened_holds_up_neither_picture_nor_voice(
    hanging: str, sound_server: Any, tmp_path: Path
) -> None:
    """With Python's lock held meanwhile, nothing of the daemon would run."""
    device = {"ears": MICROPHONE, "audio": sound_server.device} | {hanging: HANGING}
    config = (
        "endpoint: {url: ''}\n"
        f"ears: {{enabled: true, device: {device['ears']}}}\n"
        f"audio: {{device: {device['audio']}}}\n"
    )
    with running(tmp_path, "--set", "audio.enabled=true", config=config) as kiosk:
        kiosk.wait_for_check("render_loop", "pass")
        voice = wav(tone(2.0, 16000), 16000)
        request = urllib.request.Request(
            f"{kiosk.url}/v1/speak", voice, {"Content-Type": "audio/wav"}
        )
        urllib.request.urlopen(request, timeout=GENEROUS_S).read()
        kiosk.wait_for("utterance_ended")
        if hanging == "ears":
            kiosk.wait_for_check("ears", "warn", "microphone_hangs")
            assert kiosk.health()["checks"]["audio"]["status"] == "pass"
        else:
            kiosk.wait_for_check("audio", "warn", "audio_no_device")
        assert kiosk.health()["checks"]["render_loop"]["status"] == "pass"
        assert kiosk.stop() == 0, kiosk.log
