# SPDX-License-Identifier: Apache-2.0
"""Configuration, boards and recipes are read by one reader: the same fault is told alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from avatar_maker.errors import BuildError
from avatar_maker.recipe import read_recipe
from firmware.boards import BoardError, read_board
from kioskd.config import ConfigError, load

READERS: dict[str, Callable[[Path], object]] = {
    "configuration": load,
    "board": read_board,
    "recipe": read_recipe,
}
FAULTS = {
    "not UTF-8": (b"a: 1\n\xff", ":2: not UTF-8 text"),
    "half a bracket": (b"a: 1\nb: [1\n", ":3: not valid YAML: expected ',' or ']'"),
    "a control character": (b"a: 1\nb: \x07\n", ":2: not valid YAML: holds U+0007, not text"),
    "nested without end": (b"[" * 5000, ": not valid YAML: nested too deeply"),
    "a key twice": (b"zz: {}\nzz: {}\n", ":2: zz: given twice, first in line 1; keep one"),
    "a list as a key": (b"? [a]\n: 1\n", ":1: ?: a key must be a plain word"),
    "an unknown key": (b"zz: {}\n", ":1: zz: unknown "),
}


def told(read: Callable[[Path], object], path: Path) -> str:
    with pytest.raises((ConfigError, BoardError, BuildError)) as caught:
        read(path)
    return str(caught.value)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("reader", READERS)
def test_a_fault_is_told_with_its_line(tmp_path: Path, reader: str, fault: str) -> None:
    content, words = FAULTS[fault]
    path = tmp_path / "file.yaml"
    path.write_bytes(content)
    assert f"{path}{words}" in told(READERS[reader], path)


@pytest.mark.parametrize("reader", READERS)
def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(
    tmp_path: Path, reader: str
) -> None:
    path = tmp_path / "file.yaml"
    right = {"configuration": "display", "board": "title", "recipe": "clothing"}[reader]
    path.write_text(f"{right[:-1]}: {{}}\n")
    assert f"; did you mean {right}?" in told(READERS[reader], path)
