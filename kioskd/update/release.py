# SPDX-License-Identifier: Apache-2.0
"""What this payload is, and what it trusts: its own release file, the hook's format and keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kioskd.update.errors import UpdateError
from kioskd.update.signature import find_keys
from kioskd.update.store import keys_folder

_RELEASE: Final = "usr/share/kiosk/release"


@dataclass(frozen=True, slots=True)
class Trust:
    """What an image must fit: the board's name, the keys in its hook, the hook's format."""

    board: str
    keys: tuple[Path, ...]
    hook_format: int


def payload_root(environment: Mapping[str, str]) -> Path:
    """KIOSK_PAYLOAD, where the hook has mounted the payload; / inside of it."""
    return Path(environment.get("KIOSK_PAYLOAD") or "/")


def read_release(environment: Mapping[str, str]) -> dict[str, str]:
    """The `key=value` lines of the payload's release file, empty where there is none."""
    try:
        text = (payload_root(environment) / _RELEASE).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    pairs = (line.partition("=") for line in text.splitlines())
    return {key: value for key, found, value in pairs if found}


def trust_from(environment: Mapping[str, str]) -> Trust:
    """KIOSK_BOARD (or the release file), KIOSK_KEYS and KIOSK_HOOK_FORMAT; raises UpdateError."""
    board = environment.get("KIOSK_BOARD") or read_release(environment).get("board", "")
    if not board:
        raise UpdateError(
            "no_release",
            "neither KIOSK_BOARD nor the payload's release file says which board this is; "
            "run kioskctl as the board's own /usr/bin/kioskctl",
        )
    told = environment.get("KIOSK_HOOK_FORMAT", "1")
    keys = tuple(find_keys(keys_folder(environment)))
    return Trust(board, keys, int(told) if told.isascii() and told.isdigit() else 1)
