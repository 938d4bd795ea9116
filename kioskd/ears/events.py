# SPDX-License-Identifier: Apache-2.0
"""What the ears tell: somebody speaks, spoke, spoke over the kiosk, or is simply there.

Positions are those of `kioskd.ears.frames`. No event holds a word.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """A visitor speaks; `position` is that of the first voiced frame, `at` when it was (monotonic).

    `over` tells that the kiosk was speaking: it falls silent for it, see `BargedIn`.
    """

    position: int
    at: float
    over: bool = False


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The visitor's turn is over; `position` is behind the last voiced frame.

    `noticed` is the position of the frame at which it was decided: the configured silence later.
    """

    position: int
    noticed: int
    at: float


@dataclass(frozen=True, slots=True)
class BargedIn:
    """The kiosk fell silent because a visitor spoke.

    `request_id` is the utterance that was cut off, `heard_ms` how much of it was heard; `position`
    that of the first voiced frame.
    """

    position: int
    at: float
    request_id: str
    heard_ms: int


@dataclass(frozen=True, slots=True)
class SomebodyThere:
    """A wake word, a presence sensor or a touch; `source` is which: wake, presence, touch."""

    at: float
    source: str


EarsEvent = SpeechBegan | SpeechEnded | BargedIn | SomebodyThere
