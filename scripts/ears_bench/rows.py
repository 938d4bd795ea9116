# SPDX-License-Identifier: Apache-2.0
"""The table: what must be, what is aimed at, what was measured in which room, and the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ears_bench.scenes import Answer, Monologue


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row of the table; `least` where more is better."""

    name: str
    unit: str
    must: float
    aim: float
    least: bool = False


ECHO: Final = Wanted("echo reduction, kiosk speaks alone, median second", "dB", 25, 35, least=True)
LOSS: Final = Wanted("visitor's voice lost to the canceller while both speak, median", "dB", 6, 3)
WORDS: Final = Wanted("words that pocketsphinx loses against the clean voice", "points", 20, 10)
SELF: Final = Wanted("interrupted itself while it spoke alone", "times", 0, 0)
SILENCE: Final = Wanted("first voiced frame to silence, visitor at -6 dB, p95", "ms", 400, 250)
MISSED: Final = Wanted("visitors missed", "%", 5, 1)
FALSE: Final = Wanted("false starts in babble at -20 dB, for 10 minutes of it", "times", 2, 0)
TURN: Final = Wanted("end of turn beyond the configured silence, p95", "ms", 100, 50)
DELAY: Final = Wanted("delay of the loudspeaker's path, error", "ms", 5, 2)
CPU: Final = Wanted("CPU of the ears' thread for a second of listening", "ms", 60, 30)


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of one room; None where it could not be measured, which is never good enough.

    `basis` says of how much.
    """

    wanted: Wanted
    room: str
    value: float | None
    basis: str

    @property
    def verdict(self) -> str:
        """In a word."""
        if self.value is None:
            return "NOT MEASURED"
        sign = -1 if self.wanted.least else 1
        if sign * self.value <= sign * self.wanted.aim:
            return "aim reached"
        return "holds" if sign * self.value <= sign * self.wanted.must else "MISSED"

    @property
    def holds(self) -> bool:
        """Whether what must be is."""
        return self.verdict in ("aim reached", "holds")


HEADING: Final = (
    "| what | simulated room | must | aim | measured | of | verdict |\n"
    "|---|---|---|---|---|---|---|"
)


def line(row: Row) -> str:
    """The row in Markdown."""
    wanted = row.wanted
    limit = "at least" if wanted.least else "at most"
    value = "–" if row.value is None else f"{row.value:.3g} {wanted.unit}"
    return (
        f"| {wanted.name} | {row.room} | {limit} {wanted.must:g} {wanted.unit} | {wanted.aim:g} "
        f"| {value} | {row.basis} | {row.verdict} |"
    )


def of_monologue(room: str, found: Monologue) -> list[Row]:
    """The rows about the kiosk's own voice."""
    reduced = float(np.median(found.reductions_db)) if found.reductions_db else None
    seconds = f"{found.seconds:.0f} s"
    worst = ""
    when = "".join(f", at {at:.0f} s" for at in found.heard_at[:5])
    if found.reductions_db:
        worst = f", worst 5 % below {np.percentile(found.reductions_db, 5):.0f} dB"
    return [
        Row(ECHO, room, reduced, seconds + worst),
        Row(SELF, room, len(found.heard_at), seconds + when),
    ]


def of_answers(room: str, level_db: float, answers: Sequence[Answer]) -> list[Row]:
    """The rows about visitors who speak over the kiosk at one level."""
    where = f"{room}, {level_db:+.0f} dB"
    missed = 100 * sum(not each.noticed for each in answers) / len(answers)
    rows = [Row(MISSED, where, missed, f"{len(answers)} sentences")]
    silences = [each.silence_s for each in answers if each.silence_s is not None]
    if level_db < 0:
        rows.append(_in_ms(SILENCE, where, silences))
    ends = [each.late_s for each in answers if each.late_s is not None]
    return [*rows, _in_ms(TURN, where, ends)]


def _in_ms(wanted: Wanted, where: str, seconds: Iterable[float]) -> Row:
    values = [1000 * each for each in seconds]
    if not values:
        return Row(wanted, where, None, "none")
    basis = f"{len(values)}, median {np.median(values):.0f} ms"
    return Row(wanted, where, float(np.percentile(values, 95)), basis)
