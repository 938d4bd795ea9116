# SPDX-License-Identifier: Apache-2.0
"""The ears' thread: what is heard reaches whoever listens, and a fault is told and outlived."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from kioskd.ears import ears as ears_module
from kioskd.ears.ears import Ears
from kioskd.ears.events import EarsEvent, SpeechBegan, SpeechEnded
from kioskd.ears.frames import CleanFrame, RawFrame
from kioskd.ears.parts import Cleaner, Parts, Turns
from kioskd.ears.settings import FRAME
from kioskd.ears.snapshot import EarsSnapshot, MicrophoneState
from kioskd.metrics import Metrics
from test_stand.plain_ears import NoTurns, PassThrough

PATIENCE_S = 60
RECORDS = MicrophoneState(open=True, device="hw:CARD=Test", rate=16000)


def frame(number: int) -> RawFrame:
    return RawFrame(np.full(FRAME, number, np.int16), number * FRAME, 100 + number / 100)


@dataclass
class HandFed:
    """A microphone that records what the test hands it."""

    given: queue.Queue[RawFrame]
    state: MicrophoneState = RECORDS
    closed: threading.Event = field(default_factory=threading.Event)

    def read(self, timeout_s: float) -> Sequence[RawFrame]:
        try:
            return [self.given.get(timeout=timeout_s)]
        except queue.Empty:
            return []

    def close(self) -> None:
        self.closed.set()


class Scripted(NoTurns):
    """Speech from the third frame to the fifth."""

    policy = "barge_in"
    fallback = "echo_too_loud"

    def hear(self, frame: CleanFrame, recorded: RawFrame) -> Sequence[EarsEvent]:
        number = frame.position // FRAME
        if number == 3:
            return [SpeechBegan(frame.position, frame.at)]
        return [SpeechEnded(frame.position, frame.position, frame.at)] if number == 5 else []


class Room:
    """Ears whose microphone the test feeds; what a listener was given lies in `heard`."""

    def __init__(
        self,
        make_cleaner: Callable[[], Cleaner] = PassThrough,
        make_turns: Callable[[], Turns] = Scripted,
    ) -> None:
        self.given: queue.Queue[RawFrame] = queue.Queue()
        self.heard: queue.Queue[tuple[CleanFrame, Sequence[EarsEvent]]] = queue.Queue()
        self.microphones: list[HandFed] = []
        self.metrics = Metrics()
        self.ears = Ears(Parts(self._open, make_cleaner, make_turns), self.metrics)
        self.leave = self.ears.listen(lambda frame, events: self.heard.put((frame, events)))

    def _open(self) -> HandFed:
        self.microphones.append(HandFed(self.given))
        return self.microphones[-1]

    def hears(self, number: int) -> tuple[CleanFrame, Sequence[EarsEvent]]:
        self.given.put(frame(number))
        return self.heard.get(timeout=PATIENCE_S)

    def until(self, what: Callable[[EarsSnapshot], bool]) -> EarsSnapshot:
        waiting = threading.Event()
        for _ in range(PATIENCE_S * 100):
            if what(self.ears.snapshot()):
                return self.ears.snapshot()
            waiting.wait(0.01)
        raise AssertionError(self.ears.snapshot())

    def counted(self, name: str) -> float:
        return self.metrics.registry.get_sample_value(name) or 0.0


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Room], Room]]:
    monkeypatch.setattr(ears_module, "ANEW_S", 0.01)
    rooms: list[Room] = []

    def start(room: Room) -> Room:
        rooms.append(room)
        room.ears.start()
        return room

    yield start
    for room in rooms:
        room.ears.end()
        assert room.ears.ended(PATIENCE_S)


def test_each_frame_reaches_the_listener_with_what_began_or_ended_in_it(
    begin: Callable[[Room], Room],
) -> None:
    room = begin(Room())
    events = []
    for number in range(7):
        heard, told = room.hears(number)
        assert (heard.position, heard.samples[0]) == (number * FRAME, number)
        events += [type(event) for event in told]
        if number == 4:
            assert room.until(lambda now: now.speech).policy == "barge_in"
    assert events == [SpeechBegan, SpeechEnded]
    told_last = room.until(lambda now: not now.speech)
    assert (told_last.fallback, told_last.microphone.open) == ("echo_too_loud", True)
    assert room.counted("kiosk_ears_open") == 1
    assert room.counted("kiosk_ears_heard_seconds_total") == pytest.approx(0.07)


def test_who_has_left_hears_nothing_more(begin: Callable[[Room], Room]) -> None:
    room = begin(Room())
    later: queue.Queue[CleanFrame] = queue.Queue()
    room.hears(0)
    room.ears.listen(lambda frame, _: later.put(frame))
    room.leave()
    room.given.put(frame(1))
    assert later.get(timeout=PATIENCE_S).position == FRAME
    assert room.heard.empty()


def test_a_listener_that_fails_takes_no_other_s_sound_away(begin: Callable[[Room], Room]) -> None:
    room = Room()
    room.leave()

    def fails(_frame: CleanFrame, _events: Sequence[EarsEvent]) -> None:
        raise RuntimeError("a listener's own fault")

    room.ears.listen(fails)
    room.ears.listen(lambda frame, events: room.heard.put((frame, events)))
    begin(room)
    assert room.hears(0)[0].position == 0
    assert room.hears(1)[0].position == FRAME
    assert room.counted("kiosk_ears_faults_total") == 2
    assert room.until(lambda now: now.microphone.open).reason is None


@pytest.mark.parametrize("part", ["cleaner", "turns", "making"])
def test_a_part_that_fails_is_told_and_all_begin_anew(
    part: str, begin: Callable[[Room], Room], caplog: pytest.LogCaptureFixture
) -> None:
    made = []

    class Failing(PassThrough, Scripted):
        def clean(self, frame: RawFrame) -> CleanFrame:
            if part == "cleaner" and len(made) == 1:
                raise ValueError("a number that nobody expected")
            return super().clean(frame)

        def hear(self, frame: CleanFrame, recorded: RawFrame) -> Sequence[EarsEvent]:
            if part == "turns" and len(made) == 1:
                raise ValueError("a number that nobody expected")
            return super().hear(frame, recorded)

    def make() -> Failing:
        made.append(1)
        if part == "making" and len(made) == 1:
            raise ValueError("a number that nobody expected")
        return Failing()

    room = Room(make, make_turns=Failing)
    room.given.put(frame(0))
    begin(room)
    assert room.until(lambda now: now.reason is not None).reason == "ears_fault"
    assert room.hears(1)[0].samples[0] in (0, 1)
    assert len(made) == 2
    assert all(each.closed.is_set() for each in room.microphones[:-1])
    assert room.counted("kiosk_ears_faults_total") == 1
    assert [line.code for line in caplog.records if line.levelname == "ERROR"] == ["ears_fault"]  # type: ignore[attr-defined]


def test_the_microphone_is_let_go_of_at_the_end() -> None:
    room = Room()
    room.ears.start()
    room.hears(0)
    room.ears.end()
    assert room.ears.ended(PATIENCE_S)
    assert room.microphones[0].closed.is_set()
    assert room.counted("kiosk_ears_open") == 0
