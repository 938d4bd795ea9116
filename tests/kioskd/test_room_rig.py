# SPDX-License-Identifier: Apache-2.0
"""The simulated room tells the truth about itself: when a sound left, and when it arrived."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from starvation import unless_starved

from kioskd.audio.device import AlsaDevice
from test_stand.room_process import RoomProcess
from test_stand.room_rig import RigError
from test_stand.rooms import DRY, RATE
from test_stand.sound_daemon import MICROPHONE, PACED
from test_stand.stamped_capture import StampedCapture


@pytest.fixture
def rig(sound_server: Any) -> Iterator[RoomProcess]:
    rig = RoomProcess(DRY, 0.15)
    yield rig
    rig.stop()


def test_a_click_arrives_after_the_delay_that_the_rig_tells(rig: RoomProcess) -> None:
    """At a microphone that knows nothing of the rig, and a visitor at the time that was told."""
    unless_starved(lambda _late: arrives_in_time(rig))


def arrives_in_time(rig: RoomProcess) -> None:
    microphone, loudspeaker = StampedCapture(MICROPHONE, RATE, 0.01), AlsaDevice(PACED, 0.1)
    begin = time.monotonic()
    samples = np.zeros(3 * RATE, np.int16)
    samples[2 * RATE : 2 * RATE + 48] = 25000
    written, recorded = 0, []
    try:
        while time.monotonic() < begin + 4.0:
            if (room := loudspeaker.writable()) > 0 and written < len(samples):
                written += loudspeaker.write(samples[written : written + room])
            recorded.append(microphone.read())
            time.sleep(0.004)
        end = time.monotonic()
        visit = rig.add(np.full(48, 0.5, np.float32))
        time.sleep(0.5)
        visitor = microphone.read()
    finally:
        loudspeaker.close()
        microphone.close()
    left = begin + first_loud(rig.loudspeaker(begin, end), 0.3) / RATE
    heard = np.concatenate(recorded)
    arrived = microphone.time.time_of(first_loud(heard / 32768, 0.05))
    assert rig.breaks_since(begin) == 0
    assert arrived - left == pytest.approx(rig.loop_delay_s(), abs=0.002)
    assert rig.loop_delay_s() == pytest.approx(0.15, abs=0.005)
    assert np.abs(rig.echo(left + 0.1, left + 0.2)).max() > 0.05
    came = microphone.time.time_of(len(heard) + first_loud(visitor / 32768, 0.3))
    assert came == pytest.approx(visit.at, abs=0.002)


def first_loud(sound: Any, level: float) -> int:
    loud = np.flatnonzero(np.abs(sound) > level)
    assert loud.size, "nothing is heard"
    return int(loud[0])


def test_a_delay_shorter_than_the_rigs_own_is_refused(sound_server: Any) -> None:
    with pytest.raises(RigError, match="less than the rig's own"):
        RoomProcess(DRY, 0.01)
