# SPDX-License-Identifier: Apache-2.0
"""Which files of a stick are a kiosk's configuration: what kiosk.yaml is, and what it names.

A stick may carry anything else besides. Only regular files are taken, none through a link,
and none that is larger than a configuration needs.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path
from typing import Final

from kioskd.config.loading import DEFAULT_FILE, DROP_IN_FOLDER
from kioskd.config.options import Kind
from kioskd.config.reading import Reading, read_file
from kioskd.config.sections import OPTIONS
from kioskd.errors import KioskError
from kioskd.update.files import opened

MAIN: Final = DEFAULT_FILE.name
TOKEN: Final = "health-token"
CERTIFICATE: Final = "tls.crt"
KEY: Final = "tls.key"
AUTHORISATION: Final = "current-token"
"""Holds the board's current token: anyone who knows it may change the configuration."""
MAX_FILE_BYTES: Final = 8 << 20
MAX_TOTAL_BYTES: Final = 24 << 20
_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")

Content = dict[str, bytes]
"""Relative path to content."""


class StickError(KioskError):
    """The stick cannot be used; the message is for the person who made it."""


def read_stick(folder: Path) -> Content:
    """The configuration's files on a stick, empty where there are none; raises StickError."""
    names = [MAIN, TOKEN, CERTIFICATE, KEY, *_drop_ins(folder)]
    names += _named(folder, [name for name in names if name.endswith(".yaml")])
    found: Content = {}
    for name in dict.fromkeys(names):
        content = _read(folder, name)
        if content is not None:
            found[name] = content
    total = sum(map(len, found.values()))
    if total > MAX_TOTAL_BYTES:
        raise StickError(f"{total >> 20} MiB are more than the {MAX_TOTAL_BYTES >> 20} allowed")
    return found


def read_authorisation(folder: Path) -> str:
    """The token that the stick gives to prove itself, empty where it gives none."""
    content = _read(folder, AUTHORISATION) or b""
    return content.decode("utf-8", "replace").strip()


def digest(content: Content) -> str:
    """A SHA-256 that tells two sticks apart."""
    hasher = hashlib.sha256()
    for name in sorted(content):
        hasher.update(f"{name}\0{len(content[name])}\0".encode())
        hasher.update(content[name])
    return hasher.hexdigest()


def _drop_ins(folder: Path) -> list[str]:
    try:
        entries = sorted(os.listdir(folder / DROP_IN_FOLDER))  # noqa: PTH208 names suffice
    except OSError:
        return []
    names = [name for name in entries if name.endswith(".yaml") and not name.startswith(".")]
    odd = [name for name in names if not _NAME.fullmatch(name)]
    if odd:
        raise StickError(f"{DROP_IN_FOLDER}/{odd[0]}: use letters, digits, dot, dash, underscore")
    return [f"{DROP_IN_FOLDER}/{name}" for name in names]


def _named(folder: Path, documents: list[str]) -> list[str]:
    """Files beside kiosk.yaml that the documents name; others are not the stick's business."""
    reading = Reading()
    for document in documents:
        if (folder / document).is_file():
            read_file(folder / document, reading)
    names = []
    for key, value in reading.values.items():
        if OPTIONS[key].rule.kind not in (Kind.FILE, Kind.SECRET_FILE) or not value:
            continue
        named_in = Path(reading.origins[key].rpartition(":")[0]).relative_to(folder)
        path = os.path.normpath(DEFAULT_FILE.parent / named_in.parent / str(value))
        parent, name = os.path.split(path)
        if parent == str(DEFAULT_FILE.parent) and _NAME.fullmatch(name):
            names.append(name)
    return names


def _read(folder: Path, name: str) -> bytes | None:
    # Not blocking: a named pipe would be waited for
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        with opened(folder / name, flags) as handle:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise StickError(f"{name}: must be a file")
            with os.fdopen(handle, "rb", closefd=False) as file:
                content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StickError(f"{name}: cannot be read ({error.strerror})") from error
    if len(content) > MAX_FILE_BYTES:
        raise StickError(f"{name}: larger than the {MAX_FILE_BYTES >> 20} MiB allowed")
    return content
