# SPDX-License-Identifier: Apache-2.0
"""Tells a machine that was starved of CPU from a fault of the program that is measured.

A process of its own sleeps, works for 10 ms five times a second, and notes how late it wakes and
how long its work takes beyond that. Whatever held it back (other jobs, a stalled virtual machine)
held the threads of sound and picture back as well; what the program does with its own locks and
interpreter cannot.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Final

LATE_S: Final = 0.04
"""Being woken later than this eats most of the sound that is written ahead."""

CALM_S: Final = 4.0
PATIENCE_S: Final = 20.0

_PROBE: Final = f"""
import itertools, time
before = time.monotonic()
print(before, 0.0, flush=True)
for turn in itertools.count():
    wanted = 0.002
    time.sleep(wanted)
    if turn % 100 == 0:
        worked = time.thread_time()
        while time.thread_time() < worked + 0.01:
            pass
        wanted += 0.01
    now = time.monotonic()
    late = now - before - wanted
    if late > {LATE_S}:
        print(before, late, flush=True)
    before = now
"""


class Starvation:
    """The probe's notes while it runs."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROBE], stdout=subprocess.PIPE, text=True
        )
        self.notes: list[tuple[float, float]] = []
        self._watching = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._watching.wait(PATIENCE_S)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            at, late = line.split()
            self.notes.append((float(at), float(late)))
            self._watching.set()

    @property
    def pid(self) -> int:
        """The process that wakes and notes."""
        return self._process.pid

    def worst(self, since: float) -> float:
        """The longest delay since that monotonic time, 0 where all were short."""
        time.sleep(0.01)
        return max((late for at, late in self.notes if at + late >= since), default=0.0)

    def wait_for_calm(self) -> None:
        """Until nothing was late for some seconds, if that comes soon."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and self.worst(time.monotonic() - CALM_S):
            time.sleep(0.5)

    def close(self) -> None:
        """Watch no longer."""
        self._process.kill()
        self._process.wait()
        self._reader.join(2)


@contextlib.contextmanager
def watching() -> Iterator[Starvation]:
    """A probe that runs already."""
    probe = Starvation()
    try:
        yield probe
    finally:
        probe.close()
