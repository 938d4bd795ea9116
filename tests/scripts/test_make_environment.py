# SPDX-License-Identifier: Apache-2.0
"""scripts/make_environment.sh: when it makes an environment, and what Python finds in it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/make_environment.sh"
PYTHON = """#!/bin/sh
# stands for Python and, copied into the environment, for its own one
echo "$@" >>"{log}"
case "$*" in
"-c import sys"*) echo {version} ;;
"-m venv "*)
    mkdir -p "$3/bin" "$3/lib/python{version}/site-packages"
    cp "$0" "$3/bin/python"
    ;;
*" install "*) echo "Collecting numpy==2.4.6 (from x)"; exit {pip_status} ;;
esac
"""


class Desk:
    """A folder with the files that the script reads, and a Python that only writes down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "calls.txt"
        (folder / "requirements.lock").write_text("numpy==2.4.6\nsoxr==1.1.0\n")

    def make(
        self, *names: str, version: str = "3.11", pip_status: int = 0
    ) -> subprocess.CompletedProcess[str]:
        python = self.folder / "python"
        python.write_text(PYTHON.format(log=self.log, version=version, pip_status=pip_status))
        python.chmod(0o755)
        self.log.write_text("")
        return subprocess.run(
            [SCRIPT, *names], cwd=self.folder, env=os.environ | {"PYTHON": str(python)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def installed(self) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if " install " in line]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_what_is_up_to_date_is_left_and_what_has_changed_is_made_anew(desk: Desk) -> None:
    first = desk.make()
    assert first.returncode == 0, first.stderr
    assert "Making .venv with Python 3.11" in first.stdout
    assert "  numpy==2.4.6\n" in first.stdout, "a line for each package as it comes"
    assert "--require-hashes" in desk.installed()[0]
    assert desk.make().stdout == ""
    assert not desk.installed()
    (desk.folder / "requirements.lock").write_text("numpy==2.5.0\n")
    desk.make()
    assert desk.installed()
    desk.make(version="3.12")
    assert desk.installed(), "another Python"


def test_one_that_broke_off_is_never_taken_as_done(desk: Desk) -> None:
    assert desk.make(pip_status=1).returncode != 0
    assert desk.make().returncode == 0
    assert desk.installed()


@pytest.mark.parametrize(
    ("name", "folder"),
    [("kiosk", ".venv"), ("newest", "out/newest-venv"), ("lipsync", "out/lipsync-venv")],
)
def test_our_own_code_is_found_from_everywhere(desk: Desk, name: str, folder: str) -> None:
    desk.make(name)
    site = desk.folder / folder / "lib/python3.11/site-packages"
    leads_to = [
        Path(os.path.normpath(site / line))
        for line in (site / "kiosk.pth").read_text().splitlines()
    ]
    assert leads_to == [desk.folder, desk.folder / "scripts"]
    (site / "kiosk.pth").unlink()
    desk.make(name)
    assert (site / "kiosk.pth").exists(), "one made before there was such a file"


def test_the_converter_does_not_see_our_code(desk: Desk) -> None:
    desk.make("npu")
    assert not list(desk.folder.rglob("*.pth"))
    assert "--no-deps" in desk.installed()[1]


@pytest.mark.parametrize(
    ("names", "version", "words"),
    [
        (["lisync"], "3.11", "no environment 'lisync'; there are kiosk, newest, lipsync, "),
        ([], "3.10", "is Python 3.10; 3.11 to 3.13 are supported for kiosk, set PYTHON="),
        (["npu"], "3.13", "is Python 3.13; 3.11 to 3.12 are supported for npu, set PYTHON="),
        ([], "", "does not run; install Python 3.11 to 3.13 or set PYTHON="),
    ],
)
def test_what_cannot_be_made_is_refused(
    desk: Desk, names: list[str], version: str, words: str
) -> None:
    result = desk.make(*names, version=version or "1; exit 1")
    assert result.returncode == 1
    assert words in result.stderr
    assert not list(desk.folder.glob(".venv"))


def test_make_asks_for_environments_that_are_in_the_table(root: Path) -> None:
    callers = (root / "Makefile", root / "scripts/test_newest_python.sh")
    words = "".join(path.read_text() for path in callers)
    asked = re.findall(r"make_environment\.sh ([a-z-]+)", words)
    rows = re.findall(r"^([a-z-]+(?: \| [a-z-]+)*)\)$", SCRIPT.read_text(), re.MULTILINE)
    table = [name for row in rows for name in row.split(" | ")]
    assert sorted([*asked, "kiosk"]) == sorted(table)
