# SPDX-License-Identifier: Apache-2.0
"""Fetches the locked Python packages for the board: aarch64 wheels and, of two, the source.

Versions and hashes are those of requirements.lock, so the board runs what the tests ran.
pip checks the hashes; a file in the cache is used only when its own hash is in the lock.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from firmware.errors import FirmwareError
from firmware.steps import run

GLIBC_MINOR: Final = 36
"""Debian 12's glibc is 2.36; a wheel for a newer one would not load."""
_PLATFORMS: Final = [
    "manylinux2014_aarch64",
    *[f"manylinux_2_{minor}_aarch64" for minor in range(17, GLIBC_MINOR + 1)],
]
_TARGET: Final = [
    "--only-binary=:all:", "--implementation=cp", "--python-version=3.11",
    "--abi=cp311", "--abi=abi3", "--abi=none",
    *[f"--platform={platform}" for platform in _PLATFORMS],
]  # fmt: skip
_ROW: Final = re.compile(
    r"([A-Za-z0-9._-]+)==([^\s;]+)(?:\s*;.*?)?((?:\s+--hash=sha256:[0-9a-f]{64})*)\s*"
)
_SOURCE: Final = ["--no-binary=:all:"]


@dataclass(frozen=True, slots=True)
class Locked:
    """One row of a lock file; `hashes` are the SHA-256 of the files that are right."""

    name: str
    version: str
    hashes: frozenset[str]

    def requirement(self) -> str:
        """The row as pip reads it."""
        hashes = " ".join(f"--hash=sha256:{digest}" for digest in sorted(self.hashes))
        return f"{self.name}=={self.version} {hashes}"


@dataclass(frozen=True, slots=True)
class PythonPackage:
    """A fetched file: a wheel, or the source of a package without wheels."""

    name: str
    version: str
    path: Path
    sha256: str


def read_lock(path: Path) -> dict[str, Locked]:
    """Rows of a `pip-compile --generate-hashes` file by name; raises FirmwareError."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise FirmwareError(f"{path} cannot be read ({error.strerror})") from error
    rows: dict[str, Locked] = {}
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    for number, line in enumerate(joined.splitlines(), 1):
        if not line.strip():
            continue
        found = _ROW.fullmatch(line)
        if found is None:
            begin = line.strip()[:60]
            raise FirmwareError(f"{path}: entry {number} is not `name==version --hash=…`: {begin}")
        name = re.sub(r"[-_.]+", "-", found[1]).lower()
        hashes = frozenset(re.findall(r"sha256:([0-9a-f]{64})", found[3]))
        if not hashes:
            raise FirmwareError(f"{path}: {name} has no hashes; lock with --generate-hashes")
        if name in rows:
            raise FirmwareError(f"{path}: {name} appears twice")
        rows[name] = Locked(name, found[2], hashes)
    return rows


def fetch_python_packages(
    names: Sequence[str], lock: Mapping[str, Locked], cache: Path, *, source: bool = False
) -> list[PythonPackage]:
    """A wheel for the board of each name (with `source` its source); raises FirmwareError."""
    if unknown := [name for name in names if name not in lock]:
        raise FirmwareError(f"not in requirements.lock: {', '.join(unknown)}; lock it again")
    rows = [lock[name] for name in names]
    folder = cache / ("sources" if source else "wheels")
    folder.mkdir(parents=True, exist_ok=True)
    found = {row.name: _cached(row, folder) for row in rows}
    if missing := [row for row in rows if found[row.name] is None]:
        _download(missing, folder, source)
        found |= {row.name: _cached(row, folder) for row in missing}
    result = []
    for row in rows:
        package = found[row.name]
        if package is None:
            raise FirmwareError(f"{folder}: pip brought no file of {row.name} {row.version}")
        result.append(package)
    return result


def _download(rows: Sequence[Locked], folder: Path, source: bool) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        wanted = Path(temporary) / "wanted.txt"
        wanted.write_text("\n".join(row.requirement() for row in rows) + "\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet"]
        command += ["--disable-pip-version-check", "--no-deps", "--require-hashes"]
        command += _SOURCE if source else _TARGET
        run(
            [*command, "--dest", temporary, "--requirement", wanted],
            doing="fetching Python packages for the board",
            hint="check the network, and that requirements.lock has hashes of aarch64 wheels",
        )
        wanted.unlink()
        for path in Path(temporary).iterdir():
            path.rename(folder / path.name)


def _cached(row: Locked, folder: Path) -> PythonPackage | None:
    for path in sorted(folder.glob("*-*")):
        stem = re.sub(r"[-_.]+", "-", path.name).lower()
        if stem.startswith(f"{row.name}-") and path.is_file():
            digest = sha256(path.read_bytes()).hexdigest()
            if digest in row.hashes:
                return PythonPackage(row.name, row.version, path, digest)
    return None
