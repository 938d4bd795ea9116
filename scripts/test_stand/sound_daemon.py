# SPDX-License-Identifier: Apache-2.0
"""A private PulseAudio daemon with two null sinks, and the ALSA devices that lead to them.

The real ALSA path in exact real time, on any machine and without a card; without `norewinds=1`
the first write stalls for two seconds. What is played into the first sink is heard at its
monitor; what is played into the second is what a microphone records.

The plugin hides an underrun unless it is told not to; the writer's position is then late by what
was missing (seen: 19 ms), which no real card does.

A null sink plays one block ahead of its time, as long as the shortest latency that any client
asks for: the clock of a writer is that much off after each start unless somebody reads the
monitor in short blocks (measured: 10 ms without such a reader, 0.2 ms with 2 ms).
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path
from typing import Final

PACED: Final = "kiosk_pulse"
"""ALSA's name of the device, once ALSA_CONFIG_PATH names the file of `write_alsa_config`."""

HEARD: Final = "kiosk_heard"
"""Records what was played into it."""

MICROPHONE: Final = "kiosk_microphone"
"""Records what was played into INTO_MICROPHONE."""

INTO_MICROPHONE: Final = "kiosk_into_microphone"

HANGING: Final = "kiosk_hangs"

LOUDSPEAKER_SINK: Final = "t"
MICROPHONE_SINK: Final = "room"

_START_S: Final = 60.0
_PRIORITY: Final = 5


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
            f"module-null-sink sink_name={LOUDSPEAKER_SINK} rate=48000 channels=2 norewinds=1",
            "-L",
            f"module-null-sink sink_name={MICROPHONE_SINK} rate=48000 channels=1 norewinds=1",
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
    with contextlib.suppress(OSError):
        # Where the right is there: what a starved server does is not what is measured
        os.sched_setscheduler(process.pid, os.SCHED_RR, os.sched_param(_PRIORITY))
    return process


def write_alsa_config(folder: Path) -> Path:
    """The file for ALSA_CONFIG_PATH: a paced device, its monitor, a microphone, one that
    records too, one without a clock, one whose opening never comes back."""
    os.mkfifo(folder / "pipe")
    path = folder / "asound.conf"
    pulse = f'type pulse server "unix:{folder}/native"'
    path.write_text(
        f'pcm.{PACED} {{ {pulse} device "{LOUDSPEAKER_SINK}" handle_underrun 1 }}\n'
        f'pcm.{HEARD} {{ {pulse} device "{LOUDSPEAKER_SINK}.monitor" }}\n'
        f'pcm.{INTO_MICROPHONE} {{ {pulse} device "{MICROPHONE_SINK}" handle_underrun 1 }}\n'
        f'pcm.{MICROPHONE} {{ {pulse} device "{MICROPHONE_SINK}.monitor" }}\n'
        f"pcm.kiosk_file {{ type file slave.pcm {PACED} "
        f'file "{folder}/o.wav" format wav }}\n'
        "pcm.nothing { type null }\n"
        "pcm.kiosk_unpaced { type file slave.pcm nothing "
        f'file "{folder}/unpaced.raw" format raw }}\n'
        f'pcm.{HANGING} {{ type file slave.pcm nothing file "{folder}/pipe" '
        f'infile "{folder}/pipe" format raw }}\n'
    )
    return path
