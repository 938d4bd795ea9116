# SPDX-License-Identifier: Apache-2.0
"""The parts that do not draw: lip-sync net on CPU and NPU, sound device, storage.

The sound device gets silence, for a bench may run in a shop.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from driving_client.lipsync import npu
from driving_client.lipsync.mouth_net import load_net
from driving_client.lipsync.net_comparison import compare, cpu_ms
from kioskd.audio.cards import read_cards
from kioskd.audio.device import AlsaDevice
from kioskd.audio.settings import LOW_WATER_S, PERIOD_S
from kioskd.benchmark.part_graphics import PartError
from kioskd.benchmark.plan import Plan
from kioskd.errors import AudioError

Tell = Callable[[str], None]
_CHUNK: Final = 1 << 20
_UNPACED: Final = 0.05
"""A device that is off by that share has no clock of its own."""
_SYNCED: Final = 4096
_SYNCS: Final = 32
_SPARE: Final = 4
"""So many times as much room as is written must be free."""


class AbsentError(PartError):
    """There is nothing to measure, and that is no fault."""


def measure_speech(_plan: Plan, tell: Tell) -> dict[str, Any]:
    """Time for a second of sound on each, and whether they agree. Raises SpeechError."""
    cpu = load_net()
    tell("a second of sound on the CPU")
    found: dict[str, Any] = {
        "cpu_ms": round(cpu_ms(cpu), 3),
        "npu_ms": None,
        "largest_difference": None,
        "equal": None,
    }
    hindrance = npu.hindrance()
    if hindrance:
        return found | {"npu": hindrance}
    tell("a second of sound on the NPU")
    try:
        net = npu.NpuNet(cpu)
        told = compare(cpu, net)
        if net.failure:
            raise npu.NpuError(net.failure)
    except npu.NpuError as error:
        raise PartError(f"the NPU: {error}") from error
    return found | {
        "cpu_ms": round(told.cpu_ms, 3),
        "npu_ms": round(told.npu_ms, 3),
        "largest_difference": round(told.largest_difference, 5),
        "equal": told.largest_difference <= npu.LARGEST_ERROR,
        "npu": "measured",
    }


def measure_sound(plan: Plan, tell: Tell) -> dict[str, Any]:
    """Play silence as the kiosk does, and look at what the device makes of it.

    `delay_ms` is how long what is written now waits in the device's buffer, `clock_ppm` how much
    faster than the machine's clock it plays, None where it has no clock. Raises
    AudioError, AbsentError.
    """
    if not plan.sound:
        raise AbsentError("the configuration switches sound off (audio.enabled)")
    tell(f"silence on {plan.sound}")
    try:
        device = AlsaDevice(plan.sound, plan.buffer_s)
    except AudioError as error:
        if not read_cards():
            raise AbsentError(f"there is no sound card that can play ({error})") from error
        raise
    try:
        delays, readings = _play_silence(device, plan.durations.sound_s)
        settled = readings[len(readings) // 4 :]
        at, played = np.array(settled).T
        speed = float(np.polyfit(at - at[0], played, 1)[0]) if at[-1] > at[0] else 0.0
        paced = abs(speed / device.rate - 1) < _UNPACED
        return {
            "device": plan.sound,
            "rate_hz": device.rate,
            "channels": device.channels,
            "period_frames": device.period_frames,
            "buffer_frames": device.buffer_frames,
            "delay_ms_p50": round(float(np.median(delays)) * 1e3, 2),
            "delay_ms_max": round(max(delays) * 1e3, 2),
            "clock_ppm": round((speed / device.rate - 1) * 1e6) if paced else None,
            "underruns": device.xruns,
        }
    finally:
        device.close()


def _play_silence(
    device: AlsaDevice, seconds: float
) -> tuple[list[float], list[tuple[float, int]]]:
    """Delays in seconds, and readings of (clock, frames played)."""
    delays: list[float] = []
    readings: list[tuple[float, int]] = []
    low_water = round(LOW_WATER_S * device.rate)
    began = time.monotonic()
    while not readings or time.monotonic() - began < seconds:
        queued = device.buffer_frames - device.writable()
        if queued < low_water:
            device.write(np.zeros(low_water - queued, np.int16))
        played, at = device.played()
        delays.append((device.written - played) / device.rate)
        readings.append((at, played))
        time.sleep(PERIOD_S)
    return delays, readings


def measure_flash(plan: Plan, tell: Tell) -> dict[str, Any]:
    """Write and sync a file in the folder that the kiosk writes to; it has no name meanwhile.

    So it is gone whenever this ends, however. Raises OSError, PartError.
    """
    folder, amount = Path(plan.folder), plan.durations.flash_bytes
    room = os.statvfs(folder)
    if room.f_bavail * room.f_frsize < _SPARE * amount:
        raise PartError(
            f"{folder} has less than {_SPARE * amount >> 20} MiB free; make room, measure again"
        )
    tell(f"writing {amount >> 20} MiB to {folder}")
    path = folder / "benchmark.tmp"
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        path.unlink()
        chunk = secrets.token_bytes(_CHUNK)  # flash may pack what repeats
        started = time.perf_counter()
        for _ in range(max(1, amount // _CHUNK)):
            _write(handle, chunk)
        os.fsync(handle)
        whole_s = time.perf_counter() - started
        syncs = []
        for _ in range(_SYNCS):
            started = time.perf_counter()
            _write(handle, chunk[:_SYNCED])
            os.fsync(handle)
            syncs.append(time.perf_counter() - started)
    finally:
        os.close(handle)
    written = max(1, amount // _CHUNK) * _CHUNK
    return {
        "written_bytes": written,
        "bytes_per_s": round(written / whole_s),
        "sync_ms_p50": round(float(np.median(syncs)) * 1e3, 3),
        "sync_ms_max": round(max(syncs) * 1e3, 3),
    }


def _write(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
