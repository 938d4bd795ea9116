# SPDX-License-Identifier: Apache-2.0
"""How the last update ended, for people and for health; nothing is decided by it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Final

from driving_client.regular_file import open_regular
from kioskd.durable_files import Files, replace
from kioskd.update.store import Store

_LINE: Final = re.compile(r"(result|slot|version|reason)=([^\n]{0,200})")
_MAX_BYTES: Final = 4096
ACTIVE_DAMAGED: Final = "active_damaged"
"""The reason of a fallback without an update: the hook could not start the image in force."""


@dataclass(frozen=True, slots=True)
class LastResult:
    """`result` is installed, good, fallback or rollback; `reason` a snake_case word or empty.

    The file also says when, for people.
    """

    result: str
    slot: str = ""
    version: str = ""
    reason: str = ""


def read_result(store: Store) -> LastResult | None:
    """The last result, None where there has been none."""
    try:
        with open_regular(store.state / "last-result") as file:
            text = file.read(_MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
    matches = (_LINE.fullmatch(line) for line in text.splitlines())
    values = {found[1]: found[2] for found in matches if found}
    return LastResult(**values) if "result" in values else None


def write_result(
    store: Store, files: Files, result: str, slot: str, version: str, reason: str = ""
) -> None:
    """Replace the last result; raises OSError."""
    lines = {"result": result, "slot": slot, "version": version, "reason": reason}
    lines["time"] = str(int(time.time()))
    text = "".join(f"{key}={value}\n" for key, value in lines.items())
    files.make_folder(store.state)
    replace(files, store.state / "last-result", text.encode())
