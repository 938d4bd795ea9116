# SPDX-License-Identifier: Apache-2.0
"""Replaces the board's configuration as a whole, or not at all, whenever the power goes.

A folder cannot be replaced in one step on every file system, and the service has it mounted.
So the new files are laid down beside it (`config.new`), then one small file says that they
are whole: from then on the change is certain, and is carried through at this start or the
next one. kioskd never starts in between, because this runs before it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from driving_client.regular_file import read_regular
from kioskd.durable_files import Files, replace
from kioskd.first_boot.stick_files import Content
from kioskd.update.store import Store

_MODE: Final = 0o640
"""Read by the service's group, by nobody else: tokens and keys lie among them."""
_MAX_ORDER: Final = 1 << 20


def read_config(folder: Path) -> Content:
    """The files of a configuration folder, by relative path; raises OSError."""
    found = (path for path in _files(folder) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def stage(store: Store, content: Content, files: Files) -> Path:
    """Lay a new configuration down beside the one in force; its folder. Raises OSError."""
    folder = _staged(store)
    discard(store, files)
    files.make_folder(folder)
    _lay_down(folder, content, files)
    return folder


def discard(store: Store, files: Files) -> None:
    """Remove what was laid down and is not wanted, and its folder."""
    folder = _staged(store)
    for path in list(_files(folder)):
        files.remove(path)
    _remove_empty_folders(folder)
    with contextlib.suppress(OSError):
        folder.rmdir()


def commit(store: Store, content: Content, files: Files) -> None:
    """Make the staged files the configuration; raises OSError."""
    files.make_folder(store.state)
    lines = "".join(f"{_digest(content[name])} {name}\n" for name in sorted(content))
    replace(files, _order(store), f"{lines}sum={_digest(lines.encode())}\n".encode())
    finish(store, files)


def finish(store: Store, files: Files) -> bool:
    """Carry through what was certain when the power went; whether there was anything.

    What had been laid down and was not certain yet goes: tokens and keys may lie there.
    """
    wanted = _read_order(store)
    if wanted is None:
        discard(store, files)
        return False
    staged = read_config(_staged(store)) if _staged(store).is_dir() else {}
    whole = all(_digest(staged.get(name, b"")) == digest for name, digest in wanted.items())
    if whole:
        _put_in_place(store, {name: staged[name] for name in wanted}, files)
    files.remove(_order(store))
    files.sync_folder(store.state)
    discard(store, files)
    return whole


def keep_good(store: Store, files: Files, valid: Callable[[], bool]) -> None:
    """Keep a copy of the configuration if it has changed and is valid; writes differences."""
    good = good_folder(store)
    now, before = read_config(store.config), read_config(good) if good.is_dir() else {}
    if now == before or not valid():
        return
    files.make_folder(good)
    for name in before.keys() - now.keys():
        files.remove(good / name)
    _remove_empty_folders(good)
    changed = {name: content for name, content in now.items() if before.get(name) != content}
    _lay_down(good, changed, files)


def forget(store: Store, files: Files) -> None:
    """Remove every configuration: the one in force, its copy, and one that is on its way."""
    files.remove(_order(store))
    for folder in (store.config, _staged(store), good_folder(store)):
        listed = list(_files(folder))
        for path in listed:
            files.remove(path)
        for parent in {path.parent for path in listed}:
            files.sync_folder(parent)


def good_folder(store: Store) -> Path:
    """The copy of the last configuration that was valid."""
    return store.root / "config.good"


def _put_in_place(store: Store, content: Content, files: Files) -> None:
    files.make_folder(store.config)
    # First, for a file may take the place of a folder, or a folder that of a file
    for path in list(_files(store.config)):
        if str(path.relative_to(store.config)) not in content:
            files.remove(path)
    _remove_empty_folders(store.config)
    for name, data in content.items():
        path = store.config / name
        files.make_folder(path.parent)
        replace(files, path, data, _MODE)
    for folder in {store.config, *(path.parent for path in _files(store.config))}:
        files.sync_folder(folder)


def _lay_down(folder: Path, content: Content, files: Files) -> None:
    for name, data in content.items():
        path = folder / name
        files.make_folder(path.parent)
        files.write(path, [data], _MODE)
        files.sync(path)
    for parent in {folder, *((folder / name).parent for name in content)}:
        files.sync_folder(parent)


def _read_order(store: Store) -> dict[str, str] | None:
    try:
        text = read_regular(_order(store), _MAX_ORDER).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    lines, _, told = text.rpartition("sum=")
    if told.strip() != _digest(lines.encode()):
        return None
    pairs = (line.split(" ", 1) for line in lines.splitlines())
    return {name: digest for digest, name in pairs}


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent) / name for name in sorted(names))


def _remove_empty_folders(folder: Path) -> None:
    """Below `folder`. Nothing is lost with them, so it need not be durable."""
    for parent, _, _ in os.walk(folder, topdown=False):
        if Path(parent) != folder:
            with contextlib.suppress(OSError):
                Path(parent).rmdir()


def _staged(store: Store) -> Path:
    return store.root / "config.new"


def _order(store: Store) -> Path:
    return store.state / "config-import"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
