# SPDX-License-Identifier: Apache-2.0
"""From what a voice stresses to strokes of the head, and of the face that goes along.

What people do, and what is made of it here:

* The head moves almost all the time while its owner speaks: wide and in one go when speech begins
  after a pause, moderately where it ends in one, sharply at a peak of loudness and often a stress
  (Hadar, Steiner, Grant and Rose 1983, 1984). So a phrase begins with another posture, ends with
  a settling, and a stress gets a beat. A smaller one goes with every vowel, as the head follows
  pitch and loudness throughout (Munhall et al. 2004).
* The head is turned furthest at the stressed syllable, on average, and varies about it
  (Alexanderson, House and Beskow 2013, of nods that beat time; Esteve-Gibert et al. 2017); brows
  begin before the head and are up at the stress (Kim, Cvejic and Davis 2014).
* 71 % of quick brow raises go with a rise of pitch, not all rises with a raise (Cavé et al. 1996,
  who count 38 % of them in silence); many come as a turn begins (Guaïtella et al. 2009). A beat
  or a raise makes the word that it falls on sound stressed (Krahmer and Swerts 2007), so that
  none is made off a stress, but for the raise as a phrase begins.

Which stress gets a beat, of what kind and size, is drawn from a chance of the utterance's own:
nobody nods alike twice. No study at hand gives sizes in degrees for calm speech. These are
measured against the head at rest, looks aside included: each rotation has 2 to 3 times its
standard deviation, with what the head at rest does going on below.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from driving_client.motion import FloatArray
from kioskd.prosody.face_gestures import FaceGestures
from kioskd.prosody.strokes import CHANNELS, Stroke, amounts_of
from kioskd.prosody.syllables import Mark, PhraseEnd, PhraseStart, Vowel

DECIDED_S: Final = 0.35
"""A stress is compared with what follows it within this."""

_LONGEST_RISE_S: Final = 0.34
_SHORTEST_RISE_S: Final = 0.13
_LATEST_S: Final = 0.07
"""A beat that cannot be there by so long after its vowel is left out."""

_NEXT_BEAT_S: Final = (0.95, 2.5)
"""The least between two beats, and the longest after which one is as easily had as after any."""

_BEAT_ABOVE: Final = 1.0
_LESS_A_SECOND: Final = 0.9
_LEAST: Final = 0.15
"""Prominence that a beat takes when it is due, how much less a second later, and the least."""

_NOD_DEG: Final = 7.4
_POSTURE_DEG: Final = (1.9, 0.4, 0.4)
"""Of a middling nod, and the standard deviation of a posture's pitch, yaw and roll."""

_KINDS: Final = {"nod": 0.28, "lifted": 0.26, "tilt": 0.22, "turn": 0.24}
"""Shares of the kinds of beats; all of them go down at the vowel."""

_TURN_S: Final = 0.28


class Gestures:
    """Feeds on marks and gives strokes; the same marks and seed give the same ones."""

    def __init__(self, seed: str) -> None:
        self._chance = random.Random(seed)
        self._waiting: deque[Mark] = deque()
        self._last_beat = -self._chance.uniform(0.0, 1.2)
        self._gap = self._chance.uniform(*_NEXT_BEAT_S)
        self._last_end = -math.inf
        self._posture = np.zeros(len(CHANNELS), np.float32)
        self._last_shift = -math.inf
        self._face = FaceGestures(self._chance)
        self._turned_until = -math.inf

    def feed(self, marks: Sequence[Mark], known_s: float, heard_s: float) -> list[Stroke]:
        """Strokes of what is decided: all marks are known up to `known_s` of the sound.

        Nothing begins before `heard_s`. What is nearly heard is decided with what is known.
        """
        self._waiting.extend(marks)
        strokes: list[Stroke] = []
        while self._waiting:
            mark = self._waiting[0]
            sure = mark.at + DECIDED_S <= known_s or mark.at - _LONGEST_RISE_S <= heard_s
            if not sure:
                break
            self._waiting.popleft()
            strokes += filter(None, (_in_time(s, heard_s) for s in self._of(mark)))
        return strokes

    def _of(self, mark: Mark) -> Iterator[Stroke]:
        match mark:
            case PhraseStart(at):
                yield from self._begin_phrase(at)
            case PhraseEnd(at, fell):
                yield from self._end_phrase(at, fell)
            case Vowel():
                yield from self._vowel(mark)

    def _begin_phrase(self, at: float) -> Iterator[Stroke]:
        chance = self._chance
        paused = min(at - self._last_end, 1.0)
        yield from self._shift(at + chance.uniform(0.1, 0.9), 0.6 + 0.4 * paused)
        if chance.random() < 0.4:
            yield from self._face.brows(at + chance.uniform(0.0, 0.7), chance.uniform(0.5, 1.0))

    def _end_phrase(self, at: float, fell: float) -> Iterator[Stroke]:
        chance = self._chance
        self._last_end = at
        # Lower for a fall, level for a question; most of the posture is given up
        down = chance.uniform(0.3, 1.3) if fell > -1.0 else -chance.uniform(0.2, 1.0)
        settled = np.float32(chance.uniform(0.1, 0.5)) * self._posture + amounts_of(pitch=down)
        yield self._to(settled, at + chance.uniform(0.25, 0.5), chance.uniform(0.5, 0.8))

    def _shift(self, at: float, size: float) -> Iterator[Stroke]:
        """Another posture, to the other side more often than not."""
        chance = self._chance
        pitch, yaw, roll = (size * sd * chance.gauss(0.0, 1.0) for sd in _POSTURE_DEG)
        if yaw * float(self._posture[1]) > 0 and chance.random() < 0.6:
            yaw = -yaw
        yaw = math.copysign(min(abs(yaw) + 0.2, 5.0), yaw)
        wanted = amounts_of(
            pitch=min(max(pitch - 0.3, -5.0), 4.0),
            yaw=yaw,
            roll=min(max(roll + chance.choice((-0.3, 0.2)) * yaw, -3.4), 3.4),
        )
        self._last_shift = at
        yield self._to(wanted, at, chance.uniform(0.45, 0.85))

    def _to(self, posture: FloatArray, at: float, seconds: float) -> Stroke:
        change = posture - self._posture
        self._posture = posture
        return Stroke(at, seconds, math.inf, 0.0, change)

    def _vowel(self, vowel: Vowel) -> Iterator[Stroke]:
        chance = self._chance
        if self._is_beat(vowel):
            self._last_beat = vowel.at
            self._gap = chance.uniform(*_NEXT_BEAT_S)
            yield from self._beat(vowel)
            if vowel.at - self._last_shift > chance.uniform(0.7, 1.7):
                yield from self._shift(vowel.at + chance.uniform(0.2, 0.6), 0.85)
        elif vowel.prominence > -0.8:
            yield from self._along(vowel)

    def _along(self, vowel: Vowel) -> Iterator[Stroke]:
        """What goes with a vowel that gets no beat: little, up with the voice; at times a turn."""
        chance = self._chance
        small = 0.24 * (1.0 + vowel.prominence) * chance.uniform(0.4, 1.4)
        turned = chance.random() < 0.6 and vowel.at - _TURN_S > self._turned_until
        side = chance.gauss(0.0, 3.2 if turned else 1.6)
        tilt = chance.gauss(0.0, 1.2 if turned else 0.6) - 0.15 * side
        raised = 0.07 * max(vowel.rise, 0.0) * chance.uniform(0.5, 1.5)
        amounts = amounts_of(
            pitch=small - 0.2 * min(max(vowel.rise, -3.0), 4.0) * chance.uniform(0.5, 1.5),
            yaw=min(max(side, -8.0), 8.0),
            roll=tilt,
            browInnerUp=raised,
            browOuterUpLeft=0.5 * raised,
            browOuterUpRight=0.5 * raised,
        )
        if turned:
            hold, fall = chance.uniform(0.0, 0.1), chance.uniform(0.32, 0.5)
            self._turned_until = vowel.at + hold + 0.5 * fall
            yield Stroke(vowel.at, _TURN_S, hold, fall, amounts)
        else:
            yield Stroke(vowel.at, 0.2, 0.0, 0.3, amounts)

    def _is_beat(self, vowel: Vowel) -> bool:
        """Whether this stress is one; the longer ago the last was, the less it takes."""
        since = vowel.at - self._last_beat
        if since < _NEXT_BEAT_S[0]:
            return False
        needed = max(_BEAT_ABOVE - _LESS_A_SECOND * (since - self._gap), _LEAST)
        if vowel.prominence < needed:
            return False
        following = next((mark for mark in self._waiting if isinstance(mark, Vowel)), None)
        if following is None or following.at - vowel.at > DECIDED_S:
            return True
        return following.prominence <= vowel.prominence

    def _beat(self, vowel: Vowel) -> Iterator[Stroke]:
        chance = self._chance
        strength = 0.75 + 0.22 * min(max(vowel.prominence, 0.0), 2.0)
        size = _NOD_DEG * strength * min(max(chance.lognormvariate(0.0, 0.3), 0.55), 1.35)
        kind = chance.choices(list(_KINDS), list(_KINDS.values()))[0]
        side = chance.choice((-1.0, 1.0))
        # Further takes longer
        rise = min(0.13 + 0.015 * size + chance.uniform(0.0, 0.1), _LONGEST_RISE_S - 0.02)
        fall = chance.uniform(0.26, 0.5)
        hold = chance.choice((0.0, chance.uniform(0.02, 0.1)))
        aside = side * size * min(abs(chance.gauss(0.0, 1.0)) + 0.2, 1.25)
        amounts = {
            "nod": amounts_of(pitch=size, yaw=0.6 * aside, roll=0.3 * aside),
            "lifted": amounts_of(pitch=0.85 * size, yaw=0.8 * aside, roll=0.5 * aside),
            "tilt": amounts_of(pitch=0.75 * size, yaw=-0.4 * aside, roll=0.55 * aside),
            "turn": amounts_of(pitch=0.7 * size, yaw=1.0 * aside, roll=-0.3 * aside),
        }[kind]
        at = vowel.at + chance.uniform(-0.02, 0.03)
        yield Stroke(at, rise, hold, fall, amounts)
        self._turned_until = at + hold + 0.5 * fall
        if kind == "lifted":
            # The head goes up before it comes down, and is on its way down at the vowel
            lift = amounts_of(pitch=-0.5 * min(size, 6.0))
            yield Stroke(at - rise, _SHORTEST_RISE_S, 0.0, rise, lift)
        elif kind == "nod" and chance.random() < 0.4:
            swing = amounts_of(pitch=-0.3 * size)
            yield Stroke(at + hold + 0.8 * fall, 0.6 * fall, 0.0, 0.5, swing)
        raised = min(max(0.45 + 0.1 * vowel.rise + 0.1 * vowel.prominence, 0.12), 0.75)
        if chance.random() < raised:
            yield from self._face.brows(at - chance.uniform(0.0, 0.05), strength)
        elif chance.random() < 0.3:
            yield from self._face.frown(at, strength)
        if chance.random() < 0.35:
            yield self._face.cheeks(at)


def _in_time(stroke: Stroke, heard_s: float) -> Stroke | None:
    """The stroke, quicker or a little later where its sound is nearly heard; None too late."""
    if stroke.begin >= heard_s:
        return stroke
    stays = math.isinf(stroke.hold)
    rise = stroke.rise if stays else max(stroke.at - heard_s, _SHORTEST_RISE_S)
    at = heard_s + rise
    if not stays and at > stroke.at + _LATEST_S:
        return None
    # No quicker for it: less far
    amounts = stroke.amounts * np.float32(min(rise / stroke.rise, 1.0) ** 2)
    return Stroke(at, rise, stroke.hold, stroke.fall, amounts)
