# SPDX-License-Identifier: Apache-2.0
"""What pip makes of the project: everything that its packages need, and commands that work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from test_linters import PACKAGES, tracked

NOT_NEEDED = (".md", ".jpg", ".proto")
COMMANDS = ("driving-client", "kioskctl", "kioskd", "splat-gles")
RUN = """
import sys
from importlib.metadata import distribution
ours = distribution("avatar-kiosk").entry_points.select(group="console_scripts")
sys.argv = sys.argv[1:]
sys.exit(ours[sys.argv[0]].load()())
"""


class Installed:
    """The wheel, unpacked: its modules come before any checkout's."""

    def __init__(self, site: Path) -> None:
        self.site = site

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", RUN, *words],
            cwd=self.site.parent,
            check=False,
            env=os.environ | {"PYTHONPATH": str(self.site)},
            capture_output=True,
            text=True,
        )


@pytest.fixture(scope="module")
def installed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Built from a copy, because building leaves folders behind."""
    folder = tmp_path_factory.mktemp("installed")
    for path in tracked(root):
        relative = path.relative_to(root)
        if relative.parts[0] in (*PACKAGES, "config") or len(relative.parts) == 1:
            copy = folder / "checkout" / relative
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy, follow_symlinks=False)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    command += ["--no-build-isolation", "--no-deps", "--no-index"]
    subprocess.run([*command, "-w", folder, folder / "checkout"], check=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return Installed(folder / "site")


def test_the_wheel_holds_all_that_the_packages_read(installed: Installed, root: Path) -> None:
    needed = {
        str(path.relative_to(root))
        for path in tracked(root)
        if path.relative_to(root).parts[0] in PACKAGES and path.suffix not in NOT_NEEDED
    }
    missing = {name for name in needed if not (installed.site / name).is_file()}
    assert not missing, "name them in pyproject.toml, [tool.setuptools.package-data]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_there(installed: Installed, command: str) -> None:
    result = installed.run(command, "--help")
    assert result.returncode == 0, result.stderr
    assert "usage: " in result.stdout


def test_the_daemon_has_an_avatar_without_a_checkout(installed: Installed) -> None:
    checked = installed.run("kioskd", "--set", "endpoint.url=", "--check")
    assert (checked.returncode, checked.stdout) == (0, "defaults: ok\n"), checked.stderr
    (installed.site / "kioskd/default.avatar").rename(installed.site / "kioskd/hidden")
    try:
        checked = installed.run("kioskd", "--set", "endpoint.url=", "--check")
    finally:
        (installed.site / "kioskd/hidden").rename(installed.site / "kioskd/default.avatar")
    assert checked.returncode == 1
    assert "no avatar can be shown" in checked.stderr


def test_the_packaged_avatar_is_drawn(installed: Installed, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    result = installed.run(
        "splat-gles",
        "render",
        str(installed.site / "kioskd/default.avatar"),
        "--size",
        "54x96",
        "-o",
        str(picture),
    )
    assert result.returncode == 0, result.stderr
    assert picture.stat().st_size > 1000


def test_a_checkouts_own_avatar_is_the_default_one(root: Path) -> None:
    from kioskd.config.sections import DEFAULT_AVATAR

    assert Path(DEFAULT_AVATAR) == root / "config/avatars/default.avatar"
