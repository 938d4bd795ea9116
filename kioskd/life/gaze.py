# SPDX-License-Identifier: Apache-2.0
"""Where the eyes look: at the visitor's eyes and mouth, and away, in saccades.

People look at whom they talk with for some seconds at a time, away for one or two, and in either
the eyes go on to another place once or twice a second.

* Shares: talking 41 %, listening 75 % of the time at the other's face (Argyle and Ingham 1972, at
  two metres; Kendon 1967: 20 to 65 and 30 to 80 %); 77 and 95 % in Lee, Badler and Badler 2002
  ("Eyes Alive"), whose talkers' looks last 3.1 s and whose looks away 0.9 s. Between the two:
  65 and 80 %, in looks of some 3 and 5 s (Argyle and Cook 1976: 3 s; Binetti et al. 2016: 3.3 s
  is what is liked best). Speakers mostly look away as they begin (Kendon 1967). Those who think of
  an answer look away (Glenberg, Schroeder and Robertson 1998; Doherty-Sneddon and Phelps 2005: 70
  to 86 % of the time), mostly upwards or aside. Who idles looks around a little more than a
  speaker; nobody has measured that before a screen.
* Saccades take 21 ms and 2.2 ms a degree, and their peak is some 1.6 times their mean speed
  (Bahill, Clark and Stark 1975; Becker 1991); none follows another within 0.2 s.
* A look away goes up, down or aside more often than aslant (Eyes Alive, of 80 ways 56).
* The head comes along where the way is far: nothing up to some degrees, a third of 20 (Stahl 1999).
  It begins after the eyes and takes its time; meanwhile the eyes give back what it has done
  (`kioskd.playback.eye_aim`), so that the gaze has arrived with the saccade.

Everything is drawn in the order of time: how often it is asked does not change it. Left out: drift
and tremor within a fixation, which are a tenth of a degree.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Final

from kioskd.life.activity import Activity
from kioskd.life.easing import ease
from kioskd.life.head_follow import HeadFollow

Place = tuple[float, float]
"""Degrees from the visitor, between the eyes, to the avatar's left and up."""

_EYES_AND_MOUTH: Final[tuple[tuple[float, Place], ...]] = (
    (0.42, (1.7, 0.3)),
    (0.38, (-1.7, 0.3)),
    (0.20, (0.0, -2.7)),
)
"""A visitor's face from a metre off: how much of the looks each place gets, and where it is."""

_FACE_JITTER: Final = 0.35
_LEAST: Final = 1.2
"""Degrees of the smallest saccade: less is not seen across a room."""

_FIXATION: Final = (3.0, 0.74)
"""Shape and mean, in seconds, of the gamma distribution of fixations, less their shortest time."""

_SHORTEST_S: Final = 0.2
_WAYS: Final = ((0, 32.3), (45, 6.9), (90, 17.7), (135, 7.7), (270, 20.4))
"""Degrees from aside upwards, either side alike, and the share of the looks that go that way."""

_THINKING_WAYS: Final = ((0, 20.0), (25, 30.0), (45, 35.0), (75, 10.0), (-25, 5.0))
_OTHER_SIDE: Final = 0.15
"""Of the looks of one who thinks: most go where the first went, and all where the head goes."""

_FURTHEST: Final = 22.0
_CLEAR: Final = 7.0
"""Degrees of a look away: nearer ones would still meet the face; further, and the eyes'
range is used up before the head has come along."""

_AROUND: Final = 3.0
"""Degrees by which the eyes move on while they look away."""

_FURTHEST_UP: Final = 14.0
_FURTHEST_DOWN: Final = 8.5
"""Eyes turn less far up and down, lids come along, and the visitor, where the picture's camera is,
is below the eyes already."""


@dataclass(frozen=True, slots=True)
class _Habit:
    """Mean seconds of a look at the visitor and of one away; how far looks away are scaled; how
    often the first look is one away."""

    contact_s: float
    away_s: float
    reach: float = 1.0
    away_first: float = 0.0


_HABITS: Final = {
    Activity.IDLE: _Habit(3.6, 2.2),
    Activity.LISTENING: _Habit(5.6, 1.1, 0.8),
    Activity.THINKING: _Habit(0.7, 4.2, 1.35, 1.0),
    Activity.SPEAKING: _Habit(3.0, 1.5, away_first=0.7),
}


@dataclass(frozen=True, slots=True)
class Glance:
    """One instant: radians of the gaze from the visitor to the avatar's left and up, in the room;
    axis-angle radians of the head, which follows it (down, left, to the right shoulder)."""

    left: float
    up: float
    head: tuple[float, float, float]


class Gaze:
    """An endless series of looks; times must not go backwards.

    `degrees` is how far looks away go on average; with 0 the eyes rest on the visitor.
    """

    def __init__(self, degrees: float, chance: random.Random) -> None:
        self._degrees = degrees
        self._chance = chance
        self._head = HeadFollow()
        self._origin: Place = (0.0, 0.0)
        self._target: Place = (0.0, 0.0)
        self._start = 0.0
        self._seconds = 0.05
        self._next = -math.inf
        self._away = False
        self._until = 0.0
        self._activity: Activity | None = None
        self._side, self._other_side = 1.0, 0.5
        self.large: list[float] = []
        """When the saccades of more than 15 degrees began that nobody has asked for yet."""

    def at(self, now: float, activity: Activity = Activity.IDLE, side: float = 0.0) -> Glance:
        """What is looked at; `side` is where the head goes while it thinks, above 0 its left."""
        if self._degrees <= 0:
            return Glance(0.0, 0.0, (0.0, 0.0, 0.0))
        if now - self._next > 60:
            self._begin(now)
        if activity is not self._activity:
            self._change(now, activity, side)
        while now >= self._next:
            self._look(self._next, activity)
        part = ease((now - self._start) / self._seconds)
        left, up = (a + (b - a) * part for a, b in zip(self._origin, self._target, strict=True))
        head_left, head_up = self._head.at(now)
        return Glance(
            math.radians(left),
            math.radians(up),
            (-math.radians(head_up), math.radians(head_left), 0.0),
        )

    def _begin(self, now: float) -> None:
        self._away = False
        self._origin = self._target
        self._start, self._next = now, now + self._chance.uniform(0.2, 1.0)
        self._until = now + self._chance.uniform(1.0, 4.0)

    def _change(self, now: float, activity: Activity, side: float) -> None:
        """Something else is done from now on: the next look is that one's, and soon."""
        first = self._activity is None
        self._activity = activity
        if first:
            return
        self._side = math.copysign(1.0, side or self._chance.uniform(-1, 1))
        self._other_side = _OTHER_SIDE if activity is Activity.THINKING else 0.5
        if side:
            self._other_side = 0.0
        # Whoever begins to think or, mostly, to speak looks away; else the visitor comes first
        away_first = self._chance.random() < _HABITS[activity].away_first
        self._away = not away_first
        self._until = now
        soon = max(now + self._chance.uniform(0.08, 0.3), self._start + _SHORTEST_S)
        self._next = min(self._next, soon)

    def _look(self, at: float, activity: Activity) -> None:
        habit = _HABITS[activity]
        if at >= self._until:
            self._away = not self._away
            mean = habit.away_s if self._away else habit.contact_s
            self._until = at + self._chance.gammavariate(2.0, mean / 2.0)
        self._origin = self._target
        self._target = self._aside(habit, activity) if self._away else self._face()
        self._start = at
        far = math.dist(self._origin, self._target)
        self._seconds = 0.021 + 0.0022 * far
        shape, mean = _FIXATION
        rest = self._chance.gammavariate(shape, (mean - _SHORTEST_S) / shape)
        self._next = at + self._seconds + _SHORTEST_S + rest
        self._head.follow(at, self._target)
        if far > 15.0:
            self.large.append(at)

    def _face(self) -> Place:
        """Another place of the visitor's face than the one that is looked at."""
        scale = min(self._degrees / 3.0, 1.0)
        while True:
            (place,) = self._chance.choices(
                [place for _, place in _EYES_AND_MOUTH], [share for share, _ in _EYES_AND_MOUTH]
            )
            left, up = (scale * (each + self._chance.gauss(0, _FACE_JITTER)) for each in place)
            if math.dist((left, up), self._target) > scale * _LEAST:
                return left, up

    def _aside(self, habit: _Habit, activity: Activity) -> Place:
        """A place away from the visitor, or another one near it."""
        reach = self._degrees * habit.reach
        clear = min(_CLEAR, reach)
        if math.hypot(*self._target) > 0.99 * clear and self._chance.random() < 0.6:
            left, up = (each + self._chance.gauss(0, _AROUND) for each in self._target)
            place = _at(math.atan2(up, left), max(math.hypot(left, up), clear))
            if math.dist(place, self._target) > _LEAST:
                return place
        thinking = activity is Activity.THINKING
        ways = _THINKING_WAYS if thinking else _WAYS
        (way,) = self._chance.choices([way for way, _ in ways], [share for _, share in ways])
        far = clear + self._chance.gammavariate(1.6, max(reach - clear, 0.1 * reach) / 1.6)
        other = self._chance.random() < self._other_side
        left, up = _at(math.radians(way + self._chance.gauss(0, 8)), far)
        return (-left if other else left) * self._side, up


def _at(angle: float, far: float) -> Place:
    """As far as that, or as eyes go, at an angle in radians from aside upwards."""
    left, up = math.cos(angle), math.sin(angle)
    height = _FURTHEST_UP if up > 0 else _FURTHEST_DOWN
    far = min(far, 1 / math.hypot(left / _FURTHEST, up / height))
    return far * left, far * up
