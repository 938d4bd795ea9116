# SPDX-License-Identifier: Apache-2.0
"""The check of the ways to notice that somebody is there: input devices and the wake word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from kioskd.health.status import Finding, Reason, Status, passed
from kioskd.presence.snapshot import PresenceSnapshot

PRESENCE_REASONS: Final[Mapping[str, str]] = {
    "presence_denied": "may not be read; let kioskd's user into the group `input`",
    "presence_missing": "no input device fits this of presence.devices; `cat "
    "/proc/bus/input/devices` lists their names. One that is plugged in later is found by itself",
    "wake_word_unavailable": "ears.wake_word needs the extra `wake`; build the image with `make "
    "overlay EXTRAS=wake`, or install pymicro-wakeword",
}


@dataclass(frozen=True, slots=True)
class PresenceCheck:
    """`wake_problem` says why the configured wake word cannot be listened for."""

    name: ClassVar[str] = "presence"
    source: Callable[[], PresenceSnapshot]
    wake_problem: str | None = None

    def run(self, _now: float) -> Finding:
        """Warns of what is configured and does not work."""
        seen = self.source()
        told = (
            ("presence_denied", ", ".join(seen.denied)),
            ("presence_missing", ", ".join(seen.missing)),
            ("wake_word_unavailable", self.wake_problem),
        )
        reasons = [Reason(code, f"{what}: {PRESENCE_REASONS[code]}") for code, what in told if what]
        observed = ", ".join(seen.watched) or "no input device is watched"
        if reasons:
            return Finding(Status.WARN, observed, tuple(reasons))
        return passed(observed)
