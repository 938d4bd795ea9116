# SPDX-License-Identifier: Apache-2.0
"""What a build is called and when it claims to be made: both come from git, not the clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from firmware.errors import FirmwareError
from firmware.steps import run


@dataclass(frozen=True, slots=True)
class Release:
    """`version` is `<project version>+<commit>[.dirty]`; `epoch` the commit's time, Unix s."""

    version: str
    commit: str
    epoch: int


def read_release(root: Path) -> Release:
    """Version, commit and time of a checkout; raises FirmwareError outside of one."""
    project = (root / "pyproject.toml").read_text("utf-8")
    found = re.search(r'^version = "([^"]+)"', project, re.MULTILINE)
    if found is None:
        raise FirmwareError(f"{root / 'pyproject.toml'}: has no version")
    hint = "build from a git checkout: the version and its time are its commit's"
    printed = _git(root, "log", "-1", "--format=%h %H %ct", hint=hint)
    short, commit, seconds = printed.split()
    dirty = ".dirty" if _git(root, "status", "--porcelain", hint=hint).strip() else ""
    return Release(f"{found[1]}+{short}{dirty}", commit, int(seconds))


def project_files(root: Path, *folders: str) -> list[Path]:
    """Files of the checkout below some folders: those git knows, and new ones it would add."""
    printed = _git(
        root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *folders
    )
    paths = [root / name for name in sorted(set(printed.split("\0"))) if name]
    return [path for path in paths if path.is_file() or path.is_symlink()]


def _git(root: Path, *arguments: str, hint: str = "") -> str:
    return run(
        # a checkout of another user's is read all the same
        ["git", "-c", f"safe.directory={root}", "-C", root, *arguments],
        doing="asking git about this checkout",
        hint=hint,
    ).decode("utf-8")
