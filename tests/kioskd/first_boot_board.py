# SPDX-License-Identifier: Apache-2.0
"""A board before its first start, a stick, and what is in force afterwards."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest

from kioskd.config import Config, load
from kioskd.durable_files import DiskFiles
from kioskd.first_boot.identity import Identity
from kioskd.first_boot.result import Provisioning
from kioskd.first_boot.run import first_boot
from kioskd.update.store import Store

BOARD = Identity("SN-0001", "device tree")
CONFIG = Path("/etc/kiosk")


def leave_out_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy disk takes its time; what syncs are for is tested where the power goes."""
    monkeypatch.setattr(DiskFiles, "sync", lambda *_: None)
    monkeypatch.setattr(DiskFiles, "sync_folder", lambda *_: None)


def new_store(folder: Path) -> Store:
    store = Store(folder / "store", folder / "run")
    store.run.mkdir()
    return store


def boot(store: Store, stick: Path | None = None, board: Identity = BOARD) -> Provisioning:
    return first_boot(store, DiskFiles(), board, None if stick is None else nullcontext(stick))


def make_stick(folder: Path, files: dict[str, str | bytes]) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def token(store: Store) -> str:
    return (store.config / "health-token").read_text().strip()


def in_force(store: Store) -> Config:
    return load(store.config / "kiosk.yaml", stands_for=CONFIG).config
