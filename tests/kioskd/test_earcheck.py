# SPDX-License-Identifier: Apache-2.0
"""`kioskctl earcheck` with a real kiosk in a simulated room, and a visitor who does as told."""

from __future__ import annotations

import argparse
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kiosk_process import KioskProcess, write_small_avatar

from ears_bench.stage import at_microphone, gain
from ears_bench.stand import Stand, kiosk_in
from ears_bench.voices import sentences
from kioskd.ctl.client import Client, ControlError
from kioskd.ctl.earcheck import earcheck
from test_stand.rooms import OFFICE

pytestmark = pytest.mark.skipif(
    any(shutil.which(each) is None for each in ("pulseaudio", "flite")),
    reason="no pulseaudio or flite, which `make setup` brings",
)
NOBODY = argparse.Namespace()


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
        monkeypatch.setattr("kioskd.ctl.earcheck.show", self.read)
        monkeypatch.setattr("kioskd.ctl.printing.show", self.read)
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


def test_a_kiosk_without_ears_says_how_to_give_it_some(start_deaf: Callable[[], str]) -> None:
    with pytest.raises(ControlError, match=r"ears\.enabled: true"):
        earcheck(Client(start_deaf(), None, None), NOBODY)


@pytest.fixture
def start_deaf(tmp_path: Path) -> Iterator[Callable[[], str]]:
    started: list[KioskProcess] = []

    def start() -> str:
        avatar = write_small_avatar(tmp_path / "ball.avatar")
        config = f'avatar: {{path: "{avatar}"}}\naudio: {{enabled: false}}\n'
        kiosk = KioskProcess(tmp_path, "--set", "health.port=0", config=config)
        started.append(kiosk)
        kiosk.wait_for("ready: ")
        return kiosk.url

    yield start
    for kiosk in started:
        kiosk.process.kill()
        kiosk.process.wait()
