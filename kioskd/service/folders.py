# SPDX-License-Identifier: Apache-2.0
"""Where the daemon may keep something, as systemd or the XDG standard says."""

from __future__ import annotations

import os
from pathlib import Path


def state_folder() -> Path:
    """StateDirectory= under systemd, else the nearest existing folder of the user's state."""
    named = own_folder()
    wanted = Path(named or os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    while not wanted.exists() and wanted != wanted.parent:
        wanted = wanted.parent
    return wanted


def own_folder() -> Path | None:
    """StateDirectory= under systemd; None elsewhere, where nothing is kept over restarts."""
    named = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(named) if named else None
