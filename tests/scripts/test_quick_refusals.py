# SPDX-License-Identifier: Apache-2.0
"""What a command can refuse without tools it refuses first, and installs nothing before."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Words after the script's name ({0}: an empty folder, {1}: a file of text); what is told
REFUSALS = {
    "overlay: no board": ("make_overlay.py", "name a board"),
    "overlay: unknown board": ("make_overlay.py rk3577", "did you mean rk3576?"),
    "overlay: no key": ("make_overlay.py g88 --out {0} --key {0}/none.pem", "cannot be read"),
    "overlay: text for a key": (
        "make_overlay.py g88 --out {0} --key {1}",
        "not a private key in PEM",
    ),
    "overlay: no out": ("make_overlay.py g88 --out /proc/none", "error: "),
    "overlay checked": (
        "make_overlay.py --check g88 --out {0} --key {1}",
        "not a private key in PEM",
    ),
    "overlay: unknown extra": (
        "make_overlay.py --check g88 --out {0} --extras wake,wakeword",
        "no extra 'wakeword'; EXTRAS= may name wake ",
    ),
    "repro: unknown board": ("check_reproducible.py rk3577", "did you mean rk3576?"),
    "rootfs: unknown board": ("make_rootfs.py --board x --base {1}", "unknown board 'x'"),
    "rootfs: no base": ("make_rootfs.py --board g88 --base {0}/none", "BASE= names the vendor's"),
    "rootfs: no archive": (
        "make_rootfs.py --board g88 --base {1} --archive {0}/x.tar",
        "make overlay BOARD=g88",
    ),
    "rootfs: extras": (
        "make_rootfs.py --board g88 --base {1} --extras wake",
        "EXTRAS=wake is for `make overlay BOARD=g88`",
    ),
    "rootfs: its base": ("make_rootfs.py --board g88 --base {1} --out {1}", "the base itself"),
    "flash: unknown board": ("flash.py --board rk3577", "did you mean rk3576?"),
    "flash: no image": (
        "flash.py --board rk3576 --image {0}/x.img",
        "IMAGE={0}/x.img is not there",
    ),
    "flash: no loader": ("flash.py --board 8189 --loader {0}/lk", "LOADER={0}/lk is not there"),
    "flash: nothing built": ("flash.py --board rk3576 --out {0}", "make overlay BOARD=rk3576"),
    "flash: no host keys": (
        "flash.py --board s565 --host root@192.0.2.1 --known-hosts {0}/keys",
        "KNOWN_HOSTS={0}/keys is not there",
    ),
    "avatar: no recipe": ("make_avatar.py {0}/x.yaml --cache {0}", "x.yaml"),
    "avatar: nowhere to write": (
        "make_avatar.py config/avatars/default.yaml --cache {0} -o {0}/none/x.avatar",
        "not a writable folder",
    ),
    "sheet: no avatar": ("contact_sheet.py {0}/x.avatar -o {0}/x.png", "x.avatar"),
    "train: nowhere to write": ("train_lipsync.py --out {1}/model", "--out {1}/model"),
    "lips: no such set": ("bench_lips.py --only nonsense", "no set's title contains 'nonsense'"),
    "run: no bundle": ("run_kiosk.py --avatar {1}", "{1}: this is not a ZIP file"),
    "run: no avatar": ("run_kiosk.py --avatar {0}/x.avatar", "no avatar at {0}/x.avatar"),
}


@pytest.mark.parametrize(("words", "told"), REFUSALS.values(), ids=REFUSALS)
def test_it_is_refused_on_a_machine_without_any_tool(words: str, told: str, tmp_path: Path) -> None:
    empty, text, tools = (tmp_path / name for name in ("empty", "text", "tools"))
    empty.mkdir()
    text.write_bytes(b"hello".ljust(1080) + b"\x53\xef")  # what an ext4 file system has there
    tools.mkdir()
    git = shutil.which("git")
    assert git is not None
    (tools / "git").symlink_to(git)
    script, *arguments = words.format(empty, text).split()
    result = subprocess.run(
        [sys.executable, ROOT / "scripts" / script, *arguments],
        cwd=ROOT,
        env=os.environ | {"PATH": str(tools)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode in (1, 2)
    assert told.format(empty, text) in result.stderr
    assert "missing:" not in result.stderr
    assert "Traceback" not in result.stderr
    left = {path.name for path in empty.iterdir()}
    assert left <= {"keys"}, "nothing was fetched or begun"


@pytest.mark.parametrize(
    ("command", "check"),
    [
        ("overlay BOARD=nonsense", "make_overlay.py --check nonsense"),
        ("repro BOARD=nonsense", "make_overlay.py --check nonsense"),
        ("rootfs BOARD=nonsense BASE=x", "make_rootfs.py --check --board 'nonsense' --base 'x'"),
    ],
)
def test_make_checks_before_it_installs_what_a_build_needs(command: str, check: str) -> None:
    words = ["make", "--dry-run", *command.split()]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    recipe = " ".join(done.stdout.split())
    assert 0 < recipe.index(check) < recipe.index("install_packages.sh image")
