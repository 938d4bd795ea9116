# SPDX-License-Identifier: Apache-2.0
"""Builds the part of a payload that is not ours: interpreter, libraries, Python packages.

It is kept in the cache under a hash of everything that made it (packages, rules, the code
of this build), so that a change of our own sources costs none of it.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from firmware.boards import ROOT
from firmware.bytecode import compile_tree
from firmware.cache import TEMPORARY, used
from firmware.debian import Deb, fetch_debs
from firmware.elf import drop_unneeded_libraries
from firmware.native import compile_package
from firmware.packages import (
    BUILD_PACKAGES,
    DROPPED_FROM_DEBS,
    DROPPED_FROM_WHEELS,
    LICENCE_PACKAGE,
    RUNTIME_PACKAGES,
    RUNTIME_WHEELS,
    SOURCE_WHEELS,
)
from firmware.steps import Progress
from firmware.tree import MERGED, SITE_PACKAGES, settle_modes, unpack_deb, unpack_wheel
from firmware.wheels import PythonPackage, fetch_python_packages, read_lock

CERTIFICATES: Final = "etc/ssl/certs/ca-certificates.crt"
NPU_LOCK: Final = Path(__file__).with_name("npu.lock")
_CODE: Final = ("bytecode", "elf", "native", "packages", "runtime", "tree")
"""Modules of this build whose change makes another runtime."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """`tree` is to be copied into a payload, `licences` has a folder for each deb."""

    tree: Path
    licences: Path
    debs: tuple[Deb, ...]
    wheels: tuple[PythonPackage, ...]


def build_runtime(
    cache: Path, progress: Progress, *, more: Sequence[Path], refresh: bool
) -> Runtime:
    """The runtime, from the cache when nothing of it changed; raises FirmwareError.

    `more` are lock files of wheels beside those that every image has.
    """
    with progress.step("Debian packages (arm64)"):
        names = (*RUNTIME_PACKAGES, *BUILD_PACKAGES, LICENCE_PACKAGE)
        found = fetch_debs(names, cache, refresh=refresh)
    with progress.step("Python packages (aarch64)"):
        lock = read_lock(ROOT / "requirements.lock")
        wheels = fetch_python_packages(RUNTIME_WHEELS, lock, cache)
        sources = fetch_python_packages(SOURCE_WHEELS, lock, cache, source=True)
        for path in more:
            rows = read_lock(path)
            wheels += fetch_python_packages(list(rows), rows, cache)
    key = _key([deb for deb, _ in found.values()], [*wheels, *sources])
    folder = cache / "runtime" / key
    runtime = Runtime(
        folder / "tree",
        folder / "licences",
        tuple(found[name][0] for name in RUNTIME_PACKAGES),
        tuple(sorted([*wheels, *sources], key=lambda package: package.name)),
    )
    if not folder.exists():
        paths = {name: path for name, (_, path) in found.items()}
        _build(folder, paths, wheels, sources, progress)
    used(folder)
    return runtime


def _build(
    folder: Path,
    debs: dict[str, Path],
    wheels: Sequence[PythonPackage],
    sources: Sequence[PythonPackage],
    progress: Progress,
) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=TEMPORARY) as temporary:
        new = Path(temporary) / "runtime"
        tree = _new_root(new / "tree")
        with progress.step("Unpack the runtime"):
            for name in RUNTIME_PACKAGES:
                unpack_deb(debs[name], tree, DROPPED_FROM_DEBS, new / "licences")
            unpack_deb(debs[LICENCE_PACKAGE], tree, ("*",), new / "licences")
            for package in wheels:
                unpack_wheel(package.path, tree, DROPPED_FROM_WHEELS)
            count = drop_unneeded_libraries(tree)
            progress.say(f"  left out {count} libraries of wheels that nothing here needs")
            bundle_certificates(tree)
        with progress.step("Compile pyalsaaudio and systemd-python"):
            sysroot = _new_root(Path(temporary) / "sysroot")
            for name in (*RUNTIME_PACKAGES, *BUILD_PACKAGES):
                unpack_deb(debs[name], sysroot, ("usr/share", "etc"), None)
            for package in sources:
                work = Path(temporary) / package.name
                work.mkdir()
                compile_package(package, sysroot, tree / SITE_PACKAGES, work)
        with progress.step("Compile Python files of the runtime"):
            compile_tree(tree, tree)
        settle_modes(tree)
        new.rename(folder)


def _new_root(tree: Path) -> Path:
    """A root folder with Debian's merged /usr."""
    for name in MERGED:
        (tree / "usr" / name).mkdir(parents=True)
        (tree / name).symlink_to(f"usr/{name}")
    return tree


def bundle_certificates(tree: Path) -> None:
    """Join the certificates into the one file that OpenSSL is told of, as Debian does."""
    parts = sorted((tree / "usr/share/ca-certificates").rglob("*.crt"))
    bundle = tree / CERTIFICATES
    bundle.parent.mkdir(parents=True, exist_ok=True)
    bundle.write_bytes(b"".join(part.read_bytes().rstrip(b"\n") + b"\n" for part in parts))
    shutil.rmtree(tree / "usr/share/ca-certificates")
    # where OpenSSL looks for one file by itself
    default = tree / "usr/lib/ssl/cert.pem"
    default.parent.mkdir(parents=True, exist_ok=True)
    default.unlink(missing_ok=True)
    default.symlink_to(f"../../../{CERTIFICATES}")


def _key(debs: Sequence[Deb], packages: Sequence[PythonPackage]) -> str:
    code = [
        sha256(Path(__file__).with_name(f"{module}.py").read_bytes()).hexdigest()
        for module in _CODE
    ]
    told = [[asdict(deb) for deb in debs], [package.sha256 for package in packages], code]
    return sha256(json.dumps(told).encode()).hexdigest()[:24]
