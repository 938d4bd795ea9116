# SPDX-License-Identifier: Apache-2.0
"""Runs the commands of a build and tells what is being done and how long it has taken.

A build is a list of named steps. Each prints its name when it begins and its time when it
ends; the commands inside are silent unless they fail, and then their last words are shown
with the way to mend it.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

from firmware.errors import FirmwareError

TOOL_PACKAGES: Final[dict[str, str]] = {
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    "apt-get": "apt",
    "debugfs": "e2fsprogs",
    "dpkg-deb": "dpkg",
    "e2fsck": "e2fsprogs",
    "mke2fs": "e2fsprogs",
    "mksquashfs": "squashfs-tools",
    "openssl": "openssl",
    "qemu-aarch64-static": "qemu-user-static",
    "readelf": "binutils",
}
"""The Debian package of each tool that a build runs; `scripts/install_packages.sh image`."""
INTERRUPTED: Final = 130
_SYSTEM_FOLDERS: Final = "/usr/sbin:/sbin"
"""Where e2fsprogs lies; not on an ordinary user's PATH."""
_LEFT_OUT: Final = ("LC_", "PYTHON", "SOURCE_DATE_EPOCH")
_APT_CHATTER: Final = ("Get:", "Hit:", "Ign:")
_LAST_LINES: Final = 15


class Progress:
    """Prints steps to a stream, each with the time since the build began."""

    def __init__(self, alive_every_s: float = 15.0) -> None:
        self._began = time.monotonic()
        self._alive_every_s = alive_every_s

    def say(self, text: str) -> None:
        """One line."""
        print(f"[{time.monotonic() - self._began:6.1f} s] {text}", file=sys.stderr, flush=True)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Say what begins, every quarter of a minute that it goes on, and how long it took.

        Compressing and compiling take minutes on a slow machine; silence looks like a hang.
        """
        self.say(name)
        began = time.monotonic()
        ended = threading.Event()

        def tell_alive() -> None:
            while not ended.wait(self._alive_every_s):
                self.say(f"  … {name[:1].lower()}{name[1:]}: still at it")

        teller = threading.Thread(target=tell_alive, daemon=True)
        teller.start()
        try:
            yield
        finally:
            ended.set()
            teller.join()
        if (taken := time.monotonic() - began) >= 1:
            self.say(f"  … done in {taken:.1f} s")


def exit_status(work: Callable[[], int], *expected: type[Exception]) -> int:
    """What a command returns: its own status, 1 after a fault told in words, 130 after Ctrl-C.

    A FirmwareError, the errors `expected` besides, and an OSError of its own file work are faults.
    """
    faults: tuple[type[Exception], ...] = (FirmwareError, *expected)
    try:
        return work()
    except faults as error:
        print(f"error: {error}", file=sys.stderr)
    except OSError as error:
        print(f"error: {explain_os_error(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("error: stopped", file=sys.stderr)
        return INTERRUPTED
    return 1


def need_tools(names: Sequence[str]) -> None:
    """Raise one FirmwareError that names every tool that is missing, and its package."""
    path = f"{os.environ.get('PATH', '')}:{_SYSTEM_FOLDERS}"
    missing = [name for name in names if shutil.which(name, path=path) is None]
    if missing:
        packages = sorted({TOOL_PACKAGES[name] for name in missing})
        raise FirmwareError(
            f"missing: {', '.join(missing)}; install them with "
            f"`scripts/install_packages.sh image` (Debian: {', '.join(packages)})"
        )


def run(
    command: Sequence[str | Path],
    *,
    doing: str,
    hint: str = "",
    stdin: bytes | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> bytes:
    """Run a command and return its standard output.

    Its environment is this process's without what would change the result (locale, time
    zone, umask, SOURCE_DATE_EPOCH, Python's settings). Raises FirmwareError with
    `doing`, the command's last words and `hint`.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_LEFT_OUT)}
    settings = kept | {"LC_ALL": "C.UTF-8", "TZ": "UTC"}
    settings["PATH"] = f"{settings.get('PATH', '')}:{_SYSTEM_FOLDERS}"
    try:
        result = subprocess.run(
            [str(word) for word in command],
            input=stdin if stdin is not None else b"",
            capture_output=True,
            env=settings | dict(environment or {}),
            cwd=folder,
            umask=0o022,
            check=False,
        )
    except OSError as error:
        tool = str(command[0])
        package = TOOL_PACKAGES.get(tool)
        mend = f"; install Debian's {package}" if package else ""
        raise FirmwareError(f"{doing}: {tool} cannot be run ({error.strerror}){mend}") from error
    if result.returncode != 0:
        _failed(result, doing, hint)
    return result.stdout


def _failed(result: subprocess.CompletedProcess[bytes], doing: str, hint: str) -> NoReturn:
    output = (result.stderr + b"\n" + result.stdout).decode("utf-8", "replace")
    lines = [line.rstrip() for line in output.splitlines() if line.strip()]
    words = [line for line in lines if not line.startswith(_APT_CHATTER)]
    if any("No space left on device" in line for line in words):
        hint = "the disk is full; free some space (df -h shows where)"
    shown = "\n".join(f"    {line}" for line in words[:_LAST_LINES])
    command = Path(str(result.args[0])).name
    raise FirmwareError(
        f"{doing} failed ({command}, exit status {result.returncode}){': ' + hint if hint else ''}"
        f"\n{shown}"
    )


def explain_os_error(error: OSError) -> FirmwareError:
    """An OSError of the build's own file work in words."""
    where = f" ({error.filename})" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return FirmwareError(f"the disk is full{where}; free some space (df -h shows where)")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return FirmwareError(
            f"not allowed to write{where}; out/ must belong to you (was it made by root?)"
        )
    return FirmwareError(f"{error.strerror or error}{where}")
