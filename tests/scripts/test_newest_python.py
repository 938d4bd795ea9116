# SPDX-License-Identifier: Apache-2.0
"""scripts/test_newest_python.sh: another Python runs the quick lane where there is one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("own", "other", "told"),
    [
        ("3.11", "exit 0", "ran -m pytest -n 2 -m not slow tests"),
        ("3.11", "exit 1", "python3.13 is not here, with venv and headers"),
        ("3.11", None, "python3.13 is not here, with venv and headers"),
        ("3.13", "exit 1", ""),
    ],
    ids=["at hand", "without venv or headers", "not there", "the one of .venv"],
)
def test_the_quick_lane_runs_under_it_or_says_why_not(
    own: str, other: str | None, told: str, tmp_path: Path
) -> None:
    program(tmp_path / ".venv/bin/python", f"echo {own}")
    made = tmp_path / "out/newest-venv/bin/python"
    asked = 'test "$1 $PYTHON" = "newest python3.13"'
    program(tmp_path / "scripts/make_environment.sh", asked)
    program(made, 'echo "ran $*"')
    if other is not None:
        program(tmp_path / "bin/python3.13", other)
    done = subprocess.run(
        ["/bin/sh", ROOT / "scripts/test_newest_python.sh"],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert told in done.stdout
    assert bool(told) == bool(done.stdout)
