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
    echo "Unpacking libthing$package ..."
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
        [SCRIPT], env=os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_it_tells_what_is_missing_and_how_much_that_is_and_leaves_out_the_rest(
    tmp_path: Path,
) -> None:
    done = install(tmp_path, 0)
    assert done.returncode == 0
    first, *rest = done.stdout.splitlines()
    assert first.startswith("Installing Debian packages")
    assert " espeak-ng " in first
    assert [line.split()[0] for line in rest] == ["Need", "After"]
    assert done.stderr == ""


@pytest.mark.parametrize("status", [1, 100])
def test_when_apt_fails_all_that_it_said_is_shown(status: int, tmp_path: Path) -> None:
    done = install(tmp_path, status)
    assert done.returncode == 1
    assert "REMOVED: systemd-standalone-sysusers" in done.stderr
    assert "remove is disabled" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: install_packages.sh: apt-get failed")
