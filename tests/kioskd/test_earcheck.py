# SPDX-License-Identifier: Apache-2.0
"""`kioskctl earcheck` with a real kiosk in a simulated room, and a visitor who does as told."""

from __future__ import annotations

import argparse
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from kiosk_process import running

from ears_bench.stage import at_microphone, gain
from ears_bench.stand import Stand, kiosk_in
from ears_bench.voices import sentences
from kioskd.ctl.client import Client, ControlError
from kioskd.ctl.earcheck import Time, earcheck
from test_stand.rooms import OFFICE

needs_a_room = pytest.mark.skipif(
    any(shutil.which(each) is None for each in ("pulseaudio", "flite")),
    reason="no pulseaudio or flite, which `make setup` brings",
)
NOBODY = argparse.Namespace()


def show_to(read: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads what kioskctl writes."""
    monkeypatch.setattr("kioskd.ctl.earcheck.show", read)
    monkeypatch.setattr("kioskd.ctl.printing.show", read)


@pytest.fixture
def stand() -> Iterator[Stand]:
    with kiosk_in(OFFICE, {"ears.policy": "auto"}) as stand:
        yield stand


class Visitor:
    """Reads what kioskctl asks for, and does it until it is heard."""

    def __init__(self, stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: list[str] = []
        self._stand = stand
        self._asked = threading.Event()
        self._done = threading.Event()
        show_to(self.read, monkeypatch)
        self._thread = threading.Thread(target=self._speak)
        self._thread.start()

    def read(self, line: str) -> None:
        self.lines.append(line)
        if line.startswith("Now"):
            self._asked.set()
        elif "visitor" in line or "interrupting" in line:
            self._asked.clear()

    def _speak(self) -> None:
        spoken = iter(2 * sentences("rms"))
        while not self._done.is_set():
            if self._asked.wait(0.1):
                sound = at_microphone(OFFICE, next(spoken)) * gain(OFFICE, 3.0)
                time.sleep(1.0)
                self._stand.rig.add(sound)
                time.sleep(3.0)

    def leave(self) -> None:
        self._done.set()
        self._thread.join(60)


@needs_a_room
@pytest.mark.slow("a minute of real time")
def test_it_tells_what_the_ears_are_good_for_and_listens_to_who_is_asked(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = Visitor(stand, monkeypatch)
    try:
        earcheck(Client(stand.kiosk.url, None, None), NOBODY)
    finally:
        visitor.leave()
    told = "\n".join(visitor.lines)
    print(told)
    # How good they are is the bench's to judge: a busy machine starves them
    for line in (
        "room +-?[0-9]+ dB without a voice",
        "own voice +(reduced by [0-9]+ dB|not heard)",
    ):
        assert re.search(f"^(ok  |WARN|FAIL) {line}", told, re.MULTILINE), line
    assert re.search("^ok   visitor +a sentence was heard", told, re.MULTILINE)


@dataclass
class ToldKiosk:
    """A kiosk in a time of its own that has these figures, and a visitor who does as asked."""

    echo_db: float = 43.0
    itself: int = 0
    hears: bool = True
    barge_in: bool = True
    now: float = 0.0
    lines: list[str] = field(default_factory=list)
    turns: float = 0.0
    over: float = 0.0
    _due: tuple[float, bool] | None = field(default=None, init=False)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def read(self, line: str) -> None:
        self.lines.append(line)
        if self.hears and line.startswith("Now"):
            self._due = self.now + 2.0, line.startswith("Now talk over")

    def health(self) -> dict[str, Any]:
        return {"checks": {"ears": {"observed": "recording", "reasons": []}}}

    def post_voice(self, _wav: bytes) -> None:
        self.turns += self.itself

    def post(self, _path: str, _body: dict[str, Any]) -> None:
        """The voice is cut off."""

    def figures(self) -> dict[str, float]:
        if self._due is not None and self.now >= self._due[0]:
            self.turns, self.over = self.turns + 1, self.over + self._due[1]
            self._due = None
        return {
            "kiosk_ears_open": 1.0,
            "kiosk_ears_level_db": -62.0,
            "kiosk_ears_echo_reduction_db": self.echo_db,
            "kiosk_ears_barge_in": float(self.barge_in),
            "kiosk_loudspeaker_delay_seconds": 0.122,
            "kiosk_ears_turns_total": self.turns,
            'kiosk_ears_turns_total{over="yes"}': self.over,
        }


def told_of(kiosk: ToldKiosk, monkeypatch: pytest.MonkeyPatch) -> tuple[int, dict[str, str]]:
    """The exit status, and each check's mark and words by its name."""
    show_to(kiosk.read, monkeypatch)
    status = earcheck(cast(Client, kiosk), NOBODY, Time(lambda: kiosk.now, kiosk.sleep))
    checks = {}
    for line in kiosk.lines:
        if check := re.fullmatch(r"(ok  |WARN|FAIL) (\S+(?: \S+)*) {2,}(.+)", line):
            checks[check[2]] = f"{check[1].strip()} {check[3]}"
    return status, checks


def test_a_good_room_passes_in_every_line(monkeypatch: pytest.MonkeyPatch) -> None:
    status, checks = told_of(ToldKiosk(), monkeypatch)
    assert status == 0
    assert checks == {
        "room": "ok -62 dB without a voice",
        "own voice": "ok reduced by 43 dB: visitors can interrupt (barge_in)",
        "itself": "ok took itself for a visitor 0 times",
        "loudspeaker": "ok 122 ms from the sound card to the room",
        "visitor": "ok a sentence was heard",
        "interrupting": "ok it fell silent for you",
    }


@pytest.mark.parametrize(
    ("kiosk", "check", "told"),
    [
        (ToldKiosk(echo_db=0.0), "own voice", "FAIL not heard by its own microphone"),
        (ToldKiosk(echo_db=12.0), "own voice", "FAIL reduced by 12 dB: too little"),
        (ToldKiosk(itself=2), "itself", "FAIL took itself for a visitor 2 times"),
        (ToldKiosk(hears=False), "visitor", "FAIL nobody was heard within 15 s"),
        (ToldKiosk(hears=False), "interrupting", "FAIL it was not interrupted"),
    ],
)
def test_what_fails_is_told_and_is_the_exit_status(
    kiosk: ToldKiosk, check: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, checks = told_of(kiosk, monkeypatch)
    assert checks[check].startswith(told)
    assert status == 1


def test_what_may_come_and_go_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    status, checks = told_of(ToldKiosk(echo_db=17.0, barge_in=False), monkeypatch)
    assert checks["own voice"].startswith("WARN reduced by 17 dB")
    assert checks["interrupting"] == "WARN the kiosk may not be interrupted"
    assert status == 0


def test_a_kiosk_without_ears_says_how_to_give_it_some(tmp_path: Path) -> None:
    with running(tmp_path) as kiosk, pytest.raises(ControlError, match=r"ears\.enabled: true"):
        earcheck(Client(kiosk.url, None, None), NOBODY)
