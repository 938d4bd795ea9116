# SPDX-License-Identifier: Apache-2.0
"""What the ears know of what left the loudspeaker, beside what a card really played."""

from __future__ import annotations

import numpy as np
import pytest
from echo_room import Room, Sound, babble
from hypothesis import given, settings
from hypothesis import strategies as st
from sound_card import PacedCard, Studio, spoken

from kioskd.audio.loudspeaker import Loudspeaker, TappedDevice, Written, tapped
from kioskd.audio.stand_in import StandIn
from kioskd.ears.interpolation import read_stretch
from kioskd.ears.reference import Reference
from kioskd.ears.settings import FRAME_S, RATE
from kioskd.errors import AudioError


def told_by(room: Room) -> tuple[Sound, Sound]:
    """What was played by the reference, and what was really heard."""
    heard = room.heard()
    loudspeaker = Loudspeaker()
    reference = Reference(loudspeaker)
    told = [
        reference.frame(frame.at, frame.at + FRAME_S, jump=False)
        for frame in room.frames(heard, loudspeaker)
    ]
    both = np.concatenate(told) / 32768
    return both, heard[: len(both)]


def late_by(told: Sound, heard: Sound) -> float:
    """How much later the one comes than the other, in seconds, where both are the same sound."""
    count = 2 * len(told)
    cross = np.fft.rfft(heard, count) * np.conj(np.fft.rfft(told, count))
    fine = np.fft.irfft(cross, 16 * count)
    peak = int(np.argmax(fine))
    return (peak if peak < len(fine) / 2 else peak - len(fine)) / RATE / 16


@pytest.mark.parametrize("drift", [0.0, 8e-5, -8e-5, 3e-4])
def test_what_was_played_is_told_when_it_was_heard_and_does_not_wander(drift: float) -> None:
    """Though the counter moves in steps of 10 ms, and the card's crystal is another."""
    room = Room(drift)
    room.pass_time(0.5)
    room.say(babble(8.0, 1))
    room.pass_time(9.0)
    told, heard = told_by(room)
    late = [
        late_by(told[begin : begin + RATE], heard[begin : begin + RATE])
        for begin in range(RATE, 8 * RATE, RATE // 2)
    ]
    assert np.abs(late).max() < 0.0015
    assert np.abs(np.diff(late)).max() < 0.0006


_ACTS = st.one_of(
    st.tuples(st.just("say"), st.floats(0.1, 0.8)),
    st.tuples(st.just("wait"), st.floats(0.02, 0.6)),
    st.tuples(st.sampled_from(["drop", "pause", "resume"]), st.just(0.0)),
)


@settings(max_examples=25, deadline=None)
@given(acts=st.lists(_ACTS, min_size=1, max_size=8), drift=st.sampled_from([0.0, 2e-4, -2e-4]))
def test_what_was_dropped_is_not_told_and_what_was_heard_is(
    acts: list[tuple[str, float]], drift: float
) -> None:
    """Interrupted, paused, gone on with or replaced, in any order."""
    room = Room(drift)
    room.pass_time(0.1)
    for number, (act, seconds) in enumerate(acts):
        if act == "say":
            room.say(0.2 + 0.2 * babble(seconds, number))
        elif act != "wait":
            getattr(room.studio.output, act)()
        room.pass_time(seconds if act == "wait" else 0.03)
    room.studio.output.drop()
    room.pass_time(0.5)
    told, heard = told_by(room)
    step = RATE // 100
    told_level, heard_level = (
        np.sqrt(np.mean(sound[: len(sound) // step * step].reshape(-1, step) ** 2, axis=1))
        for sound in (told, heard)
    )
    near = [np.roll(heard_level, shift) for shift in (-2, -1, 0, 1, 2)]
    assert np.all(told_level < 1.5 * np.max(near, axis=0) + 0.01)
    assert np.all(told_level > 0.6 * np.min(near, axis=0) - 0.01)


def test_a_card_that_runs_dry_is_told_to_have_been_silent() -> None:
    """All but the last moments that the resampler holds back for what follows, 30 ms at most."""
    room = Room()
    room.say(np.full(RATE, 0.3))
    room.pass_time(0.4)
    room.studio.time.now += 0.5  # nobody writes
    room.pass_time(1.5)
    assert room.card.xruns == 1
    told, heard = told_by(room)
    loud = np.abs(told) > 0.1
    assert abs(np.count_nonzero(loud) - np.count_nonzero(np.abs(heard) > 0.1)) < RATE * 0.03
    assert np.count_nonzero(loud != (np.abs(heard) > 0.1)) < RATE * 0.04


def test_ears_that_were_late_go_on_where_the_sound_is() -> None:
    """Notes that nobody took are forgotten, oldest first; the later ones tell their place."""
    room = Room()
    room.say(babble(2.0, 3))
    room.pass_time(3.0)
    lost = [note for _, note in room.notes.made if isinstance(note, Written)][20:60]
    room.notes.made = [each for each in room.notes.made if not any(each[1] is n for n in lost)]
    told, heard = told_by(room)
    assert not told[RATE // 2 : RATE // 2 + RATE // 10].any()
    assert abs(late_by(told[RATE : 2 * RATE], heard[RATE : 2 * RATE])) < 0.002


def test_nothing_is_noted_of_the_stand_in_that_nobody_hears() -> None:
    loudspeaker = Loudspeaker()

    def no_card(_name: str, _buffer_s: float) -> StandIn:
        raise AudioError("there is none")

    opened = tapped(no_card, loudspeaker)
    with pytest.raises(AudioError):
        opened("default", 0.1)
    studio = Studio(make_card=None)
    studio.output.play(spoken(0.3))
    assert studio.pass_time(1.0).finished
    assert not loudspeaker.take()


def test_the_samples_noted_are_those_after_the_volume() -> None:
    loudspeaker = Loudspeaker()
    studio = Studio(
        make_card=lambda time: TappedDevice(PacedCard(time), loudspeaker, time.clock), volume=0.25
    )
    studio.output.play(spoken(0.3))
    studio.pass_time(0.6)
    written = [note for note in loudspeaker.take() if isinstance(note, Written)]
    assert np.abs(np.concatenate([note.samples for note in written])).max() == 4000


def test_sound_between_samples_is_what_a_tone_is_there() -> None:
    whole = np.arange(600)
    for hertz in (200.0, 1000.0, 5000.0):
        tone = np.sin(2 * np.pi * hertz * whole / RATE).astype(np.float32)
        for begin, end in ((200.3, 360.35), (100.0, 259.95), (63.99, 224.0)):
            read = read_stretch(tone, begin, end, 160)
            at = begin + (end - begin) * np.arange(160) / 160
            exact = np.sin(2 * np.pi * hertz * at / RATE)
            assert np.abs(read - exact).max() < 0.005
