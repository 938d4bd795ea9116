# SPDX-License-Identifier: Apache-2.0
"""What happens in a room while the kiosk is measured; the same whether in real time or not.

Each scene tells its progress and returns what the measures need.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ears_bench.measures import Double, echo_reductions, voice_loss
from ears_bench.stage import END_OF_TURN_S, Began, Ended, Event, Stage, Visit
from ears_bench.voices import Sentence, babble

Tell = Callable[[str], None]

LEARN_S: Final = 12.0
"""The canceller may hear this much of the kiosk's voice before anything is asked of it."""

BABBLE_DB: Final = -20.0
_PIECE_S: Final = 20.0
_OWN_PIECE_S: Final = 5.0
_SETTLE_S: Final = 5.0
_TOLD_S: Final = 20.0
_AFTER_S: Final = END_OF_TURN_S + 1.2
_NEAR_S: Final = 0.5
_MOST_TRIES: Final = 4


class StarvedError(Exception):
    """The machine has no time for real time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a visit: None where it did not.

    `silence_s`: from its first voiced frame to the kiosk's silence; `late_s`: how much later than
    the configured silence its end was noticed.
    """

    visit: Visit
    noticed: bool
    silence_s: float | None
    late_s: float | None


@dataclass(frozen=True, slots=True)
class Monologue:
    """`reductions_db`: of each second of own voice; `heard_at`: seconds into it at which it took
    itself for a visitor.
    """

    seconds: float
    reductions_db: tuple[float, ...]
    heard_at: tuple[float, ...]


def monologue(stage: Stage, seconds: float, tell: Tell) -> Monologue:
    """The kiosk speaks alone, as long as asked for without a break of the stage.

    After a break the canceller has some time to find the echo again.
    """
    stage.forget()
    stage.speak(True)
    first = since = stage.now()
    stage.wait(LEARN_S)
    found: list[float] = []
    heard_at: list[float] = []
    passed, tries = 0.0, 0
    while passed < seconds:
        begin = stage.now()
        stage.wait(_OWN_PIECE_S)
        end = stage.now()
        tries += 1
        if stage.broken(begin - _SETTLE_S):
            _give_up_after(tries, seconds / _OWN_PIECE_S)
        else:
            signals = (each(begin, end) for each in (stage.recorded, stage.echo, stage.clean))
            found += echo_reductions(*signals)
            heard_at += [each.at - first for each in stage.events(since) if isinstance(each, Began)]
            passed += _OWN_PIECE_S
            if passed % _TOLD_S == 0:
                reduced = f"{np.median(found):.0f} dB" if found else "nothing"
                tell(
                    f"{stage.room.name}: {passed:.0f} of {seconds:.0f} s of its own voice: "
                    f"echo reduced by {reduced}, heard itself {len(heard_at)} times"
                )
        stage.forget()
        since = end
        # Whatever interrupted it
        stage.speak(True)
    stage.speak(False)
    stage.wait(1.0)
    return Monologue(passed, tuple(found), tuple(heard_at))


def talk_over(
    stage: Stage, sentences: Sequence[Sentence], level_db: float, tell: Tell
) -> list[Answer]:
    """Visitors interrupt the kiosk, one after the other, and are answered or not."""
    pauses = _pauses()
    stage.speak(True)
    stage.wait(LEARN_S)
    answers: list[Answer] = []
    for tries in itertools.count(1):
        if len(answers) == len(sentences):
            break
        stage.forget()
        stage.speak(True)
        stage.wait(next(pauses))
        since = stage.now()
        visit = stage.visit(sentences[len(answers)], level_db)
        stage.wait(visit.last_at + _AFTER_S - stage.now())
        if stage.broken(since):
            _give_up_after(tries, len(sentences))
            continue
        answers.append(answer_of(visit, stage.events(since), stage.silent_at(visit.first_at)))
        heard = sum(each.noticed for each in answers)
        if len(answers) % 5 == 0:
            tell(f"{stage.room.name}, {level_db:+.0f} dB: {heard} of {len(answers)} visitors heard")
    stage.speak(False)
    stage.wait(1.0)
    return answers


def both_speak(
    stage: Stage, sentences: Sequence[Sentence], level_db: float, tell: Tell
) -> list[Double]:
    """Visitors speak over a kiosk that goes on, so that its canceller has both all the time."""
    stage.speak(True)
    stage.wait(LEARN_S)
    found: list[Double] = []
    for tries in itertools.count(1):
        if len(found) == len(sentences):
            break
        stage.forget()
        stage.speak(True)
        stage.wait(0.5)
        since = stage.now()
        visit = stage.visit(sentences[len(found)], level_db)
        stage.wait(visit.last_at + 1.2 - stage.now())
        if stage.broken(since):
            _give_up_after(tries, len(sentences))
            continue
        begin, end = visit.first_at - 0.3, visit.last_at + 0.4
        alone = stage.recorded(begin, end) - stage.echo(begin, end)
        clean = stage.clean(begin, end)
        found.append(Double(visit, alone, clean, voice_loss(alone, clean)))
    stage.speak(False)
    losses = [each.loss_db for each in found]
    tell(
        f"{stage.room.name}, {level_db:+.0f} dB: visitors' voices lose {np.median(losses):.1f} dB "
        "while both speak"
    )
    return found


def crowd(stage: Stage, seconds: float, tell: Tell) -> int:
    """A crowd babbles 20 dB below a visitor; half of the time the kiosk speaks. False starts."""
    starts, passed, speaking = 0, 0.0, False
    for tries in itertools.count(1):
        if passed >= seconds:
            break
        stage.forget()
        stage.speak(speaking)
        since = stage.now()
        stage.noise(babble(_PIECE_S, seed=tries), BABBLE_DB)
        stage.wait(_PIECE_S)
        if stage.broken(since):
            _give_up_after(tries, seconds / _PIECE_S)
            continue
        starts += sum(isinstance(each, Began) for each in stage.events(since))
        passed += _PIECE_S
        speaking = not speaking
        tell(f"{stage.room.name}: {starts} false starts in {passed:.0f} s of babble")
    stage.speak(False)
    stage.wait(1.0)
    return starts


def _give_up_after(tries: int, wanted: float) -> None:
    """Raise StarvedError where most of what was tried broke."""
    if tries > _MOST_TRIES * wanted + _MOST_TRIES:
        raise StarvedError(
            f"the machine is too busy: of {tries} tries most were cut short by sound that stopped"
        )


def answer_of(visit: Visit, events: Iterable[Event], silent_at: float | None) -> Answer:
    """What the kiosk made of a visit, given what it noticed about that time."""
    events = list(events)
    noticed = any(
        isinstance(each, Began) and visit.first_at - _NEAR_S <= each.at <= visit.last_at
        for each in events
    )
    ends = [each for each in events if isinstance(each, Ended) and each.noticed > visit.last_at]
    late_s = ends[0].noticed - visit.last_at - END_OF_TURN_S if noticed and ends else None
    silence_s = None if silent_at is None or not noticed else silent_at - visit.first_at
    return Answer(visit, noticed, silence_s, late_s)


def _pauses() -> Iterator[float]:
    """Seconds of own voice before a visitor comes, never the same."""
    rng = np.random.default_rng(11)
    return (float(rng.uniform(1.5, 2.5)) for _ in itertools.count())
