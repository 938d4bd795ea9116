# SPDX-License-Identifier: Apache-2.0
"""How kioskctl asks kioskd for a benchmark or for `avtest`, and how it hears of it.

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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from driving_client.regular_file import read_regular
from kioskd.durable_files import Files, replace
from kioskd.update.store import Store

logger = logging.getLogger(__name__)

REQUEST_S: Final = 60.0
LATENCY_MS: Final = 1000.0
"""The most that audio.latency_ms takes."""
_REQUEST: Final = "benchmark.request"
_PROGRESS: Final = "benchmark.progress"
_MAX_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """What is wished; `at` is the machine's monotonic clock in seconds, and names the request.

    With `avtest` it is no benchmark but flash and click, with `latency_ms` for audio.latency_ms
    (None: as configured).
    """

    soak: bool
    at: float
    avtest: bool = False
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What kioskd tells: which request, in which process, the lines so far, and how it ended.

    `problem` says why nothing was kept; it is empty where the result is, None until the end.
    """

    request: float
    process: int
    lines: tuple[str, ...]
    problem: str | None = None


def ask(
    files: Files,
    store: Store,
    soak: bool = False,
    *,
    avtest: bool = False,
    latency_ms: float | None = None,
) -> Request:
    """Ask the next start of kioskd for a benchmark, or for `avtest`; raises OSError."""
    request = Request(soak, time.monotonic(), avtest, latency_ms)
    replace(files, store.run / _REQUEST, json.dumps(asdict(request)).encode())
    return request


def withdraw(files: Files, store: Store) -> None:
    """Take it back; raises OSError."""
    files.remove(store.run / _REQUEST)


def waiting(store: Store) -> Request | None:
    """The request that is meant for this start of kioskd, if any."""
    try:
        told = json.loads(read_regular(store.run / _REQUEST, 4096))
        latency_ms = told.get("latency_ms")
        request = Request(
            bool(told["soak"]),
            float(told["at"]),
            bool(told.get("avtest", False)),
            None if latency_ms is None else _milliseconds(latency_ms),
        )
    except OSError:
        return None
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        logger.warning("%s: %s", store.run / _REQUEST, error, extra={"code": "no_benchmark"})
        return None
    taken = read_progress(store)
    if taken is not None and taken.request == request.at:
        return None
    return request if 0 <= time.monotonic() - request.at <= REQUEST_S else None


def _milliseconds(told: float) -> float:
    """Only what the configuration takes: it must never be why kioskd does not start."""
    if not 0 <= float(told) <= LATENCY_MS:
        raise ValueError(f"latency_ms is {told!r}, not 0 to {LATENCY_MS:.0f}")
    return float(told)


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
