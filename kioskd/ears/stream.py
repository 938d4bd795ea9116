# SPDX-License-Identifier: Apache-2.0
"""One open microphone: from what its card captures to frames that are placed in time.

A card's wrong rate is measured and used, time stamps that tell nothing are replaced by the time of
arrival, an offset is taken away: the visitor is heard all the same, and the reason is told.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from kioskd.ears.capture import Captured, CaptureError
from kioskd.ears.channel import Centring, ChannelChoice
from kioskd.ears.frames import RawFrame
from kioskd.ears.resampling import Framing
from kioskd.ears.signal_watch import SignalWatch
from kioskd.ears.stream_clock import StreamClock
from kioskd.ears.stream_watch import NEAR_S, WRONG_RATE, RateWatch, StampWatch
from kioskd.ears.timeline import Timeline

PACE_WINDOW_S: Final = 2.0
AHEAD_S: Final = 4.0
"""A device that is so far ahead of time within the window, which no wrong rate explains, has no
clock."""

_OFFSET: Final = 0.1
"""Of full scale."""

MANY_OVERRUNS: Final = 3
OVERRUN_WINDOW_S: Final = 10.0


class Stream:
    """Of a device with so many frames a second and channels, from its opening on.

    `latency_s` is what the microphone's own path takes.
    """

    def __init__(self, rate: int, channels: int, latency_s: float, timeline: Timeline) -> None:
        self._nominal = rate
        self._rate = float(rate)
        self._latency_s = latency_s
        self._timeline = timeline
        self._choice = ChannelChoice(rate, channels)
        self._centring = Centring(rate)
        self._stamps = StampWatch()
        self._overruns: deque[float] = deque(maxlen=MANY_OVERRUNS)
        self._began: float | None = None
        self._total = 0
        self._signal = SignalWatch(rate)
        self._begin(0)

    def take(self, captured: Captured, now: float) -> list[RawFrame]:
        """The frames that are whole by now; raises CaptureError for a device without a clock."""
        if captured.anew:
            self._overruns.append(now)
            self._begin(0)
        self._read_clock(captured, now)
        if not len(captured.sound):
            return []
        self._check_pace(len(captured.sound), now)
        sound, another = self._choice.take(captured.sound)
        if another:
            self._timeline.cut()
        centred = self._centring.feed(sound)
        self._signal.look(sound, centred)
        frames = []
        for piece in self._framing.feed(centred):
            at = self._clock.time_of(piece.place) - self._latency_s
            position, gap = self._timeline.place(at)
            frames.append(RawFrame(piece.samples, position, at, gap))
        return frames

    @property
    def level_db(self) -> float | None:
        """Of the last second, dB below full scale."""
        return self._signal.level_db

    def reason(self, now: float) -> str | None:
        """A stable code for what is wrong with what is recorded."""
        if abs(self._rate / self._nominal - 1) > WRONG_RATE:
            return "microphone_wrong_rate"
        if not self._stamps.trusted:
            return "microphone_no_timestamps"
        many = len(self._overruns) == MANY_OVERRUNS
        if many and now - self._overruns[0] < OVERRUN_WINDOW_S:
            return "microphone_overruns"
        if (wrong := self._signal.reason) is not None:
            return wrong
        return "microphone_offset" if abs(self._centring.offset) > _OFFSET else None

    def _begin(self, first: int) -> None:
        """What comes from this frame of the card on has no place yet, but after a gap."""
        self._first = first
        self._framing = Framing(self._rate)
        self._rates = RateWatch()
        self._new_clock()

    def _new_clock(self) -> None:
        self._clock = StreamClock(self._rate)
        self._timeline.cut()

    def _read_clock(self, captured: Captured, now: float) -> None:
        trusted = self._stamps.trusted
        counted = captured.frames - self._first
        moment = self._stamps.moment(captured, self._clock.seen(counted) - NEAR_S, now)
        if self._stamps.trusted is not trusted:
            self._new_clock()
        if self._clock.known and (factor := self._rates.factor(self._clock.edge, now)) is not None:
            self._rate *= factor
            self._begin(captured.first)
        if moment is None and len(captured.sound) and not self._clock.known:
            moment = now
        if moment is not None:
            self._clock.take(captured.frames - self._first, moment)

    def _check_pace(self, frames: int, now: float) -> None:
        if self._began is None or now - self._began > PACE_WINDOW_S:
            self._began, self._total = now, 0
        self._total += frames
        if self._total / self._nominal - (now - self._began) > AHEAD_S:
            raise CaptureError(
                "microphone_not_paced",
                "the microphone gives sound faster than real time, so nobody knows when it was",
            )
