# SPDX-License-Identifier: Apache-2.0
"""Finds a configuration's files on a stick, however its maker's system has named them.

Windows hides `.txt` behind a name, FAT knows no case, macOS takes umlauts apart, every system
leaves files of its own, and people copy the folder instead of what is in it. Where one file can
be meant it is taken; where several can, or none, the names that were seen are told.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from kioskd.config.file_names import DROP_IN_FOLDER, is_drop_in, meant
from kioskd.config.loading import DEFAULT_FILE
from kioskd.errors import KioskError

MAIN: Final = DEFAULT_FILE.name
TOKEN: Final = "health-token"
CERTIFICATE: Final = "tls.crt"
KEY: Final = "tls.key"
AUTHORISATION: Final = "current-token"
"""Holds the board's current token: anyone who knows it may change the configuration."""
_BY_NAME: Final = (MAIN, TOKEN, CERTIFICATE, KEY)
_OF_SYSTEMS: Final = ("system volume information", "lost+found", "__macosx", "thumbs.db")
_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
_MOST_TOLD: Final = 8


class StickError(KioskError):
    """The stick cannot be used; the message is for the person who made it."""


def find_home(stick: Path) -> Path:
    """The folder with the configuration: the stick itself, or the only one on it that has any.

    Raises StickError where there is none, or several.
    """
    names = _names(stick)
    if _holds_configuration(names):
        return stick
    folders = [name for name in names if _is_folder(stick / name)]
    homes = [name for name in folders if _holds_configuration(_names(stick / name))]
    if len(homes) == 1:
        return stick / homes[0]
    if homes:
        raise StickError(f"several folders hold a configuration ({_told(stick, homes)}); keep one")
    wanted = ", ".join((*_BY_NAME, f"{DROP_IN_FOLDER}/NAME.yaml"))
    seen = f"it holds {_told(stick, names)}" if names else "it is empty"
    raise StickError(f"no configuration found: none of {wanted}; {seen}")


def known_files(home: Path) -> dict[str, str]:
    """The files with a name of their own that are there, and what each is called on the stick."""
    names = _names(home)
    found = {known: _only(names, known, _meant) for known in (*_BY_NAME, AUTHORISATION)}
    return {known: name for known, name in found.items() if name is not None}


def drop_ins(home: Path) -> dict[str, str]:
    """The documents of kiosk.d, likewise."""
    folder = _only(_names(home), DROP_IN_FOLDER, _plain)
    found: dict[str, str] = {}
    if folder is None:
        return found
    if not _is_folder(home / folder):
        raise StickError(f"{folder}: must be a folder")
    for name in _names(home / folder):
        path, wanted = f"{folder}/{name}", meant(name)
        if _is_folder(home / path):
            raise StickError(f"{path}: is a folder; put its files into {DROP_IN_FOLDER} itself")
        if not is_drop_in(wanted):
            continue
        if not _NAME.fullmatch(wanted):
            raise StickError(f"{path}: use letters, digits, dot, dash, underscore")
        wanted = f"{DROP_IN_FOLDER}/{wanted}"
        if wanted in found:
            raise StickError(f"{found[wanted]}, {path}: two files for {wanted}; keep one")
        found[wanted] = path
    return found


def check_nothing_is_passed_over(home: Path, taken: Sequence[str]) -> None:
    """Raise StickError for a document that is none of those `taken`."""
    for name in _names(home):
        if is_drop_in(meant(name)) and name not in taken:
            raise StickError(
                f"{name}: would not be read; call it {MAIN} or put it into {DROP_IN_FOLDER}"
            )


def locate(home: Path, path: str) -> str | None:
    """What the file `path` (parts with /) is called on the stick, None where it is not there.

    Raises StickError where several files fit and none exactly.
    """
    found: list[str] = []
    for part in path.split("/"):
        folder = home.joinpath(*found)
        if not _is_folder(folder):
            return None
        names = _listed(folder)
        name = part if part in names else _only(names, part, _plain)
        if name is None:
            return None
        found.append(name)
    return "/".join(found)


def _holds_configuration(names: Sequence[str]) -> bool:
    # Where two files fit one name, it is said which when they are looked up
    wanted = {*_BY_NAME, DROP_IN_FOLDER}
    return any(_meant(name) in wanted for name in names)


def _only(names: Sequence[str], wanted: str, read_as: Callable[[str], str]) -> str | None:
    fitting = [name for name in names if read_as(name) == _plain(wanted)]
    if len(fitting) > 1:
        raise StickError(f"{', '.join(fitting)}: {len(fitting)} files for {wanted}; keep one")
    return fitting[0] if fitting else None


def _plain(name: str) -> str:
    if any(0xDC80 <= ord(each) <= 0xDCFF for each in name):
        # Not UTF-8: so FAT's driver gives names where its kernel was built with Latin 1
        name = os.fsencode(name).decode("latin-1")
    return unicodedata.normalize("NFC", name).casefold()


def _meant(name: str) -> str:
    return _plain(meant(name))


def _names(folder: Path) -> list[str]:
    """What somebody has laid there, not a system."""
    return [
        name
        for name in _listed(folder)
        if not name.startswith((".", "$")) and name.lower() not in _OF_SYSTEMS
    ]


def _listed(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 names suffice
    except OSError as error:
        raise StickError(f"{folder.name}: cannot be read ({error.strerror})") from error


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _told(folder: Path, names: Sequence[str]) -> str:
    shown = [f"{name}/" if _is_folder(folder / name) else name for name in names[:_MOST_TOLD]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
