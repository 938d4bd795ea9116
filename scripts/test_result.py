# SPDX-License-Identifier: Apache-2.0
"""Keeps the last result of a test that is too long for every run: tests/results/NAME.md.

`make soak` and its like run by hand. What they found is a tracked file, so that a reader sees
when it was, on which commit and machine, and what came out; the next run writes over it.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "tests/results"
_NOT_RESULTS: Final = ":(exclude)tests/results"


def write_result(
    name: str,
    about: str,
    *,
    passed: bool,
    seconds: float,
    figures: Mapping[str, object],
    command: str = "",
    folder: Path = RESULTS,
) -> Path:
    """Write the result of `make NAME`: what it is `about`, how it ended, its figures in order.

    `command` is make's where that has another name, `seconds` is what it took. Returns the file.
    Raises OSError where it cannot be written.
    """
    facts = {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": commit(),
        "machine": machine(),
        "took": f"{seconds / 60:.1f} minutes",
        "result": "passed" if passed else "FAILED",
    }
    rows = [f"| {key} | {value} |" for key, value in (facts | dict(figures)).items()]
    path = folder / f"{name}.md"
    folder.mkdir(parents=True, exist_ok=True)
    table = "\n".join(["| | |", "|---|---|", *rows])
    path.write_text(f"# make {command or name}\n\n{about}\n\n{table}\n", "utf-8")
    return path


def commit() -> str:
    """The commit that is checked out; says so where tracked files differ from it."""
    try:
        head = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", _NOT_RESULTS)
    except (OSError, subprocess.CalledProcessError):
        return "unknown: no git checkout"
    return f"{head}, with changes" if changed else head


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def machine() -> str:
    """Processor, cores that this process may use, system and Python."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0))
    return f"{cores} × {names[0] if names else model}, Python {platform.python_version()}"
