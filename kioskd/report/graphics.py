# SPDX-License-Identifier: Apache-2.0
"""What OpenGL ES says of itself: `python -m kioskd.report.graphics` prints it as JSON.

In a process of its own, which a driver may crash or hang without harm, and without a screen: the
running kiosk has that. A driver that draws on screens alone gives nothing; then the benchmark's
renderer is all that a report has.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from kioskd.report.form import LIMITS
from splat_gles.display import open_display
from splat_gles.errors import SplatError
from splat_gles.gl.api import gl

_PATIENCE_S: Final = 60.0
_DRIVER: Final = re.compile(r"Mesa \d+\.\d+\.\d+|v1\.[rg]\d+p\d+")
_NUMBER: Final = 0x821D
"""GL_NUM_EXTENSIONS."""


def ask(note: Callable[[str], None]) -> dict[str, Any]:
    """The figures; empty where there are none, and `note` hears why."""
    try:
        done = subprocess.run(
            [*_loader(), sys.executable, "-m", "kioskd.report.graphics"],
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode == 0:
            told = json.loads(done.stdout)
            return told if isinstance(told, dict) else {}
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = lines[-1] if lines else f"it ended with {done.returncode}"
    except subprocess.TimeoutExpired:
        why = f"the driver did not answer within {_PATIENCE_S:.0f} s"
    except (OSError, ValueError) as error:
        why = str(error)
    note(f"OpenGL ES without a screen tells nothing: {why}")
    return {}


def look() -> dict[str, Any]:
    """Of a context of this process; raises SplatError."""
    with open_display("offscreen", (64, 64)):
        version = gl.string(gl.GL_VERSION)
        number = re.match(r"OpenGL ES \d\.\d", version)
        driver = _DRIVER.search(version)
        count = gl.integer(_NUMBER)
        names = (gl.glGetStringi(gl.GL_EXTENSIONS, each) for each in range(count))
        return {
            "renderer": gl.string(gl.GL_RENDERER),
            **({"version": number[0]} if number else {}),
            **({"driver": driver[0]} if driver else {}),
            "limits": {name: gl.integer(getattr(gl, f"GL_{name}")) for name in LIMITS},
            "extensions": sorted(
                ctypes.string_at(name).decode("ascii", "replace") for name in names if name
            ),
        }


def _loader() -> list[str]:
    """What stands before Python where a board's kioskctl started it: a loader and its libraries."""
    try:
        words = Path("/proc/self/cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
    except OSError:
        return []
    return words[: max(0, len(words) - len(sys.orig_argv))]


def main() -> int:
    """Print it on standard output, which what drivers print cannot reach."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        answers.write(json.dumps(look()))
    except SplatError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
