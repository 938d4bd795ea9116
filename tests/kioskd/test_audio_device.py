# SPDX-License-Identifier: Apache-2.0
"""One ALSA device: what it takes, how it counts, how it runs dry and how it is refused."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import alsaaudio
import numpy as np
import pytest

from kioskd.audio.device import AlsaDevice, interleaved
from kioskd.errors import AudioError


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_device_that_ran_dry_is_counted_and_takes_sound_again(sound_server: Any) -> None:
    """It holds a minute, so that it runs dry where the story says so and nowhere else."""
    device = AlsaDevice(sound_server.device, 60.0)
    block = np.ones(480, np.int16)
    assert device.buffer_frames >= 10 * device.rate
    for _ in range(4):
        assert device.write(block) == 480
    until(lambda: device.writable() == device.buffer_frames)
    assert device.xruns == 1
    assert device.played()[0] == 1920
    while device.writable() >= 480:
        device.write(block)
    until(lambda: device.played()[0] > 1920 + 1000)
    before = time.monotonic()
    played, at = device.played()
    assert 1920 + 1000 < played < device.written
    assert before - 10.0 < at <= time.monotonic(), "the stamp is of this clock"
    assert device.xruns == 1
    device.drop()
    assert device.written == 0
    assert device.played()[0] == 0
    assert device.writable() == device.buffer_frames
    assert device.xruns == 1
    device.close()


def test_a_killed_server_is_a_lost_device(sound_server: Any) -> None:
    device = AlsaDevice(sound_server.device, 0.12)
    device.write(np.ones(480, np.int16))
    sound_server.kill()

    def write_on() -> bool:
        device.writable()
        device.write(np.ones(480, np.int16))
        return False

    with pytest.raises(AudioError, match="lost while playing"):
        until(write_on)
    device.close()


def test_a_server_that_stands_still_holds_up_nobody_else(sound_server: Any) -> None:
    """Who silences a voice waits for it; every other thread goes on."""
    device = AlsaDevice(sound_server.device, 0.12)
    for _ in range(4):
        device.write(np.ones(480, np.int16))
    sound_server.process.send_signal(signal.SIGSTOP)
    silencing = threading.Thread(target=device.drop, daemon=True)
    steps, began = 0, time.monotonic()
    # Whatever becomes of the test: with Python's lock held nothing here would run to wake it
    waker = subprocess.Popen(["sh", "-c", f"sleep 10; kill -CONT {sound_server.process.pid}"])
    try:
        silencing.start()
        while steps < 50:
            time.sleep(0.01)
            steps += 1
        assert silencing.is_alive(), "it waits"
        assert time.monotonic() - began < 9, "while nobody else does"
    finally:
        sound_server.process.send_signal(signal.SIGCONT)
        waker.kill()
        waker.wait()
    silencing.join(60)
    device.close()


def test_a_device_that_is_closed_takes_nothing_and_crashes_nobody(sound_server: Any) -> None:
    device = AlsaDevice(sound_server.device, 0.12)
    device.close()
    device.close()
    with pytest.raises(AudioError, match="lost while playing"):
        device.write(np.ones(480, np.int16))


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_all_channels_carry_the_voice(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, channels: int
) -> None:
    bindings = " ".join(f"bindings.{i}.slave a bindings.{i}.channel {i}" for i in range(channels))
    (tmp_path / "asound.conf").write_text(
        f"pcm.kiosk_fixed {{ type multi slaves.a.pcm nothing slaves.a.channels {channels} "
        f"{bindings} }}\npcm.nothing {{ type null }}\n"
    )
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))
    device = AlsaDevice("kiosk_fixed", 0.12)
    assert device.channels == channels
    assert device.write(np.ones(480, np.int16)) == 480
    device.close()


@pytest.mark.parametrize(
    ("alsa_format", "dtype", "full"),
    [
        (alsaaudio.PCM_FORMAT_S16_LE, "<i2", 32767),
        (alsaaudio.PCM_FORMAT_S32_LE, "<i4", 32767 << 16),
        (alsaaudio.PCM_FORMAT_S24_LE, "<i4", 32767 << 8),
    ],
)
def test_wider_formats_keep_the_level(alsa_format: int, dtype: str, full: int) -> None:
    samples = np.array([0, 32767, -1], np.int16)
    frames = np.frombuffer(interleaved(samples, alsa_format, 3), dtype).reshape(3, 3)
    assert frames[0].tolist() == [0, 0, 0]
    assert frames[1].tolist() == [full] * 3
    assert (frames[2] < 0).all()


def test_refusals_say_what_to_do(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "asound.conf").write_text(
        "pcm.nothing { type null }\n"
        "pcm.bitstream { type iec958 slave { pcm nothing format S32_LE } }\n"
    )
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))
    with pytest.raises(AudioError, match=r"'missing' cannot be opened .*aplay -L"):
        AlsaDevice("missing", 0.12)
    with pytest.raises(AudioError, match=r"it takes IEC958_SUBFRAME_LE only.*plughw"):
        AlsaDevice("bitstream", 0.12)
