# SPDX-License-Identifier: Apache-2.0
"""A process of the project, run as its service is: limited descriptors, its output in a file."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
READY_S: Final = 120.0


class StandError(Exception):
    """A test cannot go on: a process does not start, or has ended."""


class Logged:
    """A Python module that runs, from this checkout or another one."""

    def __init__(self, log: Path, *command: str, root: Path = ROOT, **variables: str) -> None:
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=root,
                stdout=file,
                stderr=file,
                env=os.environ | variables,
                preexec_fn=_as_a_service,
            )

    @property
    def pid(self) -> int:
        """The process; raises StandError once it has ended."""
        if self.process.poll() is not None:
            raise StandError(f"it has ended with status {self.process.returncode}; see {self.log}")
        return self.process.pid

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first line of the log that matches; raises StandError."""
        deadline = time.monotonic() + READY_S
        while (found := re.search(pattern, self.log.read_text("utf-8", "replace"))) is None:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise StandError(f"no line like {pattern!r} in {self.log}")
            time.sleep(0.1)
        return found

    def kill(self) -> None:
        """SIGKILL, as from a power cut."""
        self.process.kill()
        self.process.wait()


def start_kiosk(
    folder: Path,
    settings: Mapping[str, object],
    variables: Mapping[str, str],
    root: Path = ROOT,
) -> Logged:
    """A kioskd without a screen, with these options and environment; returns at once."""
    (folder / "kiosk.yaml").write_text("{}\n")
    options = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    return Logged(
        folder / "kioskd.log",
        "kioskd",
        "--config",
        str(folder / "kiosk.yaml"),
        *options,
        root=root,
        SDL_VIDEODRIVER="offscreen",
        STATE_DIRECTORY=str(folder),
        **variables,
    )


def _as_a_service() -> None:
    """A service has 1,024 descriptors unless told otherwise."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
