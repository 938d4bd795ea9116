# SPDX-License-Identifier: Apache-2.0
"""A real kioskd process for tests, with a small made-up avatar and a real notify socket."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from splat_gles.avatar import Avatar, Framing, Joint
from splat_gles.bundle import write_bundle

ROOT = Path(__file__).resolve().parents[2]
GENEROUS_S = 60.0
"""For whatever must come, however little of the processor is left for it."""


def write_small_avatar(path: Path) -> Path:
    """A red ball of 400 splats whose lower half moves down with jawOpen."""
    rng = np.random.default_rng(7)
    positions = rng.normal(0.0, 0.05, (400, 3)).astype(np.float32)
    positions[:, 1] += 1.6
    covariances = np.zeros((400, 6), np.float32)
    covariances[:, [0, 3, 5]] = 1e-4
    colors = np.tile(np.array([0.9, 0.1, 0.1, 0.95], np.float32), (400, 1))
    deltas = np.zeros((1, 400, 3), np.float32)
    deltas[0, positions[:, 1] < 1.6, 1] = -0.03
    order = np.argsort(np.abs(deltas[0]).sum(axis=1) == 0, kind="stable")
    joints = np.zeros((400, 4), np.uint8)
    weights = np.zeros((400, 4), np.float32)
    weights[:, 0] = 1.0
    avatar = Avatar(
        name="ball",
        licence="CC0-1.0",
        parameter_space="arkit",
        framing=Framing((0.0, 1.6, 0.0), 0.4),
        positions=positions[order],
        covariances=covariances,
        colors=colors,
        blendshapes=("jawOpen",),
        deltas=deltas[:, order],
        joints=(Joint("root", -1, (0.0, 0.0, 0.0)), Joint("neck", 0, (0.0, 1.5, 0.0))),
        skin_joints=joints,
        skin_weights=weights,
        clips={},
    )
    write_bundle(avatar, path, source="made up for tests")
    return path


class KioskProcess:
    """A running daemon; `log` grows, `notices` are what it told the service manager."""

    def __init__(self, folder: Path, *arguments: str, config: str = "", **environment: str) -> None:
        self.config = folder / "kiosk.yaml"
        self.config.write_text(config)
        self.notices: list[str] = []
        self.log = ""
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(folder / "notify"))
        variables = {
            "SDL_VIDEODRIVER": "offscreen",
            "NOTIFY_SOCKET": str(folder / "notify"),
            "STATE_DIRECTORY": str(folder),
            **environment,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kioskd", "--config", str(self.config), *arguments],
            cwd=ROOT,
            env=os.environ | variables,
            stderr=subprocess.PIPE,
            text=True,
        )
        readers = (self._read_log, self._read_notices)
        self._readers = [threading.Thread(target=read, daemon=True) for read in readers]
        for reader in self._readers:
            reader.start()

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log += line

    def _read_notices(self) -> None:
        with contextlib.suppress(OSError):
            while message := self._notify.recv(4096).decode():
                self.notices.append(message)

    @property
    def url(self) -> str:
        found = re.search(r"http_listening: .* at (http\S+)/", self.log)
        assert found is not None, self.log
        return found.group(1)

    def wait_for(self, text: str) -> None:
        """Wait for a text in the log."""
        self.wait_until(lambda: text in self.log, repr(text))

    def wait_until(self, happened: Callable[[], bool], what: str) -> None:
        """Wait for something that must come while the daemon runs."""
        deadline = time.monotonic() + GENEROUS_S
        while not happened():
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.log}"
            assert time.monotonic() < deadline, f"no {what} in {GENEROUS_S} s:\n{self.log}"
            time.sleep(0.02)

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(f"{self.url}/{path}", timeout=GENEROUS_S) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def health(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.get("healthz")[1])
        return told

    def wait_for_check(self, name: str, status: str, code: str | None = None) -> dict[str, Any]:
        """Wait until a check has this status, and for this first reason; the check."""
        check: dict[str, Any] = {}

        def as_wanted() -> bool:
            check.update(self.health()["checks"].get(name, {}))
            codes = [reason["code"] for reason in check.get("reasons", [])]
            return check.get("status") == status and code in (None, *codes[:1])

        self.wait_until(as_wanted, f"check {name} with {status} {code or ''}")
        return check

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; the exit status, once the log and the notices are complete.

        Whether something held the end up shows in the log, by the daemon's own clock.
        """
        self.process.send_signal(number)
        status = self.process.wait(GENEROUS_S)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self._notify.getsockname())
        for reader in self._readers:
            reader.join(GENEROUS_S)
        return status

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        Path(self._notify.getsockname()).unlink()
        self._notify.close()


@contextlib.contextmanager
def running(
    folder: Path, *arguments: str, config: str = "", **environment: str
) -> Iterator[KioskProcess]:
    """A daemon without sound and endpoint that shows its first frame."""
    avatar = folder / "ball.avatar"
    if not avatar.exists():
        write_small_avatar(avatar)
    base = [
        "health.port=0",
        f"avatar.path={avatar}",
        "audio.enabled=false",
        "display.width=180",
        "display.height=320",
    ]
    options = [part for option in base for part in ("--set", option)]
    process = KioskProcess(folder, *options, *arguments, config=config, **environment)
    try:
        process.wait_for("ready: ")
        yield process
    finally:
        process.close()
