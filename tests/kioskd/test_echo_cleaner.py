# SPDX-License-Identifier: Apache-2.0
"""The kiosk's own voice is taken out of what the microphone records, and nobody else's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from echo_room import Room, Sound, babble, decibels, echo_of, noise

from kioskd.audio.loudspeaker import Loudspeaker
from kioskd.ears import linear_echo
from kioskd.ears.cleaner import EchoCleaner
from kioskd.ears.frames import CleanFrame
from kioskd.ears.linear_echo import PARTITIONS, LinearEcho
from kioskd.ears.settings import FRAME, RATE


def cleaned(room: Room, recorded: Sound) -> tuple[Sound, Sequence[CleanFrame]]:
    loudspeaker = Loudspeaker()
    cleaner = EchoCleaner(loudspeaker)
    frames = [cleaner.clean(frame) for frame in room.frames(recorded, loudspeaker)]
    return np.concatenate([frame.samples for frame in frames]) / 32768, frames


def said(seconds: float, drift: float = 0.0) -> Room:
    room = Room(drift)
    room.pass_time(0.5)
    room.say(babble(seconds, 1))
    room.pass_time(seconds + 1.0)
    return room


@pytest.mark.parametrize(
    ("delay_s", "echo_s", "drift", "drive"),
    [(0.02, 0.05, 0.0, 1.0), (0.1, 0.4, 8e-5, 0.3), (0.3, 0.4, -3e-4, 0.3), (0.02, 0.05, 0.0, 2.0)],
)
def test_own_voice_is_taken_out(delay_s: float, echo_s: float, drift: float, drive: float) -> None:
    room = said(9.0, drift)
    echo = echo_of(room.heard(), delay_s, echo_s, drive=drive)
    recorded = echo + noise(len(echo))
    clean, frames = cleaned(room, recorded)
    late = slice(4 * RATE, 9 * RATE)
    assert decibels(recorded[late]) - decibels(clean[late]) > 25
    assert all(frame.own for frame in frames[100:900])
    told = frames[900].echo_db
    assert told is not None
    assert told > 25


def test_before_and_after_its_voice_the_kiosk_is_not_to_be_heard() -> None:
    room = said(1.0)
    room.pass_time(1.0)
    _, frames = cleaned(room, noise(len(room.heard())))
    assert not any(frame.own for frame in frames[:45])
    assert not any(frame.own for frame in frames[-40:])
    assert frames[-1].echo_db is None, "too little was heard"


def test_a_dead_microphone_tells_nothing_of_the_echo() -> None:
    room = said(5.0)
    _, frames = cleaned(room, np.zeros(len(room.heard())))
    assert {frame.echo_db for frame in frames} == {None}


def test_where_nobody_spoke_the_sound_stays_as_loud_as_it_was() -> None:
    room = Room()
    room.pass_time(5.0)
    visitor = 0.3 * babble(4.9, 7)
    clean, frames = cleaned(room, visitor)
    loud = slice(2 * RATE, 4 * RATE)
    assert abs(decibels(visitor[loud]) - decibels(clean[loud])) < 2
    assert not any(frame.own for frame in frames)


def test_while_nothing_is_played_the_filter_computes_nothing_and_forgets_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    played = babble(4.0, 1).astype(np.float32)
    echo = 0.5 * played
    frames = [slice(begin, begin + FRAME) for begin in range(0, len(played), FRAME)]
    linear = LinearEcho()
    for each in frames[:350]:
        linear.cancel(echo[each], played[each])
    visitor, silence = np.full(FRAME, 0.1, np.float32), np.zeros(FRAME, np.float32)
    for _ in range(PARTITIONS):
        linear.cancel(visitor, silence)
    with monkeypatch.context() as idle:
        idle.setattr(linear_echo, "_spectrum", None)
        assert linear.cancel(visitor, silence) is visitor
    left = np.concatenate([linear.cancel(echo[each], played[each]) for each in frames[350:]])
    assert decibels(left) < decibels(echo[frames[350].start :]) - 20
