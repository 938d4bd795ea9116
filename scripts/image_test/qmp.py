# SPDX-License-Identifier: Apache-2.0
"""QEMU's control socket: commands and answers as lines of JSON; events are passed over.

Protocol: docs/interop/qmp-spec.txt of QEMU.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any, Final

from image_test.errors import MachineError

TIMEOUT_S: Final = 120.0


class Qmp:
    """A connection to one machine's control socket."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(TIMEOUT_S)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("r", encoding="utf-8")
        self._answer("greeting")
        self.ask("qmp_capabilities")

    def ask(self, command: str, **arguments: Any) -> Any:
        """The command's return value; raises MachineError with QEMU's description."""
        request = {"execute": command, "arguments": arguments}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        answer = self._answer(command)
        if "error" in answer:
            raise MachineError(f"QEMU refused {command}: {answer['error']['desc']}")
        return answer.get("return")

    def monitor(self, line: str) -> None:
        """A command of the human monitor (savevm has no other form); its output is an error."""
        if output := self.ask("human-monitor-command", **{"command-line": line}).strip():
            raise MachineError(f"QEMU refused {line!r}: {output}")

    def close(self) -> None:
        """End the connection; the machine goes on."""
        self._socket.close()

    def _answer(self, command: str) -> dict[str, Any]:
        while True:
            try:
                line = self._lines.readline()
            except OSError as error:
                raise MachineError(f"QEMU did not answer {command}: {error}") from error
            if not line:
                raise MachineError(f"QEMU ended during {command}")
            answer: dict[str, Any] = json.loads(line)
            if "event" not in answer:
                return answer
