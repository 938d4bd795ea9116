# SPDX-License-Identifier: Apache-2.0
"""Compiles for the board the two Python packages that are published as source only.

The C files are given to the cross compiler directly. Their setup scripts ask pkg-config and
the running Python about the host, which would have to be lied to; what they do is five
lines of compiler flags. Headers and libraries are Debian 12 arm64's own, never the host's,
so that a newer host does not make modules that need a newer glibc.
"""

from __future__ import annotations

import re
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware.errors import FirmwareError
from firmware.steps import run
from firmware.wheels import PythonPackage

COMPILER: Final = "aarch64-linux-gnu-gcc"
TRIPLET: Final = "aarch64-linux-gnu"
SUFFIX: Final = f".cpython-311-{TRIPLET}.so"


@dataclass(frozen=True, slots=True)
class _Extension:
    """One module: its dotted name, C files, and the library it is linked with."""

    module: str
    sources: tuple[str, ...]
    library: str


_EXTENSIONS: Final = {
    "pyalsaaudio": (_Extension("alsaaudio", ("alsaaudio.c",), "asound"),),
    "systemd-python": tuple(
        _Extension(f"systemd.{name}", tuple(f"systemd/{source}.c" for source in files), "systemd")
        for name, files in {
            "_journal": ("_journal", "pyutil"),
            "_reader": ("_reader", "pyutil", "strv"),
            "_daemon": ("_daemon", "pyutil", "util"),
            "id128": ("id128", "pyutil"),
            "login": ("login", "pyutil", "strv"),
        }.items()
    ),
}
_PYTHON_FILES: Final = {
    "pyalsaaudio": (),
    "systemd-python": ("systemd/__init__.py", "systemd/daemon.py", "systemd/journal.py"),
}


def compile_package(package: PythonPackage, sysroot: Path, target: Path, work: Path) -> None:
    """Compile a package into `target` (a site-packages folder); raises FirmwareError.

    `sysroot` holds the unpacked runtime and build packages, `work` is an empty folder.
    """
    source = _unpack(package, work)
    for extension in _EXTENSIONS[package.name]:
        _compile(extension, package, source, sysroot, target)
    for name in _PYTHON_FILES[package.name]:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes((source / name).read_bytes())
    information = target / f"{package.name.replace('-', '_')}-{package.version}.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_bytes((source / "PKG-INFO").read_bytes())
    for licence in sorted(source.glob("LICENSE*")):
        (information / licence.name).write_bytes(licence.read_bytes())


def _unpack(package: PythonPackage, work: Path) -> Path:
    with tarfile.open(package.path) as archive:
        for member in archive:
            parts = Path(member.name).parts
            if member.isfile() and ".." not in parts and not member.name.startswith("/"):
                path = work.joinpath(*parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(member)
                assert content is not None, "a regular file has content"
                path.write_bytes(content.read())
    folders = list(work.iterdir())
    if len(folders) != 1:
        raise FirmwareError(f"{package.path}: is not the source of one package")
    return folders[0]


def _compile(
    extension: _Extension, package: PythonPackage, source: Path, sysroot: Path, target: Path
) -> None:
    output = target / (extension.module.replace(".", "/") + SUFFIX)
    output.parent.mkdir(parents=True, exist_ok=True)
    version = (sysroot / f"usr/lib/{TRIPLET}/pkgconfig/libsystemd.pc").read_text("utf-8")
    systemd = re.search(r"^Version:\s*(\d+)", version, re.MULTILINE)
    if systemd is None:
        raise FirmwareError(f"{sysroot}: libsystemd.pc does not say its version")
    include = sysroot / "usr/include"
    own = run([COMPILER, "-print-file-name=include"], doing="asking the cross compiler")
    command: list[str | Path] = [COMPILER, "-shared", "-fPIC", "-O2", "-g0", "-fwrapv", "-DNDEBUG"]
    command += ["-std=gnu99", "-Werror=implicit-function-declaration"]
    command += [f'-DPACKAGE_VERSION="{package.version}"', f"-DLIBSYSTEMD_VERSION={systemd[1]}"]
    # paths of this machine must not get into the module
    command += [f"-ffile-prefix-map={source}=.", f"-ffile-prefix-map={sysroot}="]
    command += [f"--sysroot={sysroot}", "-nostdinc"]
    for folder in (own.decode().strip(), include / "python3.11", include / TRIPLET, include):
        command += ["-isystem", folder]
    command += extension.sources
    command += [f"-B{sysroot}/usr/lib/{TRIPLET}", f"-L{sysroot}/usr/lib/{TRIPLET}"]
    command += [f"-l{extension.library}"]
    command += ["-Wl,--build-id=none", "-Wl,-z,relro,-z,now", "-Wl,-s", "-o", output]
    run(
        command,
        doing=f"compiling {extension.module} of {package.name} {package.version}",
        folder=source,
        environment={"SOURCE_DATE_EPOCH": "0"},
    )
