# SPDX-License-Identifier: Apache-2.0
"""Processes that are gone after each test, and the avatar that they show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kiosk_rig import Start
from processes import Process


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a module as a process that is gone after the test."""
    started: list[Process] = []

    def begin(*command: str) -> Process:
        started.append(Process(*command))
        return started[-1]

    yield begin
    for process in started:
        process.kill()


@pytest.fixture
def avatar(root: Path) -> Path:
    return root / "config/avatars/default-20k.avatar"
