# SPDX-License-Identifier: Apache-2.0
"""How much of each scene is played, and a room's rows from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ears_bench import rows
from ears_bench.measures import Double
from ears_bench.rows import Row
from ears_bench.scenes import Tell, both_speak, crowd, monologue, talk_over
from ears_bench.simulation import SimulatedStage
from ears_bench.stage import END_OF_TURN_S, Stage
from ears_bench.stand import Stand, kiosk_in, parts_in
from ears_bench.voices import TEXTS, VISITORS, Sentence, recorded_sentences, sentences
from ears_bench.words import words_lost
from kioskd.ears.cleaner import EchoCleaner
from kioskd.ears.policy import BARGE_IN
from kioskd.ears.settings import EarsSettings
from kioskd.ears.turn_taking import TurnTaking
from test_stand.rooms import Room

LEVELS_DB: Final = (0.0, -6.0)
_FULL_BABBLE_S: Final = 600.0
_DELAY_METRIC: Final = "kiosk_loudspeaker_delay_seconds"
_SETTINGS: Final = {"ears.policy": BARGE_IN}


@dataclass(frozen=True, slots=True)
class Plan:
    """Seconds and numbers for each room; a cell is a room and a level."""

    own_voice_s: float
    visitors: int
    babble_s: float
    both: int


QUICK: Final = Plan(own_voice_s=20, visitors=4, babble_s=0, both=0)
BENCH: Final = Plan(own_voice_s=60, visitors=12, babble_s=60, both=8)
WHOLE: Final = Plan(own_voice_s=600, visitors=60, babble_s=200, both=20)


def visitors(count: int) -> list[Sentence]:
    """So many sentences, the voices in turns."""
    people = [sentences(name) for name in VISITORS]
    if recorded := recorded_sentences():
        people.append(recorded)
    return [people[i % len(people)][i // len(people) % len(TEXTS)] for i in range(count)]


def measure_room(room: Room, plan: Plan, tell: Tell, words: Path | None) -> Iterator[Row]:
    """Play all of it in real time; `words` is pocketsphinx's Python, None to leave it out."""
    with kiosk_in(room, _SETTINGS) as stand:
        cpu = _Cpu(stand)
        own = monologue(stand.stage, plan.own_voice_s, tell)
        yield from rows.of_monologue(room.name, own)
        yield _delay(stand)
        for level_db in LEVELS_DB if plan.visitors else ():
            answers = talk_over(stand.stage, visitors(plan.visitors), level_db, tell)
            yield from rows.of_answers(room.name, level_db, answers)
        if plan.babble_s:
            starts = crowd(stand.stage, plan.babble_s, tell)
            share = starts * _FULL_BABBLE_S / plan.babble_s
            yield Row(rows.FALSE, room.name, share, f"{starts} in {plan.babble_s:.0f} s")
        yield Row(rows.CPU, room.name, *cpu.told())
    if plan.both:
        with parts_in(room) as stage:
            found = _both_speak(plan, stage, tell)
        yield _loss(room, found)
        if words is not None:
            lost, basis = words_lost(found, words)
            yield Row(rows.WORDS, _where_both(room), lost, basis)


def simulate_room(room: Room, plan: Plan, tell: Tell) -> Iterator[Row]:
    """The rows that need no kiosk, as fast as they go; the ears let it speak on in the last."""
    stage = _simulated(room, interrupts=True)
    yield from rows.of_monologue(room.name, monologue(stage, plan.own_voice_s, tell))
    for level_db in LEVELS_DB:
        answers = talk_over(stage, visitors(plan.visitors), level_db, tell)
        yield from rows.of_answers(room.name, level_db, answers)
    if plan.both:
        yield _loss(room, _both_speak(plan, _simulated(room, interrupts=False), tell))


def _simulated(room: Room, *, interrupts: bool) -> SimulatedStage:
    settings = EarsSettings(True, "", (), 0.0, BARGE_IN, END_OF_TURN_S)
    return SimulatedStage(
        room,
        lambda loudspeaker: (EchoCleaner(loudspeaker), TurnTaking(settings, lambda: None)),
        interrupts,
    )


def _both_speak(plan: Plan, stage: Stage, tell: Tell) -> list[Double]:
    people = [each for each in visitors(2 * plan.both) if each.text][: plan.both]
    return both_speak(stage, people, LEVELS_DB[-1], tell)


def _where_both(room: Room) -> str:
    return f"{room.name}, {LEVELS_DB[-1]:+.0f} dB"


def _loss(room: Room, found: Sequence[Double]) -> Row:
    loss = float(np.median([each.loss_db for each in found]))
    return Row(rows.LOSS, _where_both(room), loss, f"{len(found)} sentences")


def _delay(stand: Stand) -> Row:
    """What the kiosk found out about its loudspeaker, against the truth."""
    measured = stand.kiosk.metric(_DELAY_METRIC)
    if not measured:
        return Row(rows.DELAY, stand.rig.room.name, None, "the kiosk tells none")
    true = stand.rig.loop_delay_s()
    basis = f"{1000 * measured:.1f} ms, truly {1000 * true:.1f} ms"
    return Row(rows.DELAY, stand.rig.room.name, 1000 * abs(measured - true), basis)


class _Cpu:
    """What the ears' thread takes between two looks."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand
        self._before = self._look()

    def _look(self) -> tuple[float, float]:
        names = ("kiosk_ears_cpu_seconds_total", "kiosk_ears_heard_seconds_total")
        taken, heard = (self._stand.kiosk.metric(name) for name in names)
        return taken, heard

    def told(self) -> tuple[float, str]:
        """Milliseconds for a second, and of how many seconds."""
        now = self._look()
        taken, heard = now[0] - self._before[0], now[1] - self._before[1]
        return 1000 * taken / max(heard, 1e-9), f"{heard:.0f} s"
