# SPDX-License-Identifier: Apache-2.0
"""A visitor is heard in a room, over the kiosk's voice too; the kiosk's own voice is nobody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from heard_room import TAIL, frames, rms, room, say, spoken

from kioskd.ears.events import BargedIn, EarsEvent, SpeechBegan, SpeechEnded
from kioskd.ears.frames import CleanFrame, RawFrame
from kioskd.ears.settings import RATE, EarsSettings
from kioskd.ears.turn_taking import TurnTaking
from kioskd.ears.voice_activity import VoiceActivity
from kioskd.playback.snapshot import CutOff

SETTINGS = EarsSettings(True, "", (), 0.0, "auto", 0.7)
QUESTION = spoken("Excuse me, where is the lift?", "en-us")
TOLD = " ".join(
    [
        "Welcome to the museum of the old harbour.",
        "The ships that you see in this hall have brought tea and silk from far away.",
        "Upstairs a film shows how they were built; it begins at every full hour.",
        "If you like to know more about one of them, ask me for its name.",
    ]
)


def heard(
    pairs: Iterable[tuple[CleanFrame, RawFrame]], asked: EarsSettings = SETTINGS
) -> list[tuple[float, EarsEvent]]:
    """What is told of it and when, in seconds."""
    turns = TurnTaking(asked, lambda: CutOff("a", 1))
    return [
        (clean.position / RATE, event)
        for clean, recorded in pairs
        for event in turns.hear(clean, recorded)
    ]


@pytest.mark.parametrize("decibels", [-20, -40])
def test_a_visitor_is_heard_from_the_first_sound_to_the_last(decibels: float) -> None:
    sound = room(6.0)
    say(sound, 2.0, QUESTION, decibels)
    (_, began), (told, ended) = heard(frames(sound))
    assert isinstance(began, SpeechBegan)
    assert isinstance(ended, SpeechEnded)
    assert began.position / RATE == pytest.approx(2.0, abs=0.12)
    end_s = 2.0 + len(QUESTION) / RATE
    assert 0 <= end_s - ended.position / RATE < 0.25, "the last two consonants have no voice"
    assert told == pytest.approx(ended.position / RATE + 0.7, abs=0.015)


def test_a_room_full_of_people_far_away_is_nobody_but_a_visitor_in_it_is() -> None:
    sound = room(16.0)
    for number, voice in enumerate(
        ["en-us", "en-gb-scotland+f2", "de", "en-us+m7", "it", "es", "en-us+f3"] * 2
    ):
        say(sound, 0.3 * number, spoken(f"{TOLD} {TOLD}", voice)[number * RATE :], -50)
    say(sound, 13.0, QUESTION, -22)
    events = heard(frames(sound))
    assert [type(event) for _, event in events] == [SpeechBegan, SpeechEnded]
    assert events[0][1].at == pytest.approx(113.0, abs=0.35)


def test_noises_are_nobody() -> None:
    chance = np.random.default_rng(1)
    sound = room(12.0)
    for at, seconds in ((2.0, 0.02), (3.0, 0.3), (4.0, 3.0)):
        span = slice(round(at * RATE), round((at + seconds) * RATE))
        sound[span] += chance.normal(0, rms(-25), span.stop - span.start)
    times = np.arange(3 * RATE) / RATE
    sound[8 * RATE : 11 * RATE] += rms(-20) * np.sin(2 * np.pi * 1000 * times)
    assert not heard(frames(sound))


@pytest.fixture(scope="module")
def own() -> np.ndarray:
    """The kiosk speaks, as loud as it can."""
    voice = spoken(TOLD, "en-us+f3")
    sound = np.zeros(14 * RATE)
    say(sound, 1.0, voice, -14)
    return sound


def test_the_kiosk_never_hears_itself(own: np.ndarray) -> None:
    assert not heard(frames(room(14.0), own, echo_db=30.0))


def test_a_visitor_less_loud_than_the_kiosk_cuts_it_off_at_once(
    own: np.ndarray,
) -> None:
    sound = room(14.0)
    say(sound, 11.6, QUESTION, -14 - 3 - 6)
    events = heard(frames(sound, own, echo_db=30.0))
    (told, began), (_, barged) = events[:2]
    assert isinstance(began, SpeechBegan)
    assert began.over
    assert isinstance(barged, BargedIn)
    assert 11.6 < told < 12.1


def test_a_rooms_echo_of_a_visitor_does_not_put_off_the_end() -> None:
    sound, dry = room(6.0), room(6.0)
    say(dry, 2.0, QUESTION, -25)
    say(sound, 2.0, QUESTION, -25)
    answer = np.random.default_rng(2).normal(0, 1, RATE) * 10 ** (-3 * np.arange(RATE) / RATE)
    heard_there = np.convolve(dry, answer / np.sqrt(np.sum(answer**2)) / 2)[: len(dry)]
    (_, ended_dry), (_, ended) = (
        next(each for each in heard(frames(there)) if isinstance(each[1], SpeechEnded))
        for there in (dry, sound + heard_there)
    )
    assert ended.position - ended_dry.position < 0.1 * RATE


def test_where_the_kiosk_is_not_heard_at_all_a_visitor_is_heard_over_it(own: np.ndarray) -> None:
    sound = room(14.0)
    say(sound, 4.0, QUESTION, -25)
    inaudible = frames(sound, own, echo_gain=0.0)
    (told, began), *_ = heard(inaudible, replace(SETTINGS, policy="barge_in"))
    assert isinstance(began, SpeechBegan)
    assert 4.0 < told < 5.0


def test_nothing_is_asked_of_the_network_while_nobody_speaks(own: np.ndarray) -> None:
    activity = VoiceActivity()
    turns = TurnTaking(SETTINGS, lambda: None, activity)
    for clean, recorded in frames(room(14.0), own, echo_db=30.0):
        turns.hear(clean, recorded)
    assert activity.judged < TAIL, "chunks of 32 ms in 14 s"
