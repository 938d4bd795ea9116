# SPDX-License-Identifier: Apache-2.0
"""A private PulseAudio daemon with a null sink: real time, a real ALSA path, a heard timeline."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from test_stand.sound_daemon import PACED, environment_of, start_daemon, write_alsa_config

RATE = 48000


@dataclass
class Listener:
    """What `parec` hears at the sink's monitor, each block stamped on arrival."""

    process: subprocess.Popen[bytes]
    blocks: list[tuple[float, NDArray[np.int16]]] = field(default_factory=list)

    def listen(self) -> None:
        assert self.process.stdout is not None
        rest = b""
        while data := os.read(self.process.stdout.fileno(), 65536):
            now = time.monotonic()
            data = rest + data
            whole = len(data) // 4 * 4
            rest = data[whole:]
            self.blocks.append((now, np.frombuffer(data[:whole], np.int16)[::2]))

    def heard(self, since: float = 0.0) -> tuple[NDArray[np.float64], NDArray[np.int16]]:
        """Times (monotonic seconds) and samples heard at 48 kHz, by arrival of their block."""
        blocks = [(at, block) for at, block in list(self.blocks) if at >= since and len(block)]
        if not blocks:
            return np.zeros(0), np.zeros(0, np.int16)
        times = [at - (len(block) - np.arange(len(block))) / RATE for at, block in blocks]
        return np.concatenate(times), np.concatenate([block for _, block in blocks])

    def loud_times(self, since: float = 0.0, level: int = 1000) -> NDArray[np.float64]:
        times, samples = self.heard(since)
        return times[np.abs(samples.astype(np.int32)) > level]


@dataclass
class SoundServer:
    """A running daemon; `device` and `recording_device` are ALSA names, `wav` what was sent."""

    folder: Path
    process: subprocess.Popen[bytes]
    device: str = PACED
    recording_device: str = "kiosk_file"

    @property
    def wav(self) -> Path:
        return self.folder / "o.wav"

    @property
    def environment(self) -> dict[str, str]:
        return environment_of(self.folder)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        (self.folder / "native").unlink(missing_ok=True)
        self.process = start_daemon(self.folder)


@pytest.fixture
def sound_server(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SoundServer]:
    """A private daemon that ALSA reaches by name for the length of one test."""
    if shutil.which("pulseaudio") is None or shutil.which("parec") is None:
        pytest.skip(
            "no pulseaudio and pulseaudio-utils, which `make setup` brings: no paced sound device"
        )
    folder = tmp_path_factory.mktemp("pulse")
    folder.chmod(0o700)
    config = write_alsa_config(folder)
    server = SoundServer(folder, start_daemon(folder))
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(config))
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def listener(sound_server: SoundServer) -> Iterator[Listener]:
    """`parec` on the sink's monitor, running before the test begins."""
    process = subprocess.Popen(
        [
            "parec",
            f"--server=unix:{sound_server.folder}/native",
            "-d",
            "t.monitor",
            "--latency-msec=5",
            "--format=s16le",
            "--rate=48000",
            "--channels=2",
            "--raw",
        ],
        env=os.environ | sound_server.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    heard = Listener(process)
    thread = threading.Thread(target=heard.listen, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not heard.blocks:
        if time.monotonic() > deadline:
            process.kill()
            pytest.fail("parec hears nothing from the private daemon")
        time.sleep(0.02)
    try:
        yield heard
    finally:
        process.kill()
        process.wait()
        thread.join(60)
