# SPDX-License-Identifier: Apache-2.0
"""What the ears hear, as others outside of the kiosk may have it: the driving side, `/v1/listen`.

A kiosk that takes turns strictly (`half_duplex`) is deaf while it speaks, for them as well: they
get silence for it, so that no recogniser hears the kiosk and none waits for the rest of a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from driving_client.link.heard import (
    Heard,
    HeardEvent,
    HeardSound,
    VisitorBargedIn,
    VisitorBegan,
    VisitorEnded,
    VisitorPresent,
)
from kioskd.ears.events import BargedIn, EarsEvent, SomebodyThere, SpeechBegan, SpeechEnded
from kioskd.ears.frames import CleanFrame
from kioskd.ears.parts import Listener
from kioskd.ears.policy import HALF_DUPLEX

Outlet = Callable[[Heard], None]
"""Called on the ears' thread; must return at once."""


def told_to(policy: Callable[[], str], *outlets: Outlet) -> Listener:
    """The ears' listener that tells these; `policy` is the one in force."""

    def listen(frame: CleanFrame, events: Sequence[EarsEvent]) -> None:
        deaf = frame.own and policy() == HALF_DUPLEX
        sound = HeardSound(np.zeros_like(frame.samples) if deaf else frame.samples, frame.position)
        told = [heard(event) for event in events]
        for outlet in outlets:
            for event in told:
                outlet(event)
            outlet(sound)

    return listen


def heard(event: EarsEvent) -> HeardEvent:
    """The event as others outside of the kiosk may have it."""
    match event:
        case SpeechBegan():
            return VisitorBegan(event.position, event.over)
        case SpeechEnded():
            return VisitorEnded(event.position, event.noticed)
        case BargedIn():
            return VisitorBargedIn(event.position, event.request_id, event.heard_ms)
        case SomebodyThere():
            return VisitorPresent(event.source)
