# SPDX-License-Identifier: Apache-2.0
"""The check of the ears: whether visitors are heard, and how to mend it where they are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from kioskd.ears.snapshot import EarsSnapshot
from kioskd.health.checks import STALLED_S
from kioskd.health.status import Finding, passed, warned

EARS_REASONS: Final[Mapping[str, str]] = {
    "microphone_missing": "ears.device cannot be opened; `arecord -L` lists the names that exist. "
    "It is tried again every 3 s",
    "microphone_busy": "another program records from it: end that (`fuser -v /dev/snd/*`), or set "
    "ears.device to a `dsnoop:` or a sound server's device, which several can share",
    "microphone_lost": "the microphone went away; plug it in again, it is picked up by itself",
    "microphone_hangs": "opening it does not come back: restart the sound server behind "
    "ears.device, or pull the microphone and plug it in again",
    "microphone_stalled": "it is open, but no sound comes; it is reopened by itself. Try another "
    "USB port, or restart the sound server behind ears.device",
    "microphone_not_paced": "it gives sound faster than real time; name a real microphone or a "
    "sound server in ears.device",
    "microphone_silent": "it has recorded nothing at all for 10 s, not even a room's noise: "
    "unmute it and turn up its gain (`alsamixer`, F4), switch it on, or check its cable",
    "microphone_clipped": "it is too loud and clipped, which spoils echo cancelling: turn down its "
    "gain (`alsamixer`, F4) or move it further from the loudspeaker",
    "microphone_offset": "its sound lies beside zero, which is taken away; that tells of a bad "
    "cable, a wrong supply of the microphone or a damaged input",
    "microphone_wrong_rate": "it sends more or fewer samples than the rate that it says; they are "
    "taken at the measured rate. Try another USB port or cable, or another microphone",
    "microphone_no_timestamps": "its driver does not tell when sound was recorded, so the time of "
    "arrival stands in, which may cancel the echo less well; use `hw:` or another microphone",
    "microphone_overruns": "sound is lost because the board is too busy to fetch it: end what else "
    "keeps it busy (`top`)",
    "ears_fault": "an unexpected error in the ears, which have begun anew: see the log, and "
    "please report it",
}


FALLBACKS: Final[Mapping[str, str]] = {
    "echo_too_loud": "the avatar hears itself too well to be interrupted, so it is deaf while it "
    "speaks: turn the loudspeaker down or away from the microphone, or move them apart",
}
"""Why `ears.policy` is not the one in force; others are none to worry about."""


@dataclass(frozen=True, slots=True)
class EarsCheck:
    """Whether the microphone records, and sound that can be used."""

    name: ClassVar[str] = "ears"
    source: Callable[[], EarsSnapshot] | None

    def run(self, now: float) -> Finding:
        """Warns of what is wrong with the microphone; never fails: the avatar speaks all the same.

        A restart would mend nothing of it.
        """
        if self.source is None:
            return passed("switched off; nobody is heard")
        ears = self.source()
        if now - ears.beat > STALLED_S:
            return warned(
                "stuck",
                "ears_stuck",
                "the ears do not answer, a sound driver or server holds them up: restart the "
                "sound server, then `systemctl restart kioskd`",
            )
        observed = _observed(ears)
        if ears.reason is not None:
            return warned(observed, ears.reason, EARS_REASONS.get(ears.reason, ears.reason))
        if ears.fallback is not None and ears.fallback in FALLBACKS:
            return warned(observed, ears.fallback, FALLBACKS[ears.fallback])
        return passed(observed)


def _observed(ears: EarsSnapshot) -> str:
    microphone = ears.microphone
    if not microphone.open:
        return f"microphone {microphone.device or 'none'} is not open"
    level = "" if microphone.level_db is None else f", {microphone.level_db:.0f} dB"
    return f"microphone {microphone.device}, {microphone.rate} Hz{level}"
