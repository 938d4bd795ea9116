# SPDX-License-Identifier: Apache-2.0
"""How kioskctl asks kioskd for a benchmark, and how it hears of it.

`benchmark.request` lies in the folder that lasts until the next boot and that only root writes,
so a board that lost its power meanwhile starts as ever. The next start of kioskd takes it by
beginning `benchmark.progress` in the data folder, which names the request: whatever happens to that
start, the one after it shows the avatar. A request counts for REQUEST_S. In the progress are lines
for a person and at its end whether the result was kept; it need not last.
"""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from driving_client.regular_file import read_regular
from kioskd.durable_files import Files, replace
from kioskd.update.store import Store

logger = logging.getLogger(__name__)

REQUEST_S: Final = 60.0
_REQUEST: Final = "benchmark.request"
_PROGRESS: Final = "benchmark.progress"
_MAX_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """What is wished; `at` is the machine's monotonic clock in seconds, and names the request."""

    soak: bool
    at: float


@dataclass(frozen=True, slots=True)
class Progress:
    """What kioskd tells: which request, in which process, the lines so far, and how it ended.

    `problem` says why nothing was kept; it is empty where the result is, None until the end.
    """

    request: float
    process: int
    lines: tuple[str, ...]
    problem: str | None = None


def ask(files: Files, store: Store, soak: bool) -> Request:
    """Ask the next start of kioskd for a benchmark; raises OSError."""
    request = Request(soak, time.monotonic())
    told = json.dumps({"soak": request.soak, "at": request.at})
    replace(files, store.run / _REQUEST, told.encode())
    return request


def withdraw(files: Files, store: Store) -> None:
    """Take it back; raises OSError."""
    files.remove(store.run / _REQUEST)


def waiting(store: Store) -> Request | None:
    """The request that is meant for this start of kioskd, if any."""
    try:
        told = json.loads(read_regular(store.run / _REQUEST, 4096))
        request = Request(bool(told["soak"]), float(told["at"]))
    except OSError:
        return None
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        logger.warning("%s: %s", store.run / _REQUEST, error, extra={"code": "no_benchmark"})
        return None
    taken = read_progress(store)
    if taken is not None and taken.request == request.at:
        return None
    return request if 0 <= time.monotonic() - request.at <= REQUEST_S else None


def measuring(store: Store) -> bool:
    """Whether kioskd measures now, and so answers nothing."""
    now = read_progress(store)
    return now is not None and now.problem is None and Path(f"/proc/{now.process}").exists()


class ProgressFile:
    """kioskd's side. Once begun, a medium that takes no more lines does not stop the benchmark."""

    def __init__(self, store: Store, request: Request) -> None:
        """Raises OSError where the request cannot be taken: it must not be followed then."""
        self._path = store.data / _PROGRESS
        self._path.unlink(missing_ok=True)
        self._add({"request": request.at, "process": os.getpid()})

    def line(self, text: str) -> None:
        """A line for a person."""
        self._try({"line": text})

    def end(self, problem: str) -> None:
        """It is over; see Progress."""
        self._try({"problem": problem})

    def _try(self, told: dict[str, str]) -> None:
        try:
            self._add(told)
        except OSError as error:
            logger.warning("%s: %s", self._path, error.strerror, extra={"code": "progress_lost"})

    def _add(self, told: dict[str, str] | dict[str, float]) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        with os.fdopen(os.open(self._path, flags, 0o644), "wb") as file:
            file.write(json.dumps(told).encode() + b"\n")


def read_progress(store: Store) -> Progress | None:
    """kioskctl's side; None before any."""
    try:
        lines = read_regular(store.data / _PROGRESS, _MAX_BYTES).split(b"\n")[:-1]
        first, *others = [json.loads(line) for line in lines]
        ends = [str(each["problem"]) for each in others if "problem" in each]
        texts = tuple(str(each["line"]) for each in others if "line" in each)
        return Progress(
            float(first["request"]), int(first["process"]), texts, ends[-1] if ends else None
        )
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return None
