# SPDX-License-Identifier: Apache-2.0
"""A wake word is heard: that somebody is there who wants something.

By `pymicro-wakeword`, an extra that brings four words with it. It takes 2 ms of a core for each
second of sound; of 24 calls of the four words by six synthesised voices it heard 21 (measured
here). It does not say that a turn began: that somebody speaks is noticed with and without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from kioskd.ears.events import EarsEvent, SomebodyThere
from kioskd.ears.frames import CleanFrame, RawFrame, Samples
from kioskd.ears.parts import Turns
from kioskd.ears.settings import FRAME_S
from kioskd.errors import KioskError

_AGAIN_S: Final = 2.0
"""The word is recognised for some frames on end."""

Detect = Callable[[Samples], bool]
"""Given FRAME samples more, whether the word has just been said."""


class WakeWordError(KioskError):
    """The word cannot be listened for here."""


def wake_word(name: str) -> Detect:
    """A detector of one of WAKE_WORDS; raises WakeWordError."""
    try:
        from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures, Model

        model: Any = MicroWakeWord.from_builtin(Model(name))
        features: Any = MicroWakeWordFeatures()
    except (ImportError, OSError, ValueError) as error:
        raise WakeWordError(str(error)) from error

    def detect(samples: Samples) -> bool:
        found = [
            model.process_streaming(each) for each in features.process_streaming(samples.tobytes())
        ]
        return any(found)

    return detect


class WakingTurns:
    """`Turns` that also tell of the wake word."""

    def __init__(self, turns: Turns, detect: Detect) -> None:
        self._turns = turns
        self._detect = detect
        self._deaf_until = 0.0

    @property
    def policy(self) -> str:
        """See Turns."""
        return self._turns.policy

    @property
    def fallback(self) -> str | None:
        """See Turns."""
        return self._turns.fallback

    def hear(self, frame: CleanFrame, recorded: RawFrame) -> Sequence[EarsEvent]:
        """See Turns."""
        events = self._turns.hear(frame, recorded)
        if not self._detect(frame.samples) or frame.at < self._deaf_until:
            return events
        self._deaf_until = frame.at + _AGAIN_S
        return (*events, SomebodyThere(frame.at + FRAME_S, "wake"))
