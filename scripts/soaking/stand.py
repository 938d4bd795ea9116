# SPDX-License-Identifier: Apache-2.0
"""The real processes: kioskd with TLS, a token and a sound device, and the embedded endpoint."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from test_stand.processes import READY_S, ROOT, Logged, StandError, start_kiosk
from test_stand.protection import TOKEN, any_certificate, protected
from test_stand.sound_daemon import PACED, environment_of, start_daemon, write_alsa_config
from test_stand.starvation import watching

ASK_S: Final = 30.0
STOP_S: Final = 2.0
"""From SIGTERM to the exit, as kioskd promises."""

_NEVER_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class End:
    """How it ended after SIGTERM; `late_s`: how late the machine woke whoever waited meanwhile."""

    status: int
    seconds: float
    late_s: float

    @property
    def allowed_s(self) -> float:
        """Both it and we may have been woken late."""
        return STOP_S + 2 * self.late_s

    @property
    def as_promised(self) -> bool:
        """Whether it ended well and in time."""
        return self.status == 0 and self.seconds <= self.allowed_s

    def __str__(self) -> str:
        starved = f", as we were woken {self.late_s:.2f} s late" if self.late_s else ""
        return (
            f"status {self.status} after {self.seconds:.2f} s; {self.allowed_s:.2f} s are "
            f"allowed{starved}"
        )


class Endpoint:
    """The embedded endpoint on one port, killed and started again."""

    def __init__(self, folder: Path, port: int) -> None:
        self.log = folder / "endpoint.log"
        self.port = port
        self._running: Logged | None = None

    def start(self) -> None:
        """Start it; returns once it listens."""
        before = len(self.log.read_bytes()) if self.log.exists() else 0
        self._running = Logged(self.log, "driving_client.endpoint", "--port", str(self.port))
        deadline = time.monotonic() + READY_S
        while b"listening on" not in self.log.read_bytes()[before:]:
            if self._running.process.poll() is not None or time.monotonic() > deadline:
                raise StandError(f"the endpoint does not start; see {self.log}")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it at once."""
        if self._running is not None:
            self._running.kill()
            self._running = None


class Kiosk:
    """A kioskd, asked over its own TLS port from this machine."""

    def __init__(self, folder: Path, endpoint_port: int) -> None:
        self._sound = None
        variables: dict[str, str] = {}
        settings: dict[str, object] = {"audio.enabled": "false"}
        if shutil.which("pulseaudio"):
            self._sound = start_daemon(folder)
            variables |= environment_of(folder)
            variables["ALSA_CONFIG_PATH"] = str(write_alsa_config(folder))
            settings = {"audio.device": PACED}
        self.sound = "PulseAudio's null sink over ALSA" if self._sound else "none"
        settings |= protected(folder) | {
            "avatar.path": ROOT / "config/avatars/default-20k.avatar",
            "display.width": 180,
            "display.height": 320,
            "display.frame_rate": 15,
            "endpoint.url": f"ws://127.0.0.1:{endpoint_port}/relay",
            "endpoint.say_url": f"http://127.0.0.1:{endpoint_port}/say",
        }
        self._run = start_kiosk(folder, settings, variables)
        self.log = self._run.log
        self._run.wait_for(r"ready: ")
        self.port = int(self._run.wait_for(r"http_listening: .*:(\d+)/")[1])
        self._tls = any_certificate()

    @property
    def pid(self) -> int:
        """Its process; raises StandError once it has ended."""
        return self._run.pid

    def ask(
        self, method: str, path: str, body: Any = None, kind: str = "application/json"
    ) -> tuple[int, bytes]:
        """Status and body of an answer; raises OSError or HTTPException where none comes."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}
        link = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=ASK_S, context=self._tls)
        with contextlib.closing(link):
            link.request(method, path, body=body, headers=headers)
            answer = link.getresponse()
            return answer.status, answer.read()

    def metric(self, name: str) -> float:
        """A metric, summed over its labels."""
        text = self.ask("GET", "/metrics")[1].decode()
        exact = re.escape(name) if "{" in name else rf"{name}(?:{{[^}}]*}})?"
        return sum(map(float, re.findall(rf"^{exact} (\S+)$", text, re.MULTILINE)))

    def health(self) -> dict[str, Any]:
        """The health answer."""
        told: dict[str, Any] = json.loads(self.ask("GET", "/healthz")[1])
        return told

    def stop(self) -> End:
        """SIGTERM, and the exit; raises StandError where none comes."""
        with watching() as probe:
            begin = time.monotonic()
            self._run.process.send_signal(signal.SIGTERM)
            try:
                status = self._run.process.wait(_NEVER_S)
            except subprocess.TimeoutExpired:
                raise StandError(f"it still runs {_NEVER_S:.0f} s after SIGTERM") from None
            return End(status, time.monotonic() - begin, probe.worst(begin))

    def close(self) -> None:
        """Leave nothing running."""
        self._run.kill()
        if self._sound is not None:
            self._sound.kill()
            self._sound.wait()
