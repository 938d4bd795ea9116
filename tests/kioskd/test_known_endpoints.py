# SPDX-License-Identifier: Apache-2.0
"""Which endpoints have worked is kept over restarts, and its file never stops anything."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from power_cuts import Disk, Recorder

from kioskd.durable_files import DiskFiles
from kioskd.link.known_endpoints import FILE_NAME, MOST, KnownEndpoints


def key(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def noted(folder: Path, *numbers: int) -> KnownEndpoints:
    """A record that was told of endpoints, in its file as well."""
    record = KnownEndpoints(folder)
    for number in numbers:
        record.note(key(number))
    record.write()
    return record


def test_what_has_worked_is_known_after_a_restart(tmp_path: Path) -> None:
    assert not KnownEndpoints(tmp_path).has_worked(key(1))
    noted(tmp_path, 1, 2)
    again = KnownEndpoints(tmp_path)
    assert again.has_worked(key(1))
    assert again.has_worked(key(2))
    assert not again.has_worked(key(3))


def test_a_note_is_written_by_itself_and_only_where_it_is_news(tmp_path: Path) -> None:
    record = KnownEndpoints(tmp_path)
    record.note(key(1))
    deadline = time.monotonic() + 60
    while not KnownEndpoints(tmp_path).has_worked(key(1)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    record.write()  # waits for the thread
    before = (tmp_path / FILE_NAME).stat().st_ino
    for _ in range(100):
        record.note(key(1))
    record.write()
    assert before
    assert len(json.loads((tmp_path / FILE_NAME).read_text())) == 1


def test_only_the_last_ones_are_kept(tmp_path: Path) -> None:
    noted(tmp_path, *range(MOST + 5), 5)
    record = KnownEndpoints(tmp_path)
    assert record.has_worked(key(5)), "it has worked again"
    assert not record.has_worked(key(0))
    assert len(json.loads((tmp_path / FILE_NAME).read_text())) == MOST


@settings(max_examples=25)
@given(st.binary() | st.builds(lambda value: json.dumps(value).encode(), st.lists(st.text())))
def test_a_damaged_file_means_that_nothing_is_known(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("state")
    (folder / FILE_NAME).write_bytes(content)
    assert not KnownEndpoints(folder).has_worked(key(1))
    noted(folder, 1)
    assert KnownEndpoints(folder).has_worked(key(1))


@pytest.mark.parametrize("kind", ["fifo", "folder", "link", "huge", "nested"])
def test_something_else_in_the_files_place_is_damage(tmp_path: Path, kind: str) -> None:
    file = tmp_path / FILE_NAME
    match kind:
        case "fifo":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case "link":
            file.symlink_to("/dev/zero")
        case "huge":
            file.write_text(json.dumps([key(number) for number in range(10_000)]))
        case "nested":
            file.write_text("[" * 10_000)
    record = KnownEndpoints(tmp_path)
    assert not record.has_worked(key(1))
    record.note(key(1))
    record.write()
    assert record.has_worked(key(1))


def test_a_fifo_where_it_is_written_is_told_and_holds_no_thread(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    os.mkfifo(tmp_path / f"{FILE_NAME}.new")
    record = KnownEndpoints(tmp_path)
    record.note(key(1))
    deadline = time.monotonic() + 60
    while "known_endpoints_not_kept" not in [each.__dict__["code"] for each in caplog.records]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert record.has_worked(key(1))


def test_without_a_folder_or_a_medium_it_is_known_until_the_end(tmp_path: Path) -> None:
    for folder in (None, tmp_path / "nowhere"):
        record = KnownEndpoints(folder)
        record.note(key(1))
        assert record.has_worked(key(1))


def test_a_medium_that_stands_still_holds_no_link_up(tmp_path: Path) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    class StuckFiles(DiskFiles):
        def write(self, path: Path, chunks: Iterable[bytes], mode: int) -> None:
            begun.set()
            assert goes_on.wait(60)
            super().write(path, chunks, mode)

    record = KnownEndpoints(tmp_path, StuckFiles())
    answers: list[bool] = []

    def link() -> None:
        record.note(key(1))
        assert begun.wait(60)
        record.note(key(2))
        answers.append(record.has_worked(key(1)))

    thread = threading.Thread(target=link, daemon=True)
    thread.start()
    thread.join(60)
    answered = answers == [True]
    goes_on.set()
    assert answered
    record.write()
    deadline = time.monotonic() + 60
    while not KnownEndpoints(tmp_path).has_worked(key(2)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@settings(max_examples=40)
@given(st.data())
def test_a_power_cut_leaves_what_was_known_before_or_after(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder, rest = tmp_path_factory.mktemp("state"), tmp_path_factory.mktemp("rest")
    noted(folder, 1)
    disk, files = Disk(folder), Recorder()
    record = KnownEndpoints(folder, files)
    record.note(key(2))
    record.write()
    assert files.steps
    for step in files.steps[: data.draw(st.integers(0, len(files.steps)))]:
        disk.do(step)
    disk.after_cut(rest, lambda count: data.draw(st.integers(0, count - 1)))
    after = KnownEndpoints(rest)
    assert after.has_worked(key(1))
