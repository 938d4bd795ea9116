# SPDX-License-Identifier: Apache-2.0
"""The second net: what names this one machine, its people and its networks.

The first is the form, which has no field for any of it. But a vendor may write a serial number into
a model's name; so what vendors word is left out where it holds one of these. Short words are not
looked for: a user called "pi" is in "pipe"; nor are users and hosts that the vendor named after the
board, as its `compatible` tells: "rock-4d" is nobody's secret.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from kioskd.first_boot.identity import find_identity

_SHORTEST: Final = 4
_FIRST_PERSON: Final = 1000
"""Numbers of users from here on are people's."""
_MOST_BYTES: Final = 1 << 16
_IGNORED: Final = frozenset({"localhost", "localdomain", "debian", "kiosk", "linux", "default"})
_SERIALS: Final = (
    "proc/device-tree/serial-number",
    "sys/firmware/devicetree/base/serial-number",
    "sys/class/dmi/id/product_serial",
    "sys/class/dmi/id/board_serial",
    "etc/machine-id",
)


def own_words(root: Path = Path("/"), host: str | None = None) -> frozenset[str]:
    """In lower case: serial numbers, network addresses, names of the host and of users."""
    identity = find_identity(root)
    numbers = {*_numbers(root), *([identity.serial] if identity else [])}
    names = {*_names(root), *(socket.gethostname() if host is None else host).split(".")}
    board = _bare(_text(root / "proc/device-tree/compatible"))
    kept = {each for each in names if _bare(each) not in board}
    words = {each.strip("\0 \t\r\n").lower() for each in (*numbers, *kept)}
    return frozenset(each for each in words - _IGNORED if len(each) >= _SHORTEST)


def without(value: Any, words: frozenset[str]) -> Any:
    """A report without the texts that hold one of the words; None where nothing is left."""
    if isinstance(value, str):
        plain = value.lower()
        told = any(word in plain or word in _bare(plain) for word in words)
        return None if told else value
    if isinstance(value, list):
        return [each for one in value if (each := without(one, words)) is not None]
    if isinstance(value, dict):
        kept = {name: without(one, words) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one is not None}
    return value


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _numbers(root: Path) -> Iterator[str]:
    for name in _SERIALS:
        yield _text(root / name)
    for path in root.glob("sys/class/net/*/address"):
        address = _text(path).strip()
        if address.strip("0:"):
            yield address
            yield _bare(address)


def _names(root: Path) -> Iterator[str]:
    yield from _text(root / "etc/hostname").split(".")
    for line in _text(root / "etc/passwd").splitlines():
        name, _, number, _, person, *_ = (*line.split(":"), *[""] * 5)
        if number.isdigit() and int(number) >= _FIRST_PERSON and name != "nobody":
            yield from (name, *person.replace(",", " ").split())


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
