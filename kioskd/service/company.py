# SPDX-License-Identifier: Apache-2.0
"""Whether somebody watches, listens or speaks through the kiosk, which its picture then shows.

Each sign is a count that grows while it goes on, and it is believed for LINGER_S more, so that one
screenshot is seen as well and nothing that ends badly is shown for ever: pictures that were given
to anybody, sound that was sent to the endpoint or to a listener on another machine, pieces of
a voice from another machine. Software on the kiosk itself is the kiosk, so its voice and its
listening are no company.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from kioskd.ears.ears import Ears
from kioskd.http.listen import ListenOutput
from kioskd.http.speak import VoiceInput
from kioskd.link.keeper import LinkKeeper
from kioskd.screen.marks import Mark, Marks
from kioskd.screen.overlay import Overlay
from kioskd.screen.pictures import PictureDesk
from kioskd.screen.stage import Stage

LINGER_S: Final = 5.0


class Company:
    """Asked by one thread, the render loop's."""

    def __init__(
        self, *signs: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._signs = signs
        self._clock = clock
        self._before = tuple(sign() for sign in signs)
        self._until = -1.0

    def there(self) -> bool:
        """Whether there is any now, or was within LINGER_S."""
        now, counts = self._clock(), tuple(sign() for sign in self._signs)
        if counts != self._before:
            self._before, self._until = counts, now + LINGER_S
        return now < self._until


def marks_over(
    overlay: Overlay,
    stage: Stage,
    degrees: int,
    ears: Ears | None,
    pictures: PictureDesk,
    keeper: LinkKeeper,
    listen: ListenOutput,
    voice: VoiceInput,
) -> Marks:
    """The picture's marks, over another overlay and on the stage's still picture; it is turned by
    so many degrees."""
    company = Company(
        lambda: pictures.given,
        lambda: keeper.microphone_samples_sent,
        lambda: listen.heard_elsewhere,
        lambda: voice.from_elsewhere,
    )

    def shown() -> tuple[Mark, ...]:
        listening = ears is not None and ears.snapshot().microphone.open
        marks = (Mark.MICROPHONE,) if listening else ()
        return (*marks, Mark.COMPANY) if company.there() else marks

    marks = Marks(shown, degrees // 90, overlay)
    if stage.still is not None:
        stage.still.marks = marks.on
    return marks
