# SPDX-License-Identifier: Apache-2.0
"""Names that come from outside and are no files: told at once, in words, by both packages."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

import driving_client.regular_file
import splat_gles.regular_file

Read = Callable[[Path, int], bytes]
BOTH = pytest.mark.parametrize(
    "read",
    [driving_client.regular_file.read_regular, splat_gles.regular_file.read_regular],
    ids=["driving_client", "splat_gles"],
)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@BOTH
def test_a_file_is_read_as_far_as_it_may_go(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1024)
    assert read(path, 1024) == b"x" * 1024
    link = tmp_path / "link"
    link.symlink_to(path)
    assert read(link, 1024) == b"x" * 1024
    with pytest.raises(OSError) as caught:
        read(path, 1023)
    assert "larger than the" in caught.value.strerror


@BOTH
def test_a_file_that_says_it_is_empty_and_is_not_is_bounded_too(read: Read) -> None:
    """As all of /proc does; a file that grows while it is read is the same."""
    assert Path("/proc/self/maps").stat().st_size == 0
    with pytest.raises(OSError) as caught:
        read(Path("/proc/self/maps"), 10)
    assert "larger than the" in caught.value.strerror


@BOTH
@pytest.mark.parametrize("kind", ["FIFO", "FIFO with a writer", "folder", "socket", "device"])
def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path, read: Read, kind: str) -> None:
    path = tmp_path / "odd"
    writer = -1
    if kind.startswith("FIFO"):
        os.mkfifo(path)
        if "writer" in kind:
            writer = os.open(path, os.O_RDWR)
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    else:
        path.symlink_to("/dev/zero")
    before = open_files()
    with pytest.raises(OSError) as caught:
        read(path, 1024)
    assert caught.value.strerror
    assert open_files() == before
    if writer >= 0:
        os.close(writer)


@BOTH
@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 5000, ""], ids=ascii)
def test_what_is_no_name_is_an_error_like_the_others(read: Read, name: str) -> None:
    with pytest.raises(OSError):
        read(Path(name), 1024)
