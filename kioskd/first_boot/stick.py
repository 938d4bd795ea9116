# SPDX-License-Identifier: Apache-2.0
"""Finds the partition labelled KIOSKCFG and lends its files, read-only.

A stick is read once and then let go: the kiosk never runs from it.
"""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kioskd.first_boot.stick_names import StickError

logger = logging.getLogger(__name__)

LABEL: Final = "KIOSKCFG"
FIRST_WAIT_S: Final = 3.0
"""How long the very first start waits for a stick to be found; USB takes a moment."""
_POLL_S: Final = 0.2
_COMMAND_S: Final = 20.0


def find_stick(wait_s: float, folder: Path = Path("/dev/disk/by-label")) -> Path | None:
    """The partition's device, None where no stick is plugged in."""
    until = time.monotonic() + wait_s
    while True:
        if (folder / LABEL).exists():
            return folder / LABEL
        if time.monotonic() >= until:
            return _asked()
        time.sleep(_POLL_S)


@contextmanager
def mounted(device: Path, point: Path) -> Iterator[Path]:
    """The stick's files below `point`, until the block ends; raises StickError."""
    try:
        point.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StickError(f"{point} cannot be made: {error.strerror}") from error
    _run("mount", "-o", "ro,nosuid,nodev,noexec", str(device), str(point))
    try:
        yield point
    finally:
        try:
            _run("umount", str(point))
        except StickError as error:
            logger.warning("%s", error, extra={"code": "stick_still_mounted"})


def _asked() -> Path | None:
    """What blkid says, for systems whose udev makes no links by label."""
    try:
        done = subprocess.run(
            ["blkid", "-L", LABEL], capture_output=True, text=True, timeout=_COMMAND_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Path(done.stdout.strip()) if done.returncode == 0 and done.stdout.strip() else None


def _run(*command: str) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_COMMAND_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StickError(f"{command[0]} cannot be run ({error})") from error
    if done.returncode:
        raise StickError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
