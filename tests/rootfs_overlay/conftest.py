# SPDX-License-Identifier: Apache-2.0
"""Boards, keys and images for the hook's tests; the images are made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hook_stage import SHELLS, Board, Images, make_image, make_keys, missing, mounts_allowed


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """Two good images and the key pair that signed them."""
    if missing("dash"):
        pytest.skip(f"no {missing('dash')}, which `make setup` brings")
    folder = tmp_path_factory.mktemp("images")
    keys = make_keys(folder / "keys.d")
    return Images(keys, make_image(folder, keys, "1.0"), make_image(folder, keys, "2.0"))


MakeBoard = Callable[[str], Board]


@pytest.fixture
def make_board(tmp_path: Path, images: Images) -> MakeBoard:
    """Makes a board, given its shell."""

    def make(shell: str) -> Board:
        if missing(shell):
            pytest.skip(f"no {missing(shell)}, which `make setup` brings")
        return Board(tmp_path / "board", images.keys.public.parent, shell)

    return make


@pytest.fixture(params=SHELLS)
def board(request: pytest.FixtureRequest, make_board: MakeBoard) -> Board:
    """A board with each kind of shell."""
    return make_board(str(request.param))


@pytest.fixture
def mounting_board(board: Board) -> Board:
    """A board whose scripts may mount."""
    if not mounts_allowed():
        pytest.skip("mount namespaces or loop devices are not allowed here (needs root)")
    return board
