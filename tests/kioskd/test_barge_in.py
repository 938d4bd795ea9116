# SPDX-License-Identifier: Apache-2.0
"""A visitor interrupts the avatar: it falls silent, looks at them and listens."""

from __future__ import annotations

import numpy as np
import pytest
from player_stage import FRAME_S, Stage, said
from ready_settings import ready_playback

from driving_client.link.interface import PlaybackState, UtteranceStarted
from kioskd.ears.events import BargedIn, EarsEvent, SpeechBegan, SpeechEnded
from kioskd.ears.frames import CleanFrame, RawFrame
from kioskd.ears.settings import FRAME, EarsSettings
from kioskd.ears.turn_taking import TurnTaking
from kioskd.ears.voice_activity import SILENT, VoiceActivity, Voicing
from kioskd.playback.snapshot import PlayerState
from kioskd.service.attentive import AWAITING_S, Attentive


class Loud(VoiceActivity):
    """A voice is what is not digital silence."""

    def hear(self, frame: CleanFrame, recorded: RawFrame, *, speech: bool, deaf: bool) -> Voicing:
        return Voicing(1.0, likely=True) if frame.samples.any() and not deaf else SILENT


class Visit:
    """A player, its ears' turns, and the listener that the daemon gives them."""

    def __init__(self) -> None:
        self.stage = Stage(ready_playback(gesture_limit_s=60.0))
        asked = EarsSettings(True, "", (), 0.0, "barge_in", 0.7)
        self.turns = TurnTaking(asked, self.stage.player.interrupt, Loud())
        self.attentive = Attentive(self.stage.player, greet=False)
        self.frames = 0
        self.told: list[EarsEvent] = []

    def pass_time(self, seconds: float, *, voice: bool = False) -> None:
        """Of the ears and of the face alike; the kiosk's own voice is in the room as it is said."""
        for number in range(round(seconds * 100)):
            own = self.stage.sound.running
            place = (self.frames * FRAME, self.stage.sound.now)
            samples = np.full(FRAME, 1000 if voice else 0, np.int16)
            clean = CleanFrame(samples, *place, own, 30.0)
            events = self.turns.hear(clean, RawFrame(samples, *place))
            self.told += events
            self.attentive(clean, events)
            if number % 2:
                self.stage.frame_s = 0.02
                self.stage.frame()
            self.frames += 1

    @property
    def gesture(self) -> str:
        return self.stage.player.snapshot().gesture


@pytest.fixture
def visit() -> Visit:
    return Visit()


def test_the_avatar_falls_silent_within_the_call_in_which_a_visitor_is_heard(visit: Visit) -> None:
    visit.stage.player.on_event(UtteranceStarted(said(seconds=5.0)))
    visit.pass_time(1.5)
    assert visit.stage.player.snapshot().state is PlayerState.SPEAKING
    while not visit.told:
        assert visit.stage.sound.running
        visit.pass_time(0.01, voice=True)
    assert not visit.stage.sound.running
    began, barged = visit.told
    assert isinstance(began, SpeechBegan)
    assert began.over
    assert isinstance(barged, BargedIn)


def test_what_was_cut_off_is_told_alike_to_the_listener_and_to_the_endpoint(visit: Visit) -> None:
    visit.stage.player.on_event(UtteranceStarted(said("first", seconds=0.5)))
    visit.pass_time(1.0)
    visit.stage.player.on_event(UtteranceStarted(said("second", seconds=5.0)))
    visit.pass_time(1.2)
    visit.pass_time(0.2, voice=True)
    (barged,) = [event for event in visit.told if isinstance(event, BargedIn)]
    assert barged.request_id == "second"
    assert barged.heard_ms == pytest.approx(1250, abs=60)
    assert visit.stage.reports[-1] == ("second", PlaybackState.INTERRUPTED, barged.heard_ms)


def test_what_was_heard_to_its_end_was_not_cut_off(visit: Visit) -> None:
    visit.stage.player.on_event(UtteranceStarted(said(seconds=1.0)))
    visit.pass_time(0.97)
    while not visit.stage.sound.tell().finished:
        visit.stage.sound.pass_time(FRAME_S)
    assert visit.stage.player.interrupt() is None
    assert visit.stage.outcomes("a") == [PlaybackState.ENDED]


def test_the_face_listens_while_a_visitor_speaks_and_until_nothing_has_followed(
    visit: Visit, caplog: pytest.LogCaptureFixture
) -> None:
    visit.stage.player.on_event(UtteranceStarted(said(seconds=5.0)))
    visit.pass_time(1.0)
    visit.pass_time(1.5, voice=True)
    assert visit.gesture == "listen"
    visit.pass_time(0.7 + AWAITING_S - 0.2)
    assert isinstance(visit.told[-1], SpeechEnded)
    assert visit.gesture == "listen", "an answer may come"
    visit.pass_time(0.4)
    assert visit.gesture == "idle"
    assert not caplog.records, "which is no fault of any software"


def test_a_visitor_who_speaks_first_is_listened_to_as_well(visit: Visit) -> None:
    visit.pass_time(1.0)
    visit.pass_time(1.0, voice=True)
    assert [type(event) for event in visit.told] == [SpeechBegan]
    assert visit.gesture == "listen"


def test_an_answer_ends_the_listening(visit: Visit) -> None:
    visit.pass_time(1.0, voice=True)
    visit.pass_time(1.0)
    visit.stage.player.on_event(UtteranceStarted(said(seconds=1.0)))
    visit.pass_time(0.5)
    assert visit.stage.player.snapshot().state is PlayerState.SPEAKING
    assert visit.gesture == "idle"


def test_what_other_software_shows_meanwhile_stays(visit: Visit) -> None:
    visit.pass_time(1.0, voice=True)
    visit.stage.player.gesture("think")
    visit.pass_time(1.0)
    assert isinstance(visit.told[-1], SpeechEnded)
    visit.pass_time(AWAITING_S + 1.0)
    assert visit.gesture == "think"
