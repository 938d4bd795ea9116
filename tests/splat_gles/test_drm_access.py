# SPDX-License-Identifier: Apache-2.0
"""Why a card cannot be drawn on: what the kernel answers, and what is made of it."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from splat_gles.drm_access import obstacle


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    (tmp_path / "card1").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.EACCES, "forbidden"),
        (errno.EPERM, "forbidden"),
        (errno.EBUSY, "busy"),
        (errno.ENODEV, None),
    ],
)
def test_a_card_that_cannot_be_opened(
    devices: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: str | None
) -> None:
    """Groups that are missing, a rule of the service's, a driver that has gone."""

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    assert obstacle(1, devices) == expected


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.EACCES, "busy"), (errno.EINVAL, None), (0, None)]
)
def test_whether_another_program_is_the_cards_master(
    devices: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: str | None
) -> None:
    """To its master the kernel says that nobody has the number 0; to others, to keep out."""
    asked: list[tuple[int, bytes]] = []

    def answer(card: int, request: int, argument: bytes) -> None:
        asked.append((request, argument))
        if number:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "ioctl", answer)
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert obstacle(1, devices) == expected
    assert asked == [(0x40046411, bytes(4))]
    assert len(list(Path("/proc/self/fd").iterdir())) == before, "the card is let go"


def test_a_card_without_a_device_is_no_question_of_rights(devices: Path) -> None:
    assert obstacle(7, devices) is None
    assert obstacle(1, devices) is None, "and a file that is no card at all is left to SDL's words"
