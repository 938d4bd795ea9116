# SPDX-License-Identifier: Apache-2.0
"""scripts/install_packages.sh: what a newcomer reads while it installs, and when it cannot."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/install_packages.sh"
APT_GET = """#!/bin/sh
# stands for apt-get: as talkative, and as it ends
case "$1" in
update) exit 0 ;;
esac
echo "Need to get 216 MB of archives."
echo "After this operation, 803 MB of additional disk space will be used."
for package in 1 2 3 4 5 6 7 8 9; do
    echo "dlstatus:$package:${{package}}2.3456:Retrieving file $package of 9" >&3
done
for package in 1 2 3 4 5 6 7 8 9; do
    echo "pmstatus:libthing$package:amd64:${{package}}2.3456:Unpacking libthing$package (amd64)" >&3
    echo "Unpacking libthing$package ..."
    echo "invoke-rc.d: could not determine current runlevel" >&2
done
if [ {status} -ne 0 ]; then
    echo "The following packages will be REMOVED: systemd-standalone-sysusers"
    echo "E: Packages need to be removed but remove is disabled." >&2
fi
exit {status}
"""


def install(folder: Path, status: int) -> subprocess.CompletedProcess[str]:
    """The script on a machine that has no package yet, and an apt-get that ends so."""
    fakes = {
        "apt-get": APT_GET.format(status=status),
        "dpkg-query": "#!/bin/sh\nexit 1\n",
        "id": "#!/bin/sh\necho 0\n",  # root: no sudo is asked
    }
    for name, text in fakes.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return subprocess.run(
        [SCRIPT, "run"],
        env=os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_tells_what_is_missing_and_how_far_it_is_and_leaves_out_the_rest(tmp_path: Path) -> None:
    done = install(tmp_path, 0)
    assert done.returncode == 0
    first, *rest = [line.strip() for line in done.stdout.splitlines()]
    assert first.startswith("Installing Debian packages")
    assert " libegl1 " in first
    assert rest == [
        "reading the lists of what there is",
        "Need to get 216 MB of archives.",
        "After this operation, 803 MB of additional disk space will be used.",
        *(f"{what} {share} %" for what in ("fetched", "installed") for share in (20, 40, 60, 80)),
    ]
    assert done.stderr == ""


@pytest.mark.parametrize("status", [1, 100])
def test_when_apt_fails_all_that_it_said_is_shown(status: int, tmp_path: Path) -> None:
    done = install(tmp_path, status)
    assert done.returncode == 1
    assert "REMOVED: systemd-standalone-sysusers" in done.stderr
    assert "remove is disabled" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: install_packages.sh: apt-get failed")


def test_without_a_group_it_names_those_that_there_are() -> None:
    done = subprocess.run([SCRIPT], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "no group ''; there are run, test, image, image-test, flash, lipsync" in done.stderr
