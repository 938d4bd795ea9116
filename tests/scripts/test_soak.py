# SPDX-License-Identifier: Apache-2.0
"""What `make soak` calls level, and a good end: noise passes, a leak or a late exit does not."""

from __future__ import annotations

import dataclasses
import os
import signal
import time

import numpy as np
import pytest

from driving_client.wire.relay_frames import decode_frame
from soaking.floods import FLOODS
from soaking.samples import Sample, complaints, slope_mb_per_hour, table
from soaking.stand import End
from test_stand.starvation import watching

LEVEL = Sample(0, 200.0, 130.0, 18, 14, 200.0, 18)


def hour(**growth_per_minute: float) -> list[Sample]:
    """Sixty looks with a few megabytes of noise, and growth from the first minute on."""
    noise = np.random.default_rng(3).normal(0, 1.5, 60)
    samples = []
    for minute in range(60):
        grown = {
            name: getattr(LEVEL, name) + type(getattr(LEVEL, name))(minute * step)
            for name, step in growth_per_minute.items()
        }
        sample = dataclasses.replace(LEVEL, minute=minute, **grown)
        told = {
            "rss_mb": sample.rss_mb + noise[minute],
            "health_rss_mb": sample.rss_mb,
            "health_descriptors": sample.descriptors,
        }
        samples.append(dataclasses.replace(sample, **told))
    return samples


def test_an_hour_with_noise_is_level() -> None:
    assert complaints(hour()) == []
    slope = slope_mb_per_hour(hour())
    assert slope is not None
    assert abs(slope) < 3


@pytest.mark.parametrize(
    ("name", "step", "word"),
    [("rss_mb", 0.4, "memory"), ("descriptors", 0.5, "descriptors"), ("threads", 0.2, "threads")],
)
def test_what_grows_all_the_while_is_told(name: str, step: float, word: str) -> None:
    (told,) = complaints(hour(**{name: step}))
    assert told.startswith(f"{word} grew by")


def test_growth_before_it_is_warm_is_no_leak() -> None:
    samples = hour()
    cold = [dataclasses.replace(each, rss_mb=120.0, health_rss_mb=120.0) for each in samples[:5]]
    assert complaints([*cold, *samples[5:]]) == []


def test_a_few_minutes_are_too_short_to_tell() -> None:
    samples = hour(rss_mb=5.0)[:9]
    assert complaints(samples) == []
    assert slope_mb_per_hour(samples) is None


def test_health_that_tells_something_else_is_told() -> None:
    samples = hour()
    samples[30] = dataclasses.replace(samples[30], health_rss_mb=90.0, health_descriptors=90)
    assert len(complaints(samples)) == 2


def test_the_table_has_the_first_and_the_last_look() -> None:
    lines = table(hour()).splitlines()
    assert lines[2].startswith("| 0 |")
    assert lines[-1].startswith("| 59 |")
    assert len(lines) == 2 + 16


def test_floods_hold_what_they_are_called() -> None:
    frames = {make.__name__: next(make()) for make in FLOODS}
    motion = frames["empty_keyframes"]
    assert isinstance(motion, bytes)
    assert len(decode_frame(motion).messages[0].frames) == 2900  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("end", "kept"),
    [
        (End(0, 1.9, 0.0), True),
        (End(0, 2.1, 0.0), False),
        (End(0, 2.1, 0.1), True),
        (End(0, 9.0, 0.5), False),
        (End(1, 0.1, 0.0), False),
        (End(-9, 0.1, 3.0), False),
    ],
)
def test_the_end_has_to_come_in_two_seconds_but_for_what_the_machine_took(
    end: End, kept: bool
) -> None:
    assert end.as_promised is kept


def test_the_page_tells_how_the_end_was_measured() -> None:
    assert str(End(0, 0.12, 0.0)) == "status 0 after 0.12 s; 2.00 s are allowed"
    starved = str(End(0, 2.4, 0.25))
    assert starved == "status 0 after 2.40 s; 2.50 s are allowed, as we were woken 0.25 s late"


def test_a_machine_that_stood_still_is_seen() -> None:
    with watching() as probe:
        since = time.monotonic()
        os.kill(probe.pid, signal.SIGSTOP)
        time.sleep(0.3)
        os.kill(probe.pid, signal.SIGCONT)
        deadline = since + 60.0
        while probe.worst(since) < 0.25:
            assert time.monotonic() < deadline, "a probe that was stopped tells nothing"
