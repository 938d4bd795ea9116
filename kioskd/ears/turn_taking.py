# SPDX-License-Identifier: Apache-2.0
"""Whose turn it is: when a visitor begins and ends to speak, and whether the kiosk gives way.

A turn begins where enough of the last frames were voiced (`BEGINNING`), and is told with the
position of the first of them. It ends after the configured silence, or where the kiosk begins to
speak: who goes on speaking then speaks over it, which is another turn and takes more to be
believed. In `half_duplex` the ears are deaf while the kiosk is heard in the room.

A voice without an end, such as a television's, is nobody's turn: after `LONGEST_S` it ends and
counts as the room's noise.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from kioskd.ears.events import BargedIn, EarsEvent, SpeechBegan, SpeechEnded
from kioskd.ears.frames import CleanFrame, RawFrame
from kioskd.ears.policy import HALF_DUPLEX, Policy
from kioskd.ears.settings import FRAME, FRAME_S, RATE, EarsSettings
from kioskd.ears.voice_activity import VoiceActivity, Voicing
from kioskd.playback.snapshot import CutOff

logger = logging.getLogger(__name__)

BEGINNING: Final = (8, 12)
"""That many votes of so many frames begin a turn while the kiosk is silent."""

BEGINNING_OVER: Final = (8, 24)
"""And while it speaks: what is left of an echo is louder than a visitor for moments only."""

_GOES_ON: Final = 0.5
"""The vote that keeps a turn going."""

LONGEST_S: Final = 60.0

_LOOK_BACK: Final = 50
"""Frames among which a turn's first voiced one is looked for."""

_APART: Final = 20
"""Frames without voice, such as those of "Excuse", that do not part a beginning."""

Interrupt = Callable[[], CutOff | None]
"""Makes the kiosk fall silent; what was cut off, None where nothing was heard."""


class TurnTaking:
    """`Turns` as `kioskd.ears.parts` has them; used by the ears' thread only."""

    def __init__(
        self, settings: EarsSettings, interrupt: Interrupt, activity: VoiceActivity | None = None
    ) -> None:
        self._silence = round(settings.end_of_turn_s * RATE)
        self._policy = Policy(settings.policy)
        self._interrupt = interrupt
        self._activity = activity or VoiceActivity()
        self._lately: deque[tuple[CleanFrame, Voicing]] = deque(maxlen=_LOOK_BACK)
        self._began = 0
        self._last: CleanFrame | None = None
        self._own = False

    @property
    def policy(self) -> str:
        """See Turns."""
        return self._policy.in_force

    @property
    def fallback(self) -> str | None:
        """See Turns."""
        return self._policy.fallback

    def hear(self, frame: CleanFrame, recorded: RawFrame) -> Sequence[EarsEvent]:
        """See Turns."""
        events: list[EarsEvent] = []
        starts = frame.own and not self._own
        self._own = frame.own
        if starts or frame.gap:
            self._lately.clear()
        if starts:
            self._end(frame, events)
        if self._last is None and self._activity.learned:
            self._policy.consider(frame.echo_db)
        deaf = frame.own and self._policy.in_force == HALF_DUPLEX and self._last is None
        voicing = self._activity.hear(frame, recorded, speech=self._last is not None, deaf=deaf)
        if deaf:
            return events
        self._lately.append((frame, voicing))
        if self._last is None:
            self._listen(frame, events)
        else:
            self._follow(frame, events, voicing)
        return events

    def _listen(self, frame: CleanFrame, events: list[EarsEvent]) -> None:
        """Whether a turn begins with this frame."""
        enough, among = BEGINNING_OVER if frame.own else BEGINNING
        if sum(each.vote for _, each in list(self._lately)[-among:]) < enough:
            return
        first = self._first()
        over = first.own
        self._began, self._last = first.position, frame
        events.append(SpeechBegan(first.position, first.at, over))
        cut_off = self._interrupt() if over else None
        if cut_off is not None:
            logger.info(
                "utterance %s cut off by a visitor after %d ms",
                cut_off.request_id,
                cut_off.heard_ms,
                extra={"code": "barged_in"},
            )
            events.append(BargedIn(first.position, first.at, cut_off.request_id, cut_off.heard_ms))

    def _first(self) -> CleanFrame:
        """The first voiced frame of what begins here."""
        first, apart = self._lately[-1][0], 0
        for frame, voicing in reversed(self._lately):
            if voicing.likely:
                first, apart = frame, 0
            else:
                apart += 1
            if apart > _APART:
                break
        return first

    def _follow(self, frame: CleanFrame, events: list[EarsEvent], voicing: Voicing) -> None:
        """Whether the turn goes on."""
        if voicing.vote >= _GOES_ON or self._last is None:
            self._last = frame
        if frame.position - self._last.position >= self._silence:
            self._end(frame, events)
        elif frame.position - self._began >= LONGEST_S * RATE:
            self._activity.accept()
            self._end(frame, events)

    def _end(self, frame: CleanFrame, events: list[EarsEvent]) -> None:
        """The turn is over, if there is one."""
        if self._last is None:
            return
        position, at = self._last.position + FRAME, self._last.at + FRAME_S
        events.append(SpeechEnded(position, frame.position, at))
        self._last = None
        self._lately.clear()
