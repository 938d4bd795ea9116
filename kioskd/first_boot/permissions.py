# SPDX-License-Identifier: Apache-2.0
"""The service's group may read the configuration; everybody else may not.

Which group that is, the hook has said by whom it has given the folder of data: that of the
user kiosk, or daemon's where a vendor's read-only /etc cannot have that user.

Set at every start and not while files are written: after an edit by hand, or a power cut at the
wrong moment, the kiosk still starts.
"""

from __future__ import annotations

import contextlib
import grp
import logging
import os
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

GROUP: Final = "kiosk"
_FILE_MODE: Final = 0o640
_FOLDER_MODE: Final = 0o2750
"""With the group's bit, so that new files get the group."""


def give_to_group(folder: Path, data: Path) -> None:
    """Set owner, group and modes below `folder`; does nothing without root or the group.

    `data` is the folder that belongs to the service's user.
    """
    group = _service_group(data)
    if group is None:
        logger.info("no group %s here", GROUP, extra={"code": "no_service_group"})
        return
    if os.geteuid() != 0:
        return
    for parent, _, names in os.walk(folder):
        _set(Path(parent), group, _FOLDER_MODE)
        for name in names:
            path = Path(parent) / name
            if not path.is_symlink():
                _set(path, group, _FILE_MODE)


def _service_group(data: Path) -> int | None:
    with contextlib.suppress(OSError):
        owner = data.stat()
        if owner.st_uid != 0:
            return owner.st_gid
    try:
        return grp.getgrnam(GROUP).gr_gid
    except KeyError:
        return None


def _set(path: Path, group: int, mode: int) -> None:
    now = path.stat()
    if (now.st_uid, now.st_gid) != (0, group):
        os.chown(path, 0, group)
    if now.st_mode & 0o7777 != mode:
        path.chmod(mode)
