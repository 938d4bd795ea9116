# SPDX-License-Identifier: Apache-2.0
"""The store: whether the next update fits, the next start finds an image, the config is right."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from kioskd.config import ConfigError, load
from kioskd.config.accepted import read_accepted
from kioskd.config.loading import DEFAULT_FILE
from kioskd.first_boot.identity import Identity
from kioskd.health.status import Finding, Reason, Status, failed, passed, warned
from kioskd.update.errors import UpdateError
from kioskd.update.install import RESERVE_BYTES
from kioskd.update.release import trust_from
from kioskd.update.slots import look_into
from kioskd.update.store import SLOTS, Store

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class SlotsCheck:
    """Both images, verified to the last byte: about a second."""

    name: ClassVar[str] = "slots"
    store: Store
    environment: Mapping[str, str]

    def run(self, _now: float) -> Finding:
        """Fails when no image can start, warns when there is none to fall back to."""
        try:
            trust = trust_from(self.environment)
        except UpdateError as error:
            return warned("not looked at", error.code, error.text)
        contents = [look_into(self.store, slot, trust) for slot in SLOTS]
        observed = ", ".join(
            f"{each.slot} {each.manifest.version if each.manifest else 'unusable'}"
            for each in contents
        )
        reasons = tuple(
            Reason(
                "slot_unusable", f"slot {each.slot}: {each.problem}; `kioskctl install` an image"
            )
            for each in contents
            if each.manifest is None
        )
        if len(reasons) == len(SLOTS):
            return Finding(Status.FAIL, observed, reasons)
        if reasons and all(each.problem in ("", "empty") for each in contents):
            return passed(f"{observed}; the other slot is filled by the first update")
        return Finding(Status.WARN if reasons else Status.PASS, observed, reasons)


@dataclass(frozen=True, slots=True)
class RoomCheck:
    """Whether another image fits beside the active one."""

    name: ClassVar[str] = "room"
    store: Store

    def run(self, _now: float) -> Finding:
        """Warns where the next update would be refused for want of space."""
        try:
            usage = os.statvfs(self.store.root)
        except OSError as error:
            text = f"{self.store.root}: {error.strerror}; was the hook unpacked on this board?"
            return warned("no store", "no_store", text)
        if usage.f_flag & os.ST_RDONLY:
            text = "its file system is read-only after an error (dmesg); replace the storage"
            return failed(f"{self.store.root}", "store_read_only", text)
        free = usage.f_bavail * usage.f_frsize
        images = [path.stat().st_size for path in self.store.slots.glob("?.img") if path.is_file()]
        needed = max(images, default=0) + RESERVE_BYTES
        # The old image in the inactive slot goes where space is short
        spare = free + (min(images) if len(images) > 1 else 0)
        observed = f"{free // _MIB} MiB free at {self.store.root}"
        if spare < needed:
            text = f"an update of the same size needs {needed // _MIB} MiB; remove old files"
            return warned(observed, "no_room_for_update", text)
        return passed(observed)


@dataclass(frozen=True, slots=True)
class ConfigFileCheck:
    """The configuration as kioskd would read it now; `state` is its state directory."""

    name: ClassVar[str] = "configuration"
    file: Path = DEFAULT_FILE
    state: Path | None = None

    def run(self, _now: float) -> Finding:
        """Fails with every problem that would stop the start, warns of what is passed over."""
        try:
            # Without the file, kiosk.d alone, and files that were taken for it
            path = self.file if self.file.is_file() else None
            loaded = load(path, accepted=read_accepted(self.state))
        except PermissionError:
            text = "only root and the service may read it; run `sudo kioskctl doctor`"
            return warned(str(self.file), "config_not_readable", text)
        except ConfigError as error:
            reasons = tuple(Reason("config_invalid", problem) for problem in error.problems)
            return Finding(Status.FAIL, str(self.file), reasons)
        observed = ", ".join(map(str, loaded.files))
        observed = observed or f"{self.file} does not exist: every option has its default"
        reasons = tuple(Reason("config_warning", warning) for warning in loaded.warnings)
        return Finding(Status.WARN if reasons else Status.PASS, observed, reasons)


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    """The serial number that tells this board from others."""

    name: ClassVar[str] = "identity"
    identity: Identity | None

    def run(self, _now: float) -> Finding:
        """Warns where nothing tells it apart."""
        if self.identity is None:
            text = "neither the device tree nor DMI nor /etc/machine-id has one"
            return warned("none", "no_identity", f"{text}; run `systemd-machine-id-setup`")
        return passed(f"{self.identity.serial}, from the {self.identity.source}")
