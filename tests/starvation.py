# SPDX-License-Identifier: Apache-2.0
"""What a machine that was starved of CPU excuses, and what it does not.

For the few tests that measure real time because nothing else can show what they are about: real
devices, real processes, and the delays between them. All others have a clock of their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from test_stand.starvation import watching

BLUR_S = 0.2
"""A picture that is later than this shows another syllable."""

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
