# SPDX-License-Identifier: Apache-2.0
"""Puts a kiosk into a room: sound server, rig, kioskd, one for each room."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ears_bench.kiosk import Kiosk
from ears_bench.parts import PartsOfKiosk
from ears_bench.real_time import RealTimeStage
from test_stand.room_process import RoomProcess
from test_stand.rooms import Room
from test_stand.sound_daemon import environment_of, start_daemon, write_alsa_config

_OPENING_S: Final = 3.0
"""What a microphone takes to be opened."""


@dataclass(frozen=True, slots=True)
class Stand:
    """A kiosk in a room; all that are asked for by their own names."""

    stage: RealTimeStage
    kiosk: Kiosk
    rig: RoomProcess


@contextlib.contextmanager
def kiosk_in(room: Room, settings: Mapping[str, object]) -> Iterator[Stand]:
    """A stage that runs, until the context ends. `settings` are those of kioskd beyond the bench's.

    Raises RigError, StandError, SoundDaemonError or PlacingError.
    """
    with _rig_in(room) as (folder, environment, rig), contextlib.ExitStack() as stack:
        kiosk = Kiosk(folder, environment, settings)
        stack.callback(kiosk.stop)
        stage = RealTimeStage(kiosk, rig)
        stack.callback(stage.close)
        yield Stand(stage, kiosk, rig)


@contextlib.contextmanager
def parts_in(room: Room) -> Iterator[RealTimeStage]:
    """A stage with the ears alone, which let the kiosk go on. Raises as `kiosk_in`."""
    with _rig_in(room) as (_, _, rig), contextlib.ExitStack() as stack:
        parts = PartsOfKiosk()
        stack.callback(parts.stop)
        time.sleep(_OPENING_S)
        stage = RealTimeStage(parts, rig)
        stack.callback(stage.close)
        yield stage


@contextlib.contextmanager
def _rig_in(room: Room) -> Iterator[tuple[Path, Mapping[str, str], RoomProcess]]:
    """A rig that runs, its folder, and the environment that leads ALSA to it."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ears-")))
        daemon = start_daemon(folder)
        stack.callback(daemon.wait)
        stack.callback(daemon.kill)
        environment = environment_of(folder)
        environment["ALSA_CONFIG_PATH"] = str(write_alsa_config(folder))
        stack.enter_context(_environment(environment))
        rig = RoomProcess(room)
        stack.callback(rig.stop)
        yield folder, environment, rig


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
