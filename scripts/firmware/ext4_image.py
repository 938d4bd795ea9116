# SPDX-License-Identifier: Apache-2.0
"""Looks into an ext4 image and changes it with e2fsprogs: no root, no loop device, no mount.

debugfs answers with status 0 whatever happens, so nothing is believed that was not read back.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from firmware.errors import FirmwareError
from firmware.steps import run

_TYPE: Final = re.compile(r"Type: (\w+(?: \w+)?)\s+Mode:\s+(\d+)")
_LINK: Final = re.compile(r'Fast link dest: "(.*)"')
_OWNER: Final = re.compile(r"User:\s+(\d+)\s+Group:\s+(\d+)")
_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9._@+/:,~-]+")
_MAX_LINKS: Final = 8


@dataclass(frozen=True, slots=True)
class Inode:
    """What lies at a path. `kind` is as debugfs says: regular, directory, symlink, ..."""

    kind: str
    mode: int
    owner: tuple[int, int]
    link: str


class Ext4Image:
    """An ext4 image file, called `title` in messages; `clock` (Unix seconds) stands for now."""

    def __init__(self, path: Path, title: str, clock: int) -> None:
        self.path = path
        self.title = title
        self._known: dict[str, Inode | None] = {}
        self._environment = {"E2FSPROGS_FAKE_TIME": str(clock), "E2FSCK_TIME": str(clock)}

    def inode(self, name: str) -> Inode | None:
        """What lies at an absolute path; a link at its end is not followed."""
        if name not in self._known:
            self._known[name] = _parse_inode(self._ask(f'stat "{_safe(name)}"'))
        return self._known[name]

    def resolve(self, name: str) -> str:
        """An absolute path with the links of its folders and of itself followed."""
        done = PurePosixPath("/")
        left = list(PurePosixPath(name).parts[1:])
        links = 0
        while left:
            part = left.pop(0)
            if part == "..":
                done = done.parent
                continue
            found = self.inode(str(done / part))
            if found is None or found.kind != "symlink":
                done /= part
                continue
            links += 1
            if links > _MAX_LINKS or not found.link:
                raise FirmwareError(f"{self.title}: {name} leads through too many links")
            target = PurePosixPath(found.link)
            if target.is_absolute():
                done = PurePosixPath("/")
            left = [part for part in target.parts if part != "/"] + left
        return str(done)

    def read(self, name: str) -> bytes | None:
        """Content of a regular file; None where there is none."""
        real = self.resolve(name)
        found = self.inode(real)
        if found is None or found.kind != "regular":
            return None
        return run(["debugfs", "-R", f'cat "{_safe(real)}"', self.path], doing=f"reading {name}")

    def names(self, folder: str) -> list[str]:
        """Names in a folder; empty where there is none."""
        real = self.resolve(folder)
        found = self.inode(real)
        if found is None or found.kind != "directory":
            return []
        lines = self._ask(f'ls -p "{_safe(real)}"').splitlines()
        names = [line.split("/")[5] for line in lines if line.startswith("/")]
        return [name for name in names if name not in ("", ".", "..")]

    def header(self) -> dict[str, str]:
        """The fields of the superblock, as dumpe2fs calls them."""
        told = run(["dumpe2fs", "-h", self.path], doing=f"reading {self.title}")
        pairs = (line.partition(":") for line in told.decode("utf-8", "replace").splitlines())
        return {key.strip(): value.strip() for key, colon, value in pairs if colon}

    def change(self, commands: list[str]) -> str:
        """Run debugfs commands that write; returns what it said, which is not to be believed."""
        self._known.clear()
        with tempfile.NamedTemporaryFile("w", prefix="kiosk-debugfs-") as script:
            script.write("".join(f"{line}\n" for line in commands))
            script.flush()
            return run(
                ["debugfs", "-w", "-f", script.name, self.path],
                doing=f"changing {self.title}",
                environment=self._environment,
            ).decode("utf-8", "replace")

    def repair(self) -> bool:
        """Bring an image that was mounted when it was taken into order; whether it needed that."""
        journal_open = "needs_recovery" in self.header().get("Filesystem features", "")
        status, told = self._fsck("-f", "-p")
        if status not in (0, 1):
            raise FirmwareError(f"{self.title}: its file system is damaged: {told}")
        return journal_open or status == 1

    def check(self) -> None:
        """Raise FirmwareError unless the file system is without a fault."""
        status, told = self._fsck("-f", "-n")
        if status != 0:
            raise FirmwareError(f"{self.title}: not clean after the change: {told}")

    def resize(self, size: int) -> None:
        """Make the file system `size` bytes large."""
        run(
            ["resize2fs", "-f", self.path, f"{size >> 10}K"],
            doing=f"enlarging {self.title}",
            environment=self._environment,
        )

    def _fsck(self, *options: str) -> tuple[int, str]:
        # e2fsck says with its status what it found, which `run` would take for a failure
        script = 'e2fsck "$@" 2>&1; echo "status=$?"'
        told = run(
            ["sh", "-c", script, "e2fsck", *options, self.path],
            doing=f"checking {self.title}",
            environment=self._environment,
        ).decode("utf-8", "replace")
        text, _, status = told.rpartition("status=")
        return int(status), " ".join(text.split())[-300:]

    def _ask(self, command: str) -> str:
        return run(
            ["debugfs", "-R", command, self.path], doing=f"looking into {self.title}"
        ).decode("utf-8", "replace")


def _parse_inode(told: str) -> Inode | None:
    kind = _TYPE.search(told)
    if kind is None:
        return None
    owner, link = _OWNER.search(told), _LINK.search(told)
    return Inode(
        kind=kind[1],
        mode=int(kind[2], 8),
        owner=(int(owner[1]), int(owner[2])) if owner else (-1, -1),
        link=link[1] if link else "",
    )


def _safe(name: str) -> str:
    if not _SAFE_NAME.fullmatch(name):
        raise FirmwareError(f"'{name}' is a name that debugfs cannot be given")
    return name


def convert_sparse(base: Path, target: Path, tool: str) -> None:
    """Turn an Android-sparse image into a plain one with simg2img."""
    done = subprocess.run([tool, base, target], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise FirmwareError(f"{base}: simg2img failed: {done.stderr.strip()[:200]}")
