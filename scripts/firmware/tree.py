# SPDX-License-Identifier: Apache-2.0
"""Lays out a payload's tree from packages, without root and the same on every machine.

Files get one of two modes and nothing of their owner, times or attributes is kept, so a
tree depends on nothing but the contents that went in. Debian's `/lib` and `/bin` are folded
into `/usr`, as on an installed system. Set-uid bits are dropped with the modes.
"""

from __future__ import annotations

import io
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Final

from firmware.errors import FirmwareError
from firmware.steps import run

MERGED: Final = ("bin", "lib", "sbin")
COMMON_LICENCES: Final = "usr/share/common-licenses"
SITE_PACKAGES: Final = "usr/lib/kiosk/site-packages"


def unpack_deb(deb: Path, tree: Path, dropped: Sequence[str], licences: Path | None) -> None:
    """Add a package's files; its copyright file goes to `licences/<package>/copyright`."""
    package = deb.name.partition("_")[0]
    stream = run(["dpkg-deb", "--fsys-tarfile", deb], doing=f"unpacking {deb.name}")
    with tarfile.open(fileobj=io.BytesIO(stream)) as archive:
        for member in archive:
            path = _merged(_safe(member.name, deb))
            if licences is not None:
                _take_licence(archive, member, path, package, licences)
            if not path or member.isdir() or is_dropped(path, dropped):
                continue
            target = tree / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if member.issym():
                target.symlink_to(member.linkname)
            elif member.isfile():
                _write(target, _content(archive, member), executable=bool(member.mode & 0o100))
            elif member.islnk():
                original = tree / _merged(_safe(member.linkname, deb))
                shutil.copyfile(original, target)
                shutil.copymode(original, target)


def _take_licence(
    archive: tarfile.TarFile, member: tarfile.TarInfo, path: str, package: str, licences: Path
) -> None:
    folder, _, common = path.rpartition("/")
    target = licences / package
    if path == f"usr/share/doc/{package}" and member.issym():
        # several packages of one source share their documents
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(member.linkname)
    elif path == f"usr/share/doc/{package}/copyright" and member.isfile():
        target.mkdir(parents=True, exist_ok=True)
        _write(target / "copyright", _content(archive, member), executable=False)
    elif folder == COMMON_LICENCES and member.isfile():
        (licences / "common-licenses").mkdir(parents=True, exist_ok=True)
        target = licences / "common-licenses" / common
        _write(target, _content(archive, member), executable=False)


def unpack_wheel(wheel: Path, tree: Path, dropped: Sequence[str]) -> None:
    """Add a wheel's modules to site-packages, with its metadata and licences."""
    site = tree / SITE_PACKAGES
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            path = _safe(entry.filename, wheel)
            first, _, rest = path.partition("/")
            if first.endswith(".data"):
                kind, _, path = rest.partition("/")
                if kind not in ("purelib", "platlib"):
                    continue
            if entry.is_dir() or is_dropped(path, dropped):
                continue
            if first.endswith(".dist-info") and rest in ("RECORD", "WHEEL", "top_level.txt"):
                continue
            target = site / path
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(target, archive.read(entry), executable=False)


def copy_tree(source: Path, target: Path) -> None:
    """Add a folder's files and links to a tree; refuses to write over another file."""
    for path in walk(source):
        copy = target / path.relative_to(source)
        if path.is_symlink():
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.symlink_to(path.readlink())
        elif path.is_dir():
            copy.mkdir(parents=True, exist_ok=True)
        elif copy.exists():
            raise FirmwareError(f"{path}: two parts of the payload hold the file {copy}")
        else:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            copy.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def walk(tree: Path) -> Iterator[Path]:
    """Everything below a folder in order of name, links not followed."""
    for path in sorted(tree.iterdir()):
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from walk(path)


def settle_modes(tree: Path) -> None:
    """Give every folder and file its mode, whatever umask made them; refuse other things."""
    tree.chmod(0o755)
    for path in walk(tree):
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            path.chmod(0o755)
        elif stat.S_ISREG(mode):
            path.chmod(0o755 if mode & 0o100 else 0o644)
        elif not stat.S_ISLNK(mode):
            raise FirmwareError(f"{path}: neither a file, a folder nor a link")


def is_dropped(path: str, patterns: Sequence[str]) -> bool:
    """Whether a path or a folder that holds it is named; a bare word matches any part."""
    pure = PurePosixPath(path)
    for each in (pure, *pure.parents):
        text = str(each)
        for pattern in patterns:
            if fnmatch(text, pattern) or ("/" not in pattern and fnmatch(each.name, pattern)):
                return True
    return False


def _safe(name: str, archive: Path) -> str:
    """A member's path without leading `./`; raises FirmwareError where it leads outside."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise FirmwareError(f"{archive}: holds a path that leads outside ({name})")
    return "" if str(path) == "." else str(path)


def _merged(path: str) -> str:
    return f"usr/{path}" if path.partition("/")[0] in MERGED else path


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = archive.extractfile(member)
    assert content is not None, "a regular file has content"
    return content.read()


def _write(path: Path, content: bytes, *, executable: bool) -> None:
    path.write_bytes(content)
    path.chmod(0o755 if executable else 0o644)
