# SPDX-License-Identifier: Apache-2.0
"""The check of the loudspeaker by ear: what is played must come back to the microphone.

The sound card cannot tell a muted amplifier or a pulled cable from a loudspeaker that sounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from kioskd.ears.snapshot import EarsSnapshot
from kioskd.health.status import Finding, passed, warned

SILENT = (
    "what the avatar says does not come back to the microphone: switch on the amplifier or screen "
    "that sounds, turn it up, check its cable, and whether audio.device is the card that it hangs "
    "on (`kioskctl doctor --sound` tries again)"
)


@dataclass(frozen=True, slots=True)
class LoudspeakerCheck:
    """Whether own voice is heard; says nothing where there is no microphone that hears."""

    name: ClassVar[str] = "loudspeaker"
    source: Callable[[], EarsSnapshot] | None

    def run(self, _now: float) -> Finding:
        """Warns of a loudspeaker that is silent; a restart would not mend it."""
        if self.source is None:
            return passed("not known: nobody listens (ears.enabled)")
        ears = self.source()
        path = ears.path
        if not ears.microphone.open or ears.reason is not None:
            return passed("not known while the microphone does not hear well")
        if path.silent:
            return warned("silent", "speaker_silent", SILENT)
        if path.delay_s is None:
            return passed("not heard yet")
        delay = f"{1000 * path.delay_s:.0f} ms after the sound card"
        return passed(f"heard {delay}" if path.heard_s else f"known to be heard {delay}")
