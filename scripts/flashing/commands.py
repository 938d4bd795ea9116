# SPDX-License-Identifier: Apache-2.0
"""Running the vendors' tools: their output in full, their progress while they run.

The tools write to a pipe in blocks, so that progress would come at the end; they are given a
pseudo-terminal. They run in a process group of their own: Ctrl-C reaches this program, which
stops them and says what state the board is in, instead of killing a write half-way unseen.
"""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from flashing.errors import FlashError
from flashing.report import Report

QUERY_TIMEOUT_S: Final = 30.0
_STOP_S: Final = 5.0
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PERCENT: Final = re.compile(r"\((\d{1,3})%\)")
# fastboot sends a large image in pieces: Writing 'userdata' 3/12
_PIECES: Final = re.compile(r"(?:Writing|Sending sparse) '[^']*' (\d+)/(\d+)")
# e2fsprogs lives there, and the PATH of an ordinary user may leave it out
_MORE_FOLDERS: Final = "/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Output:
    """What a command said (stdout and stderr as they came, without colours) and its status."""

    argv: tuple[str, ...]
    status: int
    text: str

    @property
    def last_line(self) -> str:
        """The last line that says something, for an error message."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        return lines[-1] if lines else f"no message, status {self.status}"


def find_tool(name: str, hint: str) -> str:
    """The path of a program; `hint` says how to install it."""
    path = shutil.which(name) or shutil.which(name, path=_MORE_FOLDERS)
    if path is None:
        raise FlashError(f"{name} is not installed: {hint}")
    return path


def query(argv: Sequence[str], timeout_s: float = QUERY_TIMEOUT_S) -> Output:
    """Run a short command that must end by itself."""
    return _run(argv, timeout_s, None, None)


def run(argv: Sequence[str], report: Report, done: Callable[[], float] | None = None) -> Output:
    """Run a command that may take long; shows it, and its progress.

    Progress is what it prints (see `progress_in`), or what `done` answers when asked now and then.
    """
    report.command(argv)
    return _run(argv, None, report.progress, done)


def progress_in(text: str) -> float | None:
    """The last fraction that a tool's output tells, 0 to 1; None where it tells none."""
    found = [(match.start(), int(match[1]) / 100) for match in _PERCENT.finditer(text)]
    found += [
        (match.start(), int(match[1]) / max(int(match[2]), 1)) for match in _PIECES.finditer(text)
    ]
    return max(found)[1] if found else None


def _run(
    argv: Sequence[str],
    timeout_s: float | None,
    on_fraction: Callable[[float], None] | None,
    done: Callable[[], float] | None,
) -> Output:
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            list(argv), stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, process_group=0
        )
    except OSError as error:
        os.close(ours)
        raise FlashError(f"{argv[0]} cannot be run: {error.strerror}") from None
    finally:
        os.close(theirs)
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    content = bytearray()
    try:
        while chunk := _read(ours, deadline, argv, on_fraction, done):
            content += chunk
            if on_fraction and (fraction := progress_in(chunk.decode("latin-1"))) is not None:
                on_fraction(fraction)
        status = process.wait()
    except BaseException:
        _stop(process)
        raise
    finally:
        os.close(ours)
    text = _ESCAPES.sub("", content.decode("utf-8", "replace")).replace("\r", "\n")
    return Output(tuple(argv), status, text)


def _read(
    ours: int,
    deadline: float | None,
    argv: Sequence[str],
    on_fraction: Callable[[float], None] | None,
    done: Callable[[], float] | None,
) -> bytes:
    """The next bytes; empty at the end."""
    while not select.select([ours], [], [], 0.2)[0]:
        if deadline is not None and time.monotonic() > deadline:
            raise FlashError(
                f"`{' '.join(argv)}` did not end; unplug the board, put it into its flash mode "
                "again and start over"
            )
        if on_fraction and done:
            on_fraction(done())
    try:
        return os.read(ours, 65536)
    except OSError:  # how a pseudo-terminal says that the last writer is gone
        return b""


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
