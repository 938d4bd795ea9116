# SPDX-License-Identifier: Apache-2.0
"""Somebody comes: input devices as the kernel has them, the wake word, and what the face does.

There is no /dev/uinput here: what devices send is written into pipes, as the kernel lays it out.
"""

from __future__ import annotations

import asyncio
import os
import struct
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from player_stage import Stage, said, small_avatar
from ready_settings import STILL, ready_playback

from driving_client.link.interface import UtteranceStarted
from kioskd.ears.events import SomebodyThere, SpeechBegan
from kioskd.ears.frames import CleanFrame, RawFrame
from kioskd.ears.settings import FRAME
from kioskd.ears.wake_word import WakeWordError, WakingTurns, wake_word
from kioskd.health.presence_check import PresenceCheck
from kioskd.presence import presence as presence_module
from kioskd.presence.input_events import SIZE, Sign, signs
from kioskd.presence.presence import AGAIN_S, Presence
from kioskd.presence.snapshot import PresenceSnapshot
from kioskd.service.attentive import AWAITING_S, GONE_S, Attentive
from splat_gles.avatar import Clip
from test_stand.plain_ears import NoTurns

KEY, ABSOLUTE, SWITCH = 1, 3, 5
FINGER_DOWN = (KEY, 0x14A, 1)
FINGER_UP = (KEY, 0x14A, 0)
SYNC = (0, 0, 0)
PATIENCE_S = 30


def sent(*events: tuple[int, int, int]) -> bytes:
    return b"".join(struct.pack("llHHi", 1, 2, *event) for event in events)


@pytest.mark.parametrize(
    ("event", "sign"),
    [
        (FINGER_DOWN, Sign("touch", there=True)),
        (FINGER_UP, Sign("touch", there=False)),
        ((ABSOLUTE, 0x39, 7), Sign("touch", there=True)),
        ((ABSOLUTE, 0x39, -1), Sign("touch", there=False)),
        ((KEY, 0x8F, 1), Sign("presence", there=True)),
        ((KEY, 0x8F, 0), Sign("presence", there=False)),
        ((SWITCH, 0x0B, 1), Sign("presence", there=True)),
    ],
)
def test_fingers_keys_and_switches_are_told_apart(event: tuple[int, int, int], sign: Sign) -> None:
    assert list(signs(sent(SYNC, event, SYNC))) == [sign]


def test_where_a_finger_moves_and_a_key_that_repeats_tell_nothing_new() -> None:
    assert not list(signs(sent((ABSOLUTE, 0x35, 500), (KEY, 0x8F, 2), (2, 0, 3), SYNC)))


@given(st.binary(max_size=40 * SIZE))
def test_any_bytes_are_read(chunk: bytes) -> None:
    assert len(list(signs(chunk))) <= len(chunk) // SIZE


@dataclass
class Board:
    """Input devices as Linux has them in /sys and /dev; what each sends is a pipe."""

    root: Path
    came: list[SomebodyThere] = field(default_factory=list)
    left: list[float] = field(default_factory=list)
    now: float = 100.0

    def plug(self, node: str, name: str) -> int:
        """Returns what the device's own side writes to."""
        described = self.root / "sys" / node / "device"
        described.mkdir(parents=True, exist_ok=True)
        (described / "name").write_text(name + "\n")
        path = self.root / "dev" / node
        path.parent.mkdir(exist_ok=True)
        os.mkfifo(path)
        return os.open(path, os.O_RDWR)

    def unplug(self, node: str, pipe: int) -> None:
        (self.root / "sys" / node / "device" / "name").unlink()
        (self.root / "sys" / node / "device").rmdir()
        (self.root / "sys" / node).rmdir()
        (self.root / "dev" / node).unlink()
        os.close(pipe)

    def presence(self, *patterns: str) -> Presence:
        return Presence(
            patterns,
            self.came.append,
            self.left.append,
            clock=lambda: self.now,
            sysfs=self.root / "sys",
            devices=self.root / "dev",
        )


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    monkeypatch.setattr(presence_module, "LOOK_EVERY_S", 0.01)
    return Board(tmp_path)


def in_a_loop(test: Callable[..., Coroutine[None, None, None]]) -> Callable[..., None]:
    @wraps(test)
    def run(*args: object, **named: object) -> None:
        asyncio.run(test(*args, **named))

    return run


async def until(happened: Callable[[], object]) -> None:
    patience = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < patience, "it never happened"
        await asyncio.sleep(0.005)


@in_a_loop
async def test_devices_are_found_by_name_and_tell_who_comes_and_goes(board: Board) -> None:
    sensor = board.plug("event3", "Front PIR")
    screen = board.plug("event0", "Goodix Capacitive TouchScreen")
    other = board.plug("event1", "Power Button")
    presence = board.presence("*pir*", "*touch*")
    watching = asyncio.create_task(presence.keep_watching())
    await until(lambda: len(presence.snapshot.watched) == 2)
    assert set(presence.snapshot.watched) == {"Front PIR", "Goodix Capacitive TouchScreen"}
    os.write(other, sent((KEY, 116, 1)))
    os.write(sensor, sent((KEY, 0x8F, 1), SYNC))
    await until(lambda: board.came)
    os.write(sensor, sent((KEY, 0x8F, 0), SYNC))
    await until(lambda: board.left)
    os.write(screen, sent(FINGER_DOWN, SYNC))
    await until(lambda: len(board.came) == 2)
    assert board.came == [SomebodyThere(100.0, "presence"), SomebodyThere(100.0, "touch")]
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


@in_a_loop
async def test_a_device_that_chatters_is_told_once_a_second(board: Board) -> None:
    screen = board.plug("event0", "touch")
    presence = board.presence("touch")
    watching = asyncio.create_task(presence.keep_watching())
    for _ in range(20):
        os.write(screen, sent(FINGER_DOWN, FINGER_UP))
    await until(lambda: len(board.left) == 20)
    assert len(board.came) == 1
    board.now += AGAIN_S
    os.write(screen, sent(FINGER_DOWN, FINGER_UP))
    await until(lambda: len(board.left) == 21)
    assert len(board.came) == 2
    watching.cancel()


@in_a_loop
async def test_a_device_that_is_pulled_is_told_and_found_again(board: Board) -> None:
    pipe = board.plug("event0", "touch")
    presence = board.presence("touch")
    watching = asyncio.create_task(presence.keep_watching())
    check = PresenceCheck(lambda: presence.snapshot)
    await until(lambda: presence.snapshot.watched)
    assert check.run(0).status.word == "pass"
    board.unplug("event0", pipe)
    await until(lambda: presence.snapshot.missing)
    (reason,) = check.run(0).reasons
    assert reason.code == "presence_missing"
    assert "/proc/bus/input/devices" in reason.text
    again = board.plug("event5", "touch")
    await until(lambda: presence.snapshot.watched and not presence.snapshot.missing)
    os.write(again, sent(FINGER_DOWN))
    await until(lambda: board.came)
    watching.cancel()


@in_a_loop
async def test_a_device_that_may_not_be_read_is_told(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    board.plug("event0", "touch")
    presence = board.presence("touch")

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(presence_module.os, "open", refuse)
    watching = asyncio.create_task(presence.keep_watching())
    await until(lambda: presence.snapshot.denied)
    (reason,) = PresenceCheck(lambda: presence.snapshot).run(0).reasons
    assert reason.code == "presence_denied"
    assert "group `input`" in reason.text
    watching.cancel()


def test_without_a_configured_device_nothing_is_amiss() -> None:
    assert PresenceCheck(PresenceSnapshot).run(0).status.word == "pass"


def test_a_wake_word_without_its_package_is_told_with_what_mends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pymicro_wakeword", None)
    with pytest.raises(WakeWordError) as told:
        wake_word("okay_nabu")
    (reason,) = PresenceCheck(PresenceSnapshot, str(told.value)).run(0).reasons
    assert reason.code == "wake_word_unavailable"
    assert "EXTRAS=wake" in reason.text


def test_a_wake_word_is_told_once_though_it_is_recognised_for_some_frames() -> None:
    said_at = {100, 101, 102, 103, 500}
    heard = iter(range(1000))
    turns = WakingTurns(NoTurns(), lambda _samples: next(heard) in said_at)
    nothing = np.zeros(FRAME, np.int16)
    events = []
    for number in range(600):
        place = (number * FRAME, number / 100)
        clean = CleanFrame(nothing, *place, False, None)
        events += turns.hear(clean, RawFrame(nothing, *place))
    assert [(event.source, round(event.at)) for event in events] == [("wake", 1), ("wake", 5)]


def somebody(stage: Stage, source: str = "presence") -> SomebodyThere:
    return SomebodyThere(stage.sound.now, source)


def showing(stage: Stage) -> str:
    stage.run(0.1)
    return stage.player.snapshot().gesture


def greeting_stage() -> Stage:
    still = (np.zeros((60, 52), np.float32), np.zeros((60, 5, 3), np.float32))
    hello = Clip("hello", 30.0, *still, loop=False)
    return Stage(ready_playback(idle=STILL), small_avatar({"hello": hello}))


def test_the_avatar_looks_up_at_who_comes_for_a_while() -> None:
    stage = Stage(ready_playback(idle=STILL))
    attentive = Attentive(stage.player, greet=False)
    stage.run(0.1)
    attentive.came(somebody(stage))
    assert showing(stage) == "listen"
    stage.run(AWAITING_S)
    assert showing(stage) == "idle"


def test_who_arrives_is_greeted_once_and_who_stays_is_not_again() -> None:
    stage = greeting_stage()
    attentive = Attentive(stage.player, greet=True)
    stage.run(0.1)
    attentive.came(somebody(stage))
    assert showing(stage) == "hello"
    for _ in range(4):
        stage.run(GONE_S - 20)
        attentive.came(somebody(stage))
        assert showing(stage) == "listen"
        stage.run(AWAITING_S)
    stage.run(GONE_S / 2)
    attentive.left(stage.sound.now)
    stage.run(GONE_S / 2 + 1)
    attentive.came(somebody(stage))
    assert showing(stage) == "listen", "the sensor had them until half a minute ago"
    stage.run(GONE_S + 1)
    attentive.came(somebody(stage))
    assert showing(stage) == "hello"


def test_an_avatar_without_the_clip_looks_up_instead() -> None:
    stage = Stage(ready_playback(idle=STILL), small_avatar({}))
    stage.run(0.1)
    Attentive(stage.player, greet=True).came(somebody(stage))
    assert showing(stage) == "listen"


def test_who_comes_changes_nothing_while_it_speaks_thinks_or_listens() -> None:
    stage = greeting_stage()
    attentive = Attentive(stage.player, greet=True)
    stage.player.on_event(UtteranceStarted(said(seconds=1.0)))
    stage.run(0.5)
    attentive.came(somebody(stage))
    assert showing(stage) == "idle"
    stage.run(1.0)
    attentive(CleanFrame(np.zeros(FRAME, np.int16), 0, 0.0, False, None), [SpeechBegan(0, 0.0)])
    attentive.came(somebody(stage, "wake"))
    assert showing(stage) == "listen"
    stage.player.gesture("think")
    stage.run(0.1)
    attentive.came(somebody(stage))
    assert showing(stage) == "think"
