# SPDX-License-Identifier: Apache-2.0
"""What an image may carry on request beside what every image has: `make overlay EXTRAS=wake`.

An extra is a file `extras/<name>.lock`: the wheels that it adds to those of requirements.lock, with
their hashes. It has the name of the optional dependencies of pyproject.toml that it stands for.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from firmware.errors import FirmwareError

LOCKS: Final = Path(__file__).with_name("extras")


def extra_names() -> list[str]:
    """Names of all extras, sorted."""
    return sorted(path.stem for path in LOCKS.glob("*.lock"))


def chosen_extras(text: str) -> tuple[Path, ...]:
    """The locks of the extras in a list like `wake` or `a,b`, sorted; raises FirmwareError."""
    chosen = sorted({name for name in re.split(r"[,\s]+", text) if name})
    if unknown := [name for name in chosen if name not in extra_names()]:
        raise FirmwareError(
            f"no extra '{unknown[0]}'; EXTRAS= may name {', '.join(extra_names())} "
            "(scripts/firmware/README.md says what each is for)"
        )
    return tuple(LOCKS / f"{name}.lock" for name in chosen)
