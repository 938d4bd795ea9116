# SPDX-License-Identifier: Apache-2.0
"""The checks of what the board runs and whose configuration: slots, updates, sticks.

They look at a few small files of the store; an image's manifest is read only when the image
has changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from kioskd.first_boot.result import read_provisioning
from kioskd.health.status import Finding, passed, warned
from kioskd.metrics import Metrics
from kioskd.update.errors import ImageError
from kioskd.update.image_format import read_manifest
from kioskd.update.last_result import ACTIVE_DAMAGED, read_result
from kioskd.update.slot_state import SlotState, read_state
from kioskd.update.store import SLOTS, Slot, Store

_Stamp = tuple[int, int, int]


@dataclass(slots=True)
class UpdateCheck:
    """Which slot runs, what is on trial, and how the last update ended."""

    name: ClassVar[str] = "update"
    store: Store
    metrics: Metrics
    _seen: dict[Slot, tuple[_Stamp, str]] = field(default_factory=dict)

    def run(self, _now: float) -> Finding:
        """Warns when the last update fell back, or the image in force or the state is damaged."""
        running = self.store.running()
        if running is None:
            return passed("not started from a slot")
        state = read_state(self.store)
        versions = {slot: self._version(slot) for slot in SLOTS}
        self._measure(versions, state)
        observed = f"slot {running}, version {versions[running] or 'unknown'}"
        if state is None:
            return warned(
                observed,
                "update_state_damaged",
                "the state of the slots cannot be read; the next start rebuilds it from what "
                "verifies. If it comes back, the storage is failing",
            )
        if state.pending == running:
            observed += f", on trial ({state.tries} tries left)"
        elif state.pending is not None:
            observed += f"; {versions[state.pending] or 'another'} starts next, on trial"
        result = read_result(self.store)
        if result is not None and result.result == "fallback":
            if result.reason == ACTIVE_DAMAGED:
                return warned(
                    observed,
                    "image_damaged",
                    "the image that ran before can no longer be started, so the other slot's runs; "
                    "`kioskctl slots` shows why. Install an image again with `kioskctl install "
                    "FILE`. If it comes back, the storage is failing",
                )
            text = f"the last update failed its trial ({result.reason}) and was given up; "
            return warned(
                observed, "update_fell_back", text + "`journalctl -u kioskd -b -1` shows why"
            )
        return passed(observed)

    def _measure(self, versions: dict[Slot, str], state: SlotState | None) -> None:
        self.metrics.slot_info.clear()
        for slot, version in versions.items():
            if version:
                self.metrics.slot_info.labels(slot=slot, version=version).set(
                    slot == self.store.running()
                )
        if state is not None:
            self.metrics.update_tries.set(state.tries)
            self.metrics.update_failures.set(state.failures)

    def _version(self, slot: Slot) -> str:
        """What the slot's image says; not verified here, which takes a second."""
        image = self.store.image(slot)
        stamp = _stamp(image)
        if stamp is None:
            return ""
        known = self._seen.get(slot)
        if known is None or known[0] != stamp:
            try:
                version = read_manifest(image).version
            except ImageError:
                version = ""
            known = self._seen[slot] = (stamp, version)
        return known[1]


@dataclass(frozen=True, slots=True)
class ProvisioningCheck:
    """Where the configuration comes from, and why a stick's was refused."""

    name: ClassVar[str] = "provisioning"
    store: Store

    def run(self, _now: float) -> Finding:
        """Warns while a stick is plugged in that cannot be taken."""
        told = read_provisioning(self.store)
        if told is None:
            return passed("not a provisioned board")
        if told.problems:
            text = "; ".join(told.problems)
            observed = "a stick was refused, the last good configuration stays"
            return warned(observed, "stick_refused", text)
        words = {"own": "the board's own", "restored": "put back from the last good copy"}
        return passed(words.get(told.result, "from a stick"))


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
