# SPDX-License-Identifier: Apache-2.0
"""Asks the guest: shell scripts through a virtio port, answers with output and exit status.

The guest's side is `base_files`' shell. No network and no login are needed, so that it also
works where the guest's network is what is broken.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import select
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from image_test.errors import MachineError


@dataclass(frozen=True, slots=True)
class Answer:
    """Exit status and everything printed, standard error included."""

    status: int
    output: str


class GuestShell:
    """A connection to the shell in one machine."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(path))
        self._rest = b""
        # unique across connections: the guest may still answer one that is gone
        self._ids = itertools.count(time.monotonic_ns())

    def run(self, script: str, timeout_s: float = 60.0) -> Answer:
        """Run a script; raises MachineError when no answer comes in time."""
        number = next(self._ids)
        encoded = base64.b64encode(script.encode()).decode()
        self._socket.sendall(f"{number} {encoded}\n".encode())
        deadline = time.monotonic() + timeout_s
        while (line := self._line(deadline)) is not None:
            words = line.split()
            if words and words[0] == str(number):
                output = base64.b64decode(words[2]) if len(words) > 2 else b""
                return Answer(int(words[1]), output.decode("utf-8", "replace"))
        raise MachineError(f"the guest did not answer within {timeout_s:.0f} s: {script}")

    def wait_ready(self, timeout_s: float) -> None:
        """Until the shell answers at all: the guest has come to its user space."""
        deadline = time.monotonic() + timeout_s
        while True:
            left = deadline - time.monotonic()
            with contextlib.suppress(MachineError):
                self.run("true", min(3.0, max(left, 0.1)))
                return
            if left <= 0:
                raise MachineError(f"the guest's shell was not there within {timeout_s:.0f} s")

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _line(self, deadline: float) -> str | None:
        while b"\n" not in self._rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                return None
            try:
                data = self._socket.recv(1 << 16)
            except ConnectionError as error:
                raise MachineError(f"QEMU ended: {error}") from error
            if not data:
                raise MachineError("QEMU ended")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode("ascii", "replace")
