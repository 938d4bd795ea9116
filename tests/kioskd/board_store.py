# SPDX-License-Identifier: Apache-2.0
"""A machine that counts as a board, with a store and a run folder of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from kioskd.update.store import Store


def board_store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store, below `folder`; the environment tells of it as a board's hook does."""
    made = Store(folder / "store", folder / "run")
    made.data.mkdir(parents=True)
    made.run.mkdir()
    monkeypatch.setenv("KIOSK_STORE", str(made.root))
    monkeypatch.setenv("KIOSK_RUN", str(made.run))
    monkeypatch.setenv("KIOSK_HOOK_FORMAT", "1")
    return made
