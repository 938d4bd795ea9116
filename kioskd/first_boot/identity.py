# SPDX-License-Identifier: Apache-2.0
"""Which board this is: a serial number that no two boards share.

In this order: what the board's firmware says (device tree), what the mainboard says (DMI), a
hash of the machine id, which every system makes for itself at its first start and no image
carries. The number is kept in the store only so that kioskd, which may not read all of
these, knows it too; it is looked up anew at every start, so that a copied store does not
make two boards one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from driving_client.regular_file import open_regular
from kioskd.durable_files import Files, replace
from kioskd.update.store import Store

_SOURCES: Final = (
    ("device tree", "sys/firmware/devicetree/base/serial-number"),
    ("mainboard", "sys/class/dmi/id/product_serial"),
)
_MACHINE_ID: Final = "etc/machine-id"
_UNUSABLE: Final = re.compile(r"[^\x21-\x7e]")
_NO_NUMBER: Final = re.compile(r"0*|x*|none|default.*|not.*|to_?be_?filled.*|system_?serial.*")
"""What vendors write where they have written nothing (compared in lower case)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The serial number and where it comes from."""

    serial: str
    source: str


def find_identity(root: Path = Path("/")) -> Identity | None:
    """This board's number; None where even the machine id is missing."""
    for source, path in _SOURCES:
        serial = _line(root / path)
        if serial and not _NO_NUMBER.fullmatch(serial.lower()):
            return Identity(serial, source)
    machine = _line(root / _MACHINE_ID)
    if len(machine) != 32:  # empty before the first start, "uninitialized" during it
        return None
    return Identity(f"machine-{hashlib.sha256(machine.encode()).hexdigest()[:12]}", "machine id")


def known_identity(store: Store) -> str:
    """The number in the store, empty where none has been written yet."""
    return _line(store.state / "identity")


def write_identity(store: Store, identity: Identity, files: Files) -> bool:
    """Keep the number for kioskd; whether another one stood there: the store is a copy."""
    before = known_identity(store)
    if before == identity.serial:
        return False
    files.make_folder(store.state)
    replace(files, store.state / "identity", f"{identity.serial}\n{identity.source}\n".encode())
    return bool(before)


def _line(path: Path) -> str:
    try:
        with open_regular(path) as file:
            text = file.read(256).decode("ascii", "replace")
    except OSError:
        return ""
    return _UNUSABLE.sub("_", text.split("\n")[0].strip("\0 \t\r"))[:64]
