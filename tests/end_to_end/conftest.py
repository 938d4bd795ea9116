# SPDX-License-Identifier: Apache-2.0
"""Processes that are gone after each test, and the avatar that they show."""

from __future__ import annotations

import itertools
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
def attempts(start: Start, tmp_path: Path) -> Iterator[tuple[Start, Path]]:
    """For each attempt at a story a folder, and a start whose earlier processes are gone."""

    def endless() -> Iterator[tuple[Start, Path]]:
        for number in itertools.count():
            begun: list[Process] = []

            def begin(*command: str, begun: list[Process] = begun) -> Process:
                begun.append(start(*command))
                return begun[-1]

            folder = tmp_path / f"attempt{number}"
            folder.mkdir()
            yield begin, folder
            for process in begun:
                process.kill()

    return endless()


@pytest.fixture
def avatar(root: Path) -> Path:
    return root / "config/avatars/default-20k.avatar"
