# SPDX-License-Identifier: Apache-2.0
"""The system around kioskd: the groups of its devices, and the state of its services."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from kioskd.health.status import Finding, Reason, Status, passed, warned

_GROUPS: Final = ("kiosk", "video", "render", "audio", "input")
_UNITS: Final = ("kiosk-activate", "kiosk-first-boot", "kioskd", "kiosk-mark-good")
_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class GroupsCheck:
    """The groups through which the service reaches screen, sound and keys."""

    name: ClassVar[str] = "groups"
    root: Path = Path("/")

    def run(self, _now: float) -> Finding:
        """Warns where one is missing: the service then starts without that device."""
        try:
            lines = (self.root / "etc/group").read_text("utf-8", "replace").splitlines()
        except OSError as error:
            return warned("unknown", "groups_unreadable", f"/etc/group: {error.strerror}")
        there = {line.partition(":")[0] for line in lines}
        missing = [name for name in _GROUPS if name not in there]
        if missing:
            text = "run `systemd-sysusers`; if /etc is read-only, the board's maker has to add them"
            return warned(f"missing: {', '.join(missing)}", "groups_missing", text)
        return passed(", ".join(_GROUPS))


@dataclass(frozen=True, slots=True)
class ServicesCheck:
    """What systemd says of the kiosk's services."""

    name: ClassVar[str] = "services"

    def run(self, _now: float) -> Finding:
        """Warns about each that has failed or is missing."""
        seen, reasons = [], []
        for unit in _UNITS:
            told = _properties(f"{unit}.service")
            if told is None:
                return passed("systemd cannot be asked here")
            state = told.get("ActiveState", "?")
            restarts = told.get("NRestarts", "0")
            seen.append(f"{unit} {state}" + (f" ({restarts} restarts)" if restarts > "0" else ""))
            if told.get("LoadState") == "not-found":
                text = f"{unit}.service is not installed; unpack rootfs-overlay.tar anew"
                reasons.append(Reason("service_missing", text))
            elif state == "failed":
                text = f"{told.get('Result', '')}: `journalctl -u {unit} -b` tells why"
                reasons.append(Reason("service_failed", text))
        status = Status.WARN if reasons else Status.PASS
        return Finding(status, ", ".join(seen), tuple(reasons))


def _properties(unit: str) -> dict[str, str] | None:
    command = ["systemctl", "show", unit, "-p", "LoadState,ActiveState,Result,NRestarts"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return {key: value for key, _, value in pairs}
