# SPDX-License-Identifier: Apache-2.0
"""The ears find out how late the loudspeaker is and whether it sounds; lip sync goes by it."""

from __future__ import annotations

import itertools
import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from echo_room import Room, Sound, babble, echo_of, noise
from hypothesis import given, settings
from hypothesis import strategies as st
from ready_settings import ready_audio
from sound_card import Studio, spoken, value

from kioskd.audio.loudspeaker import Loudspeaker
from kioskd.audio.output import AudioOutput
from kioskd.config import Config, load
from kioskd.config.sections import AudioSection
from kioskd.ears.cleaner import EchoCleaner
from kioskd.ears.echo_path import EchoPath
from kioskd.ears.loop_delay import LoopDelay, LoopMeasurement
from kioskd.ears.settings import FRAME
from kioskd.ears.snapshot import EarsSnapshot, EchoPathSnapshot, MicrophoneState
from kioskd.health.loudspeaker_check import LoudspeakerCheck
from kioskd.health.status import Status
from kioskd.metrics import Metrics
from kioskd.service.loudspeaker_delay import FILE_NAME, LoudspeakerDelay


def measured(recorded: Sound, played: Sound) -> list[LoopMeasurement]:
    loop = LoopDelay()
    both = [np.rint(np.clip(each, -1, 1) * 32767).astype(np.int16) for each in (recorded, played)]
    found = []
    for begin in range(0, len(recorded) - FRAME + 1, FRAME):
        near, far = (each[begin : begin + FRAME] for each in both)
        found.append(loop.hear(near, far, loud=bool(np.abs(far).max() > 500)))
    return [each for each in found if each is not None]


@settings(max_examples=20, deadline=None)
@given(
    delay_s=st.floats(0.0, 0.6),
    echo_s=st.sampled_from([0.05, 0.4, 1.2]),
    drive=st.sampled_from([0.3, 3.0]),
    seed=st.integers(1, 9),
)
def test_the_delay_of_the_direct_way_is_found_to_a_millisecond(
    delay_s: float, echo_s: float, drive: float, seed: int
) -> None:
    """In any room, with an overdriven loudspeaker, and a visitor half as loud as the echo."""
    played = babble(3.5, seed)
    visitor = 0.05 * babble(3.5, seed + 100) / 0.3
    recorded = echo_of(played, delay_s, echo_s, drive=drive) + visitor
    found = [each.direct_s for each in measured(recorded, played) if each.direct_s is not None]
    assert found
    assert max(abs(each - delay_s) for each in found) < 0.001


def test_what_was_not_played_is_no_echo() -> None:
    """A voice that has nothing to do with it: nothing that two comparisons agree in."""
    found = [
        each.strongest_s
        for seed in range(5)
        for each in measured(babble(5.0, seed + 50), babble(5.0, seed))
    ]
    pairs = itertools.pairwise(found)
    assert len(found) > 10
    assert not any(a is not None and b is not None and abs(a - b) < 0.003 for a, b in pairs)


def hear_all(room: Room, recorded: Sound, path: EchoPath) -> None:
    loudspeaker = Loudspeaker()
    cleaner = EchoCleaner(loudspeaker, path)
    for frame in room.frames(recorded, loudspeaker):
        cleaner.clean(frame)


def said(seconds: float) -> Room:
    room = Room()
    room.say(babble(seconds, 1))
    room.pass_time(seconds + 0.5)
    return room


@pytest.mark.parametrize("delay_s", [0.02, 0.3])
def test_the_loudspeakers_delay_is_what_the_loop_takes_less_the_microphones_part(
    delay_s: float,
) -> None:
    room = said(7.0)
    path = EchoPath(microphone_s=0.015)
    echo = echo_of(room.heard(), delay_s)
    hear_all(room, echo + noise(len(echo)), path)
    told = path.snapshot()
    assert told.delay_s == pytest.approx(delay_s - 0.015, abs=0.002)
    assert told.heard_s >= 3
    assert told.level_db is not None
    assert not told.silent


def test_a_path_whose_clock_drifts_unseen_is_followed() -> None:
    """As of a screen that plays by its own crystal: no time stamp tells of it."""
    room = said(14.0)
    sound = room.heard()
    slow = np.interp(np.arange(len(sound)) * (1 - 1e-4), np.arange(len(sound)), sound)
    echo = echo_of(slow, 0.1)
    path = EchoPath()
    hear_all(room, echo + noise(len(echo)), path)
    delay_s = path.snapshot().delay_s
    assert delay_s is not None
    # 1.4 ms later at the end; the middle one of nine seconds is told
    assert delay_s == pytest.approx(0.1 + 0.00095, abs=0.0005)


def test_a_loudspeaker_that_is_not_heard_is_silent_until_it_is() -> None:
    path = EchoPath()
    check = LoudspeakerCheck(
        lambda: EarsSnapshot(microphone=MicrophoneState(open=True), path=path.snapshot())
    )
    room = said(14.0)
    hear_all(room, noise(len(room.heard())), path)
    finding = check.run(0.0)
    assert finding.status is Status.WARN
    assert [reason.code for reason in finding.reasons] == ["speaker_silent"]
    room = said(6.0)
    echo = echo_of(room.heard(), 0.05)
    hear_all(room, echo, path)
    finding = check.run(0.0)
    assert finding.status is Status.PASS
    assert finding.observed == "heard 50 ms after the sound card"


@pytest.mark.parametrize(
    ("ears", "observed"),
    [
        (None, "not known: nobody listens (ears.enabled)"),
        (EarsSnapshot(path=EchoPathSnapshot(silent=True)), "not known while the microphone"),
        (
            EarsSnapshot(MicrophoneState(open=True), "microphone_silent", path=EchoPathSnapshot()),
            "not known while the microphone",
        ),
        (EarsSnapshot(MicrophoneState(open=True)), "not heard yet"),
        (
            EarsSnapshot(MicrophoneState(open=True), path=EchoPathSnapshot(0.12)),
            "known to be heard 120 ms after the sound card",
        ),
    ],
)
def test_the_loudspeaker_is_blamed_only_by_a_microphone_that_hears(
    ears: EarsSnapshot | None, observed: str
) -> None:
    finding = LoudspeakerCheck(None if ears is None else lambda: ears).run(0.0)
    assert finding.status is Status.PASS
    assert finding.observed.startswith(observed)


AUTO = Config(audio=replace(AudioSection(), latency_ms="auto"))


class Told(AudioOutput):
    def __init__(self) -> None:
        super().__init__(ready_audio(), Metrics())
        self.latencies: list[float] = []

    def set_latency(self, seconds: float) -> None:
        self.latencies.append(seconds)


def hear_seconds(known: LoudspeakerDelay, loop_s: float, count: int = 12) -> None:
    for _ in range(count):
        known.path.heard(loop_s, -30.0)


def wait_for_writers() -> None:
    for thread in threading.enumerate():
        if thread.name == "loudspeaker_delay":
            thread.join(60)


def wait_for_file(file: Path) -> None:
    wait_for_writers()
    assert file.exists()


def test_the_first_words_after_a_restart_are_in_time(tmp_path: Path) -> None:
    metrics = Metrics()
    before = LoudspeakerDelay(AUTO, Told(), metrics, tmp_path)
    hear_seconds(before, 0.12)
    wait_for_file(tmp_path / FILE_NAME)
    assert value(metrics, "kiosk_loudspeaker_delay_seconds") == pytest.approx(0.12)
    after = Told()
    known = LoudspeakerDelay(AUTO, after, Metrics(), tmp_path)
    assert after.latencies == [pytest.approx(0.12)]
    assert known.path.loop_s == pytest.approx(0.12)
    assert known.path.snapshot().heard_s == 0, "remembered, not heard"


def test_what_another_device_took_is_not_taken_for_this_one(tmp_path: Path) -> None:
    hear_seconds(LoudspeakerDelay(AUTO, Told(), Metrics(), tmp_path), 0.12)
    wait_for_file(tmp_path / FILE_NAME)
    other = replace(AUTO, audio=replace(AUTO.audio, device="plughw:CARD=HDMI"))
    assert LoudspeakerDelay(other, Told(), Metrics(), tmp_path).path.loop_s is None


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"device": "auto"}', '{"device": "auto", "loop_ms": "x"}',
                '{"device": "auto", "loop_ms": 1e9}', '{"device": "auto", "loop_ms": NaN}', "\x00"]
)  # fmt: skip
def test_a_damaged_file_means_that_nothing_is_known(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE_NAME).write_text(content)
    told = Told()
    known = LoudspeakerDelay(AUTO, told, Metrics(), tmp_path)
    assert known.path.loop_s is None
    assert not told.latencies


def test_a_delay_that_stays_is_written_once(tmp_path: Path) -> None:
    known = LoudspeakerDelay(AUTO, Told(), Metrics(), tmp_path)
    hear_seconds(known, 0.12)
    wait_for_file(tmp_path / FILE_NAME)
    (tmp_path / FILE_NAME).unlink()
    hear_seconds(known, 0.121)
    wait_for_writers()
    assert not (tmp_path / FILE_NAME).exists()
    hear_seconds(known, 0.2)
    wait_for_file(tmp_path / FILE_NAME)
    assert json.loads((tmp_path / FILE_NAME).read_text())["loop_ms"] == 200.0


def test_a_delay_that_was_given_is_not_replaced_by_the_measured_one() -> None:
    told = Told()
    hear_seconds(LoudspeakerDelay(Config(), told, Metrics(), None), 0.12)
    assert not told.latencies


def test_a_new_delay_never_makes_the_lips_jump_in_a_voice() -> None:
    studio = Studio()
    studio.output.play(spoken(4.0))
    studio.until(lambda s: s.running)
    studio.output.set_latency(0.04)
    positions = []
    for _ in range(300):
        studio.turn()
        positions.append(studio.output.snapshot().position_at(studio.time.now))
        studio.time.now += 0.01
    steps = np.diff(positions)
    assert steps.min() > 0.008
    assert steps.max() < 0.012
    late = studio.time.now - 0.01 - positions[-1]
    begin = studio.card.loud_times(100)[0]
    assert late - begin == pytest.approx(0.04, abs=0.006)


def test_between_voices_a_new_delay_holds_at_once() -> None:
    studio = Studio()
    studio.output.set_latency(0.2)
    studio.output.play(spoken(1.0))
    studio.until(lambda s: s.position_s > 0.3)
    begin = studio.card.loud_times(100)[0]
    at = studio.output.snapshot()
    assert at.at - at.position_s - begin == pytest.approx(0.2, abs=0.006)


def load_text(tmp_path: Path, text: str) -> Any:
    file = tmp_path / "kiosk.yaml"
    file.write_text(text)
    return load(file)


def test_auto_without_a_microphone_is_told_to_be_of_no_use(tmp_path: Path) -> None:
    loaded = load_text(tmp_path, "audio:\n  latency_ms: auto\n")
    (warning,) = loaded.warnings
    assert "kiosk.yaml:2: audio.latency_ms: nothing can measure it without a microphone" in warning
    loaded = load_text(tmp_path, "audio:\n  latency_ms: auto\nears:\n  enabled: true\n")
    assert not loaded.warnings
