# SPDX-License-Identifier: Apache-2.0
"""Turns on any timeline: where they begin and end, and that nobody is heard who must not be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kioskd.ears.events import BargedIn, EarsEvent, SpeechBegan, SpeechEnded
from kioskd.ears.frames import CleanFrame, RawFrame
from kioskd.ears.policy import GOOD_DB, POOR_DB, Policy
from kioskd.ears.settings import FRAME, RATE, EarsSettings
from kioskd.ears.turn_taking import LONGEST_S, TurnTaking
from kioskd.ears.voice_activity import SILENT, VoiceActivity, Voicing
from kioskd.playback.snapshot import CutOff

SILENCE_S = 0.5
CUT = CutOff("a", 1234)


class Told(VoiceActivity):
    """Hears a voice where the test says that there is one: 1 is a sure one, 2 a likely one."""

    accepted = 0
    learned = True

    def hear(self, frame: CleanFrame, recorded: RawFrame, *, speech: bool, deaf: bool) -> Voicing:
        kinds = (SILENT, Voicing(1.0, likely=True), Voicing(0.0, likely=True))
        return SILENT if deaf else kinds[frame.samples[0]]

    def accept(self) -> None:
        self.accepted += 1


@dataclass
class Timeline:
    """Turns with their events and what they did; a letter a frame.

    `v` is voiced, `l` likely so, `.` is not; `V` and `,` while the kiosk itself is heard.
    """

    policy: str = "barge_in"
    interrupt: Callable[[], CutOff | None] = lambda: CUT
    echo_db: float | None = 30.0
    position: int = 0
    events: list[EarsEvent] = field(default_factory=list)
    own_at: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.activity = Told()
        asked = EarsSettings(True, "", (), 0.0, self.policy, SILENCE_S)
        self.turns = TurnTaking(asked, self.interrupt, self.activity)

    def hear(self, letters: str, *, gap: bool = False) -> list[EarsEvent]:
        heard: list[EarsEvent] = []
        for letter in letters:
            samples = np.full(FRAME, {"v": 1, "V": 1, "l": 2}.get(letter, 0), np.int16)
            own = letter in "V,"
            if own:
                self.own_at.append(self.position)
            clean = CleanFrame(samples, self.position, self.at, own, self.echo_db, gap)
            heard += self.turns.hear(clean, RawFrame(samples, self.position, self.at, gap))
            self.position += FRAME
            gap = False
        self.events += heard
        return heard

    @property
    def at(self) -> float:
        return 100 + self.position / RATE


def test_a_turn_begins_at_its_first_voiced_frame_and_ends_after_the_silence() -> None:
    line = Timeline()
    assert not line.hear("." * 100 + "vvvv")
    (began,) = line.hear("v" * 20)
    assert began == SpeechBegan(100 * FRAME, 101.0, over=False)
    (ended,) = line.hear("v" * 76 + "." * 100)
    assert isinstance(ended, SpeechEnded)
    assert ended.position == 200 * FRAME
    assert ended.at == 102.0
    beyond = ended.noticed + FRAME - ended.position - SILENCE_S * RATE
    assert 0 <= beyond <= FRAME


def test_a_consonant_without_voice_does_not_part_a_beginning() -> None:
    line = Timeline()
    line.hear("." * 50 + "vvvvv..............vvvvvvvvvv")
    (began,) = line.events
    assert began.at == 100.5


def test_what_was_only_likely_before_belongs_to_a_beginning_but_makes_none() -> None:
    line = Timeline()
    line.hear("l" * 100 + "." * 50 + "llllllllll" + "v" * 20)
    (began,) = line.events
    assert began.at == 101.5


def test_a_pause_shorter_than_the_silence_is_part_of_a_turn() -> None:
    line = Timeline()
    line.hear("v" * 50 + "." * 49 + "v" * 50 + "." * 49)
    assert [type(event) for event in line.events] == [SpeechBegan]


def test_a_click_is_nobody() -> None:
    line = Timeline()
    line.hear(("vv" + "." * 60 + "VVV" + "," * 60) * 20)
    assert not line.events


def test_a_visitor_who_speaks_over_the_kiosk_makes_it_fall_silent() -> None:
    silenced = []
    line = Timeline(interrupt=lambda: silenced.append(1) or CUT)
    line.hear("," * 100)
    began, barged = line.hear("V" * 14)
    assert began == SpeechBegan(100 * FRAME, 101.0, over=True)
    assert barged == BargedIn(100 * FRAME, 101.0, "a", 1234)
    line.hear("V" * 30 + "v" * 50 + "." * 100)
    assert silenced == [1], "once a turn"
    assert isinstance(line.events[-1], SpeechEnded)


def test_where_nothing_was_cut_off_nobody_barged_in() -> None:
    line = Timeline(interrupt=lambda: None)
    line.hear("," * 100 + "V" * 30)
    assert [type(event) for event in line.events] == [SpeechBegan]


def test_who_speaks_while_the_kiosk_is_silent_interrupts_nothing() -> None:
    silenced = []
    line = Timeline(interrupt=lambda: silenced.append(1) or CUT)
    line.hear("v" * 100 + "." * 100)
    assert not silenced


def test_where_the_kiosk_begins_to_speak_a_turn_ends_and_who_goes_on_interrupts() -> None:
    line = Timeline()
    line.hear("v" * 100)
    line.hear("V" * 100)
    assert [type(each) for each in line.events] == [SpeechBegan, SpeechEnded, SpeechBegan, BargedIn]
    assert line.events[1].position == 100 * FRAME == line.events[1].noticed


def test_half_duplex_hears_nothing_while_the_kiosk_speaks() -> None:
    silenced = []
    line = Timeline(policy="half_duplex", interrupt=lambda: silenced.append(1) or CUT)
    line.hear("V" * 200)
    assert not line.events
    line.hear("v" * 20)
    (began,) = line.events
    assert began.position == 200 * FRAME
    assert not began.over
    assert not silenced


def test_auto_is_deaf_over_its_own_voice_until_it_knows_the_room() -> None:
    line = Timeline(policy="auto", echo_db=None)
    line.hear("V" * 200)
    assert not line.events
    assert (line.turns.policy, line.turns.fallback) == ("half_duplex", "echo_unknown")
    line.echo_db = GOOD_DB
    line.hear("," * 50 + "V" * 20)
    assert [type(event) for event in line.events] == [SpeechBegan, BargedIn]
    assert (line.turns.policy, line.turns.fallback) == ("barge_in", None)


def test_auto_waits_until_the_canceller_has_learned_the_room() -> None:
    line = Timeline(policy="auto")
    line.activity.learned = False
    line.hear("V" * 200)
    assert not line.events
    line.activity.learned = True
    line.hear("," * 50 + "V" * 20)
    assert [type(event) for event in line.events] == [SpeechBegan, BargedIn]


def test_a_room_that_becomes_loud_makes_auto_deaf_but_not_amid_a_turn() -> None:
    line = Timeline(policy="auto")
    line.hear("," * 50 + "V" * 20)
    line.echo_db = POOR_DB - 1
    line.hear("V" * 50 + "," * 100)
    assert isinstance(line.events[-1], SpeechEnded)
    assert (line.turns.policy, line.turns.fallback) == ("half_duplex", "echo_too_loud")
    before = len(line.events)
    line.hear("V" * 100)
    assert len(line.events) == before


def test_auto_does_not_flutter_between_its_bounds() -> None:
    policy = Policy("auto")
    told = []
    for decibels in (17, 19, GOOD_DB, 17, POOR_DB, None, 14.9, 17, 19.9, 20.1):
        policy.consider(decibels)
        told.append(policy.in_force)
    assert told == ["half_duplex"] * 2 + ["barge_in"] * 4 + ["half_duplex"] * 3 + ["barge_in"]


def test_a_television_is_nobodys_turn_for_ever_and_becomes_the_rooms_noise() -> None:
    line = Timeline()
    line.hear("v" * round(LONGEST_S * 100 + 5))
    assert [type(event) for event in line.events[:2]] == [SpeechBegan, SpeechEnded]
    assert line.activity.accepted == 1


def test_sound_that_is_missing_does_not_hide_the_end_of_a_turn() -> None:
    line = Timeline()
    line.hear("v" * 50)
    line.position += 5 * RATE
    (ended,) = line.hear(".", gap=True)
    assert ended.position == 50 * FRAME


STRETCHES = st.lists(
    st.tuples(
        st.sampled_from(["v", ".", "V", ",", "vv.", "VV,,"]),
        st.integers(1, 90),
        st.booleans(),
        st.sampled_from([None, 10.0, 18.0, 30.0]),
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(stretches=STRETCHES, policy=st.sampled_from(["auto", "barge_in", "half_duplex"]))
def test_any_timeline_is_told_in_order_with_an_end_to_each_beginning(
    stretches: list[tuple[str, int, bool, float | None]], policy: str
) -> None:
    line = Timeline(policy=policy)
    for letters, times, gap, echo_db in stretches:
        line.echo_db = echo_db
        if gap:
            line.position += 7 * FRAME
        for event in line.hear((letters * times)[:90], gap=gap):
            deaf = line.turns.policy == "half_duplex"
            if deaf and letters[0] in "V,":
                assert isinstance(event, SpeechEnded), "the ears are deaf"
    line.hear("." * 400)
    spans = [event for event in line.events if not isinstance(event, BargedIn)]
    assert [type(event) for event in spans] == [SpeechBegan, SpeechEnded] * (len(spans) // 2)
    for before, after in pairwise(spans):
        assert before.position < after.position or isinstance(before, SpeechEnded)
        assert before.position <= after.position
        assert before.at <= after.at + 1e-9
    for before, event in pairwise(line.events):
        if isinstance(event, BargedIn):
            assert isinstance(before, SpeechBegan)
            assert before.over
            assert before.position == event.position in line.own_at
