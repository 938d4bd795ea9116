# SPDX-License-Identifier: Apache-2.0
"""Which files are configuration, told by their names, and which only a person takes for it.

Systems, editors and package managers lay files beside the ones that somebody wrote (`._a.yaml`,
`.#a.yaml`, `a.yaml~`, `a.yaml.dpkg-old`): those are passed over. What somebody did write and
would wonder about is told instead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

DROP_IN_FOLDER: Final = "kiosk.d"
_ENDINGS: Final = (".yaml", ".yml")
_HIDDEN_ENDING: Final = ".txt"
"""Notepad adds it, and Windows does not show it."""


def is_drop_in(name: str) -> bool:
    """Whether an entry of kiosk.d is read: `.yaml` or `.yml`, in either case, and not hidden."""
    return not name.startswith(".") and name.lower().endswith(_ENDINGS)


def meant(name: str) -> str:
    """The name that a person meant: `.yaml` for `.YML`, `.yaml.txt` and their like.

    Other names only lose `.txt`.
    """
    bare = name[: -len(_HIDDEN_ENDING)] if name.lower().endswith(_HIDDEN_ENDING) else name
    ending = next((end for end in _ENDINGS if bare.lower().endswith(end)), "")
    return bare[: -len(ending)] + _ENDINGS[0] if ending else bare


def not_read(main: Path, drop_ins: list[Path]) -> list[str]:
    """A line for each file that somebody took for configuration; `drop_ins`: all of kiosk.d."""
    try:
        beside = sorted(path.name for path in main.parent.iterdir())
    except OSError:
        beside = []  # what matters there is told when it is read
    lines = [
        f"{main.parent / name}: is not read; only {main.name} is; rename it"
        for name in beside
        if name != main.name and meant(name).lower() == main.name
    ]
    return lines + [
        f"{file}: is not read; call it {meant(file.name)}"
        for file in drop_ins
        if not is_drop_in(file.name) and is_drop_in(meant(file.name))
    ]
