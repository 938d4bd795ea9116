# SPDX-License-Identifier: Apache-2.0
"""When the eyes blink: at a rate that goes with what is done, and where there is room for it.

Bentivoglio et al. 1997 count 17 blinks a minute at rest, 26 in conversation and 4.5 while reading:
so with the rest's rate as set, half as many again while speaking, a few more than at rest while
listening and thinking. Blinks come at ends of phrases and other breaks of attention (Condon and
Ogston 1967; Nakano and Kitazawa 2010), and with large turns of the gaze, of 15 degrees and more
(Evinger et al. 1994: ever more often, from there on in most of the cases).

The need to blink grows at the rate; when it reaches a drawn threshold, the lids shut. A phrase's
end or a large saccade takes a need that is less than full, and the next end of a phrase is waited
for when it is near. What was taken too early is added to the next threshold, and what was waited
for is taken off, so the rate holds however many occasions there are.

Thresholds follow a gamma distribution of shape 4: irregular, but neither bursts nor long stares.
One blink in fourteen is double. Everything is drawn in the order of time.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Final

from kioskd.life.activity import Activity
from kioskd.life.attention import NOBODY, Attention
from kioskd.life.lids import Blink, drawn

_RATES: Final = {
    Activity.IDLE: 1.0,
    Activity.LISTENING: 1.1,
    Activity.THINKING: 1.1,
    Activity.SPEAKING: 1.5,
}
_GAP_SHAPE: Final = 4.0
_DOUBLE: Final = 0.07
_APART_S: Final = 0.4
"""Between a blink's end and the next one's start, unless it is the second of a double."""

_AT_PHRASE_END: Final = 0.4
_AT_LARGE_SACCADE: Final = 0.4
"""Of the threshold: the need that an occasion takes."""

_TAKEN: Final = 0.75
"""Of the occasions that would do."""

_AFTER_PHRASE_S: Final = 0.2
"""Within which the lids set off."""

_WAITS_S: Final = 0.9
"""For a phrase's end that is known to come."""

_SAME_END_S: Final = 0.25
"""What is told of an end may change by less than this from frame to frame."""


class Blinks:
    """An endless series of blinks at `per_minute` at rest on average; none at 0."""

    def __init__(self, per_minute: float, chance: random.Random) -> None:
        self._chance = chance
        self._per_second = per_minute / 60.0 / (1 + _DOUBLE)
        self._blinks: list[Blink] = []
        self._need = 0.0
        self._threshold = self._draw()
        self._since: float | None = None
        self._free = -math.inf
        self._last_end = -math.inf

    def at(
        self, now: float, attention: Attention = NOBODY, large_saccades: Sequence[float] = ()
    ) -> tuple[float, float]:
        """How far the left and the right lid are shut at `now`; times must not go backwards.

        `large_saccades` are when those began that began since the last call.
        """
        if self._per_second <= 0:
            return 0.0, 0.0
        if self._since is None or now - self._since > 60:
            self._since = now
        self._live_on(self._since, now, attention, large_saccades)
        self._since = now
        while self._blinks and now >= self._blinks[0].end:
            self._blinks.pop(0)
        return self._blinks[0].at(now) if self._blinks else (0.0, 0.0)

    def _live_on(
        self, since: float, now: float, attention: Attention, large_saccades: Sequence[float]
    ) -> None:
        rate = self._per_second * _RATES[attention.activity]
        ends = [end for end in attention.phrase_ends if end > self._last_end + _SAME_END_S]
        seen_until = since
        occasions = [(end, _AT_PHRASE_END, _AFTER_PHRASE_S) for end in ends if end <= now]
        occasions += [(at, _AT_LARGE_SACCADE, 0.0) for at in large_saccades]
        for at, least, after_s in (*sorted(occasions), (now, math.inf, 0.0)):
            while (full := self._full(since, rate, ends)) < at:
                self._need += (full - since) * rate
                since = full
                self._shut(full)
            if at > since:
                self._need += (at - since) * rate
                since = at
            ready = at > self._free and self._need >= least * self._threshold
            if ready and self._chance.random() < _TAKEN:
                # Of an end that is told late nothing has been seen, and nothing may be skipped
                self._shut(max(at + self._chance.uniform(0.0, after_s), seen_until))
        self._last_end = max((end for end in ends if end <= now), default=self._last_end)

    def _full(self, since: float, rate: float, ends: list[float]) -> float:
        """When the need is full, if nothing comes before; never, where a phrase ends soon after."""
        # A need that has waited for an end that did not come is full already
        full = max(since + max(self._threshold - self._need, 0.0) / rate, self._free)
        return math.inf if any(full <= end <= full + _WAITS_S for end in ends) else full

    def _shut(self, start: float) -> None:
        blink = drawn(start, self._chance)
        self._blinks.append(blink)
        if self._chance.random() < _DOUBLE:
            blink = drawn(blink.end + 0.08, self._chance)
            self._blinks.append(blink)
        self._free = blink.end + _APART_S
        early = max(self._threshold - self._need, 0.0)
        self._need = max(self._need - self._threshold, 0.0)
        self._threshold = self._draw() + early

    def _draw(self) -> float:
        return self._chance.gammavariate(_GAP_SHAPE, 1.0 / _GAP_SHAPE)
