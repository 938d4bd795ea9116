# SPDX-License-Identifier: Apache-2.0
"""A private PulseAudio daemon with a null sink, and the ALSA devices that lead to it.

The real ALSA path in exact real time, on any machine and without a card; without `norewinds=1`
the first write stalls for two seconds.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Final

PACED: Final = "kiosk_pulse"
"""ALSA's name of the device, once ALSA_CONFIG_PATH names the file of `write_alsa_config`."""

_START_S: Final = 60.0


class SoundDaemonError(Exception):
    """The daemon did not start."""


def environment_of(folder: Path) -> dict[str, str]:
    """What keeps the daemon and its clients within the folder."""
    home = str(folder)
    return {"HOME": home, "XDG_RUNTIME_DIR": home, "PULSE_RUNTIME_PATH": home}


def start_daemon(folder: Path) -> subprocess.Popen[bytes]:
    """The running daemon, whose socket is `native` in the folder; raises SoundDaemonError."""
    process = subprocess.Popen(
        [
            "pulseaudio",
            "-n",
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--disallow-exit",
            "-L",
            "module-null-sink sink_name=t rate=48000 channels=2 norewinds=1",
            "-L",
            f"module-native-protocol-unix auth-anonymous=1 socket={folder}/native",
        ],
        env=os.environ | environment_of(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + _START_S
    while not (folder / "native").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise SoundDaemonError("the private PulseAudio daemon did not start")
        time.sleep(0.02)
    return process


def write_alsa_config(folder: Path) -> Path:
    """The file for ALSA_CONFIG_PATH: a paced device, one that records too, one without a clock."""
    path = folder / "asound.conf"
    path.write_text(
        f'pcm.{PACED} {{ type pulse server "unix:{folder}/native" }}\n'
        f"pcm.kiosk_file {{ type file slave.pcm {PACED} "
        f'file "{folder}/o.wav" format wav }}\n'
        "pcm.nothing { type null }\n"
        "pcm.kiosk_unpaced { type file slave.pcm nothing "
        f'file "{folder}/unpaced.raw" format raw }}\n'
    )
    return path
