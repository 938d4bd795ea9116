# SPDX-License-Identifier: Apache-2.0
"""Tells a machine that was starved of CPU from a fault of the program under test.

A process of its own sleeps, works for 10 ms five times a second, and notes how late it wakes and
how long its work takes beyond that. Whatever held it back (other jobs, a stalled virtual machine)
held the threads of sound and picture back as well; what the program under test does with its own
locks and interpreter cannot.

For the few tests that measure real time because nothing else can show what they are about: real
devices, real processes, and the delays between them. All others have a clock of their own.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

LATE_S = 0.04
"""Being woken later than this eats most of the sound that is written ahead."""

CALM_S = 4.0
PATIENCE_S = 20.0

BLUR_S = 0.2
"""A picture that is later than this shows another syllable."""

_PROBE = f"""
import itertools, time
for turn in itertools.count():
    before, wanted = time.monotonic(), 0.002
    time.sleep(wanted)
    if turn % 100 == 0:
        worked = time.thread_time()
        while time.thread_time() < worked + 0.01:
            pass
        wanted += 0.01
    late = time.monotonic() - before - wanted
    if late > {LATE_S}:
        print(before, late, flush=True)
"""


class Starvation:
    """The probe's notes while it runs."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _PROBE], stdout=subprocess.PIPE, text=True
        )
        self.notes: list[tuple[float, float]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            at, late = line.split()
            self.notes.append((float(at), float(late)))

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
        self._process.kill()
        self._process.wait()
        self._reader.join(2)


@contextlib.contextmanager
def watching() -> Iterator[Starvation]:
    probe = Starvation()
    try:
        yield probe
    finally:
        probe.close()


Late = Callable[[], float]
"""Seconds of the longest delay that the probe saw in this attempt, 0 on a calm machine."""


def blurred(least: float, late_s: float) -> float:
    """The least correlation between a curve and what was seen of it, where pictures were late.

    Delays up to BLUR_S take nothing off it; longer ones do in proportion.
    """
    return least * BLUR_S / max(late_s, BLUR_S)


def unless_starved(story: Callable[[Late], None], attempts: int = 3) -> None:
    """Run a story about sound; again, in a calmer moment, where the machine was starved.

    A fault of the program fails on a machine that is not starved, and so at once; one that
    is starved each time fails at the last attempt with what it saw. The story gets a function
    that tells how late the machine woke whoever waited: limits in real time grow with that.
    """
    with watching() as probe:
        for attempt in range(1, attempts + 1):
            since = time.monotonic()
            try:
                story(lambda since=since: probe.worst(since))  # type: ignore[misc]
            except AssertionError as error:
                late_s = probe.worst(since)
                if late_s and attempt == attempts:
                    error.add_note(f"in each of {attempts} tries; woken {late_s:.2f} s late here")
                if attempt == attempts or not late_s:
                    raise
                probe.wait_for_calm()
            else:
                return
