# SPDX-License-Identifier: Apache-2.0
"""Records what is done to files, and replays what a power cut leaves of it.

The disk forgets everything that was not synced, in the ways that real ones do: of the names
changed in a folder since its last sync only the first few are kept, independently of other
folders; of a file's content since its last sync nothing, a part, zeros, or all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kioskd.durable_files import DiskFiles

Step = tuple[str, Path, object]
Choose = Callable[[int], int]
"""Given n, takes one of 0…n-1: what chance decides when the power goes."""


@dataclass
class Recorder(DiskFiles):
    """Does it for real and keeps a list of the steps, a write's chunks one by one."""

    steps: list[Step] = field(default_factory=list)

    def write(self, path: Path, chunks: Iterable[bytes], mode: int) -> None:
        self.steps.append(("create", path, None))
        super().write(path, self._told(path, chunks), mode)

    def _told(self, path: Path, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self.steps.append(("append", path, bytes(chunk)))

    def sync(self, path: Path) -> None:
        super().sync(path)
        self.steps.append(("sync", path, None))

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self.steps.append(("rename", source, target))

    def remove(self, path: Path) -> None:
        if path.exists():
            super().remove(path)
            self.steps.append(("remove", path, None))

    def make_folder(self, path: Path) -> None:
        if not path.is_dir():
            super().make_folder(path)
            self.steps.append(("folder", path, None))

    def sync_folder(self, path: Path) -> None:
        super().sync_folder(path)
        self.steps.append(("sync_folder", path, None))


@dataclass
class _File:
    durable: bytes | None = None
    current: bytes = b""

    def after_cut(self, choose: Choose) -> bytes:
        if self.durable == self.current:
            return self.current
        half = self.current[: len(self.current) // 2]
        remains = [self.durable or b"", self.current, b"", half, bytes(len(self.current))]
        return remains[choose(len(remains))]


class Disk:
    """A disk that starts with the durable content of a real folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.names: dict[Path, dict[str, _File]] = {}
        self.durable: dict[Path, dict[str, _File]] = {}
        self.unsynced: dict[Path, list[dict[str, _File]]] = {}
        for folder, _, files in os.walk(root):
            here = Path(folder)
            self.names[here] = {}
            for name in files:
                content = (here / name).read_bytes()
                self.names[here][name] = _File(content, content)
            self._sync_folder(here)

    def do(self, step: Step) -> None:
        kind, path, detail = step
        if kind in ("create", "rename"):
            for folders in (self.names, self.durable, self.unsynced):
                # An empty folder was removed to make room for the file
                folders.pop(detail if isinstance(detail, Path) else path, None)
        folder = self.names.setdefault(path.parent, {})
        if kind == "create":
            if path.name in folder:
                folder[path.name].current = b""
            else:
                folder[path.name] = _File()
                self._changed(path.parent)
        elif kind == "append":
            assert isinstance(detail, bytes)
            folder[path.name].current += detail
        elif kind == "sync":
            folder[path.name].durable = folder[path.name].current
        elif kind == "rename":
            assert isinstance(detail, Path)
            assert detail.parent == path.parent
            folder[detail.name] = folder.pop(path.name)
            self._changed(path.parent)
        elif kind == "remove":
            folder.pop(path.name, None)
            self._changed(path.parent)
        elif kind == "folder":
            self.names.setdefault(path, {})
            self._sync_folder(path)
        else:
            assert kind == "sync_folder"
            self._sync_folder(path)

    def after_cut(self, target: Path, choose: Choose) -> None:
        """Write what the next start finds into `target`."""
        for folder, durable in self.durable.items():
            versions = [durable, *self.unsynced[folder]]
            names = versions[choose(len(versions))]
            there = target / folder.relative_to(self.root)
            there.mkdir(parents=True, exist_ok=True)
            for name, file in names.items():
                (there / name).write_bytes(file.after_cut(choose))

    def _changed(self, folder: Path) -> None:
        self.unsynced.setdefault(folder, []).append(dict(self.names[folder]))
        self.durable.setdefault(folder, {})

    def _sync_folder(self, folder: Path) -> None:
        self.durable[folder] = dict(self.names[folder])
        self.unsynced[folder] = []


def nothing_kept(_count: int) -> int:
    """Chance at its worst for what is new: nothing that was not synced is there."""
    return 0


def everything_kept(count: int) -> int:
    """Chance at its best for names, and whole content."""
    return 1 if count == 5 else count - 1


def names_without_content(count: int) -> int:
    """What delayed allocation does: the rename is there, the file is empty."""
    return 2 if count == 5 else count - 1


EXTREMES: tuple[Choose, ...] = (nothing_kept, everything_kept, names_without_content)
