# SPDX-License-Identifier: Apache-2.0
"""The real processes of a kiosk, started and watched as an operator would."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")
GENEROUS_S = 60.0
"""For whatever must come, however little of the processor is left for it."""


class Process:
    """A command whose output is collected line by line."""

    def __init__(self, *command: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first line that matches, wherever it was or will be printed."""

        def found() -> re.Match[str] | None:
            assert self.process.poll() is None, f"ended with {self.process.poll()}:\n{self.text}"
            return next(filter(None, (re.search(pattern, line) for line in self.lines)), None)

        return until(found, lambda: f"no line like {pattern!r} in:\n{self.text}")

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def terminate(self) -> int:
        """SIGTERM; the exit status, once all output has been read."""
        self.process.terminate()
        status = self.process.wait(GENEROUS_S)
        self._reader.join(GENEROUS_S)
        return status

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def until(
    probe: Callable[[], T | None],
    complaint: Callable[[], str],
    within_s: float = GENEROUS_S,
) -> T:
    """The probe's first answer that is not None; fails with the complaint after the time."""
    deadline = time.monotonic() + within_s
    while (answer := probe()) is None:
        assert time.monotonic() < deadline, complaint()
        time.sleep(0.05)
    return answer


def fetch(url: str, body: dict[str, Any] | bytes | None = None) -> bytes:
    """GET, or POST a JSON object or raw bytes."""
    headers = {}
    data = body
    if isinstance(body, dict):
        data = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(url, data=data, headers=headers)  # type: ignore[arg-type]
    with urllib.request.urlopen(request, timeout=GENEROUS_S) as answer:
        content: bytes = answer.read()
    return content


def fetch_json(url: str, body: dict[str, Any] | bytes | None = None) -> Any:
    return json.loads(fetch(url, body))


def metric(url: str, name: str) -> float:
    """A metric's sample, or the sum over its labels where none is named; 0 where it has none."""
    text = fetch(f"{url}/metrics").decode()
    exact = re.escape(name) if "{" in name else rf"{name}(?:{{[^}}]*}})?"
    values = re.findall(rf"^{exact} (\S+)$", text, re.MULTILINE)
    return sum(map(float, values))


def within(url: str, histogram: str, limit: float, late_s: float = 0.0) -> float:
    """The share of a histogram's observations, under all labels, within a limit in seconds.

    `late_s`: how late the machine woke whoever waited. Up to three wait for each other on the
    way from wire to picture, so the limit grows by three times that, to the next bucket; to the
    last finite one at most, for the one after that holds everything.
    """
    return share_within(fetch(f"{url}/metrics").decode(), histogram, limit + 3 * late_s)


def share_within(metrics: str, histogram: str, limit: float) -> float:
    """The same of metrics as they are written; a limit beyond the finite buckets is the last."""
    bucket = rf'^{histogram}_bucket{{(?:.*,)?le="([^"]+)"(?:,.*)?}} (\S+)$'
    buckets: dict[float, float] = {}
    for bound, count in re.findall(bucket, metrics, re.MULTILINE):
        buckets[float(bound)] = buckets.get(float(bound), 0.0) + float(count)
    everything = buckets.pop(math.inf, 0.0)
    assert everything, f"{histogram} has observed nothing"
    limit = min(limit, max(buckets))
    return buckets[min(bound for bound in buckets if bound >= limit)] / everything
