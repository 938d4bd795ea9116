# SPDX-License-Identifier: Apache-2.0
"""The real processes: kioskd with TLS, a token and a sound device, and the embedded endpoint."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import resource
import shutil
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from sound_daemon import PACED, environment_of, start_daemon, write_alsa_config

ROOT: Final = Path(__file__).resolve().parents[2]
TOKEN: Final = "0123456789abcdef0123456789abcdef"
READY_S: Final = 120.0
ASK_S: Final = 30.0
STOP_S: Final = 60.0


class SoakError(Exception):
    """The soak cannot go on: a process does not start, or has ended."""


class Logged:
    """A process whose output is kept in a file."""

    def __init__(self, log: Path, *command: str, **variables: str) -> None:
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command], cwd=ROOT, stdout=file, stderr=file,
                env=os.environ | variables, preexec_fn=_as_a_service,
            )  # fmt: skip

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first line of the log that matches; raises SoakError."""
        deadline = time.monotonic() + READY_S
        while (found := re.search(pattern, self.log.read_text("utf-8", "replace"))) is None:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SoakError(f"no line like {pattern!r} in {self.log}")
            time.sleep(0.1)
        return found

    def kill(self) -> None:
        """SIGKILL, as from a power cut."""
        self.process.kill()
        self.process.wait()


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
                raise SoakError(f"the endpoint does not start; see {self.log}")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it at once."""
        if self._running is not None:
            self._running.kill()
            self._running = None


class Kiosk:
    """A kioskd, asked over its own TLS port from this machine."""

    def __init__(self, folder: Path, endpoint_port: int) -> None:
        self._folder = folder
        self._sound = None
        variables = {"SDL_VIDEODRIVER": "offscreen", "STATE_DIRECTORY": str(folder)}
        settings: dict[str, object] = {"audio.enabled": "false"}
        if shutil.which("pulseaudio"):
            self._sound = start_daemon(folder)
            variables |= environment_of(folder)
            variables["ALSA_CONFIG_PATH"] = str(write_alsa_config(folder))
            settings = {"audio.device": PACED}
        self.sound = "PulseAudio's null sink over ALSA" if self._sound else "none"
        settings |= _protected(folder) | {
            "avatar.path": ROOT / "config/avatars/default-20k.avatar",
            "display.width": 180, "display.height": 320, "display.frame_rate": 15,
            "endpoint.url": f"ws://127.0.0.1:{endpoint_port}/relay",
            "endpoint.say_url": f"http://127.0.0.1:{endpoint_port}/say",
        }  # fmt: skip
        (folder / "kiosk.yaml").write_text("{}\n")
        options = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        self._run = Logged(
            folder / "kioskd.log", "kioskd", "--config", str(folder / "kiosk.yaml"), *options,
            **variables,
        )  # fmt: skip
        self.log = self._run.log
        self._run.wait_for(r"ready: ")
        self.port = int(self._run.wait_for(r"http_listening: .*:(\d+)/")[1])
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._tls.check_hostname, self._tls.verify_mode = False, ssl.CERT_NONE

    @property
    def pid(self) -> int:
        """Its process; raises SoakError once it has ended."""
        if self._run.process.poll() is not None:
            raise SoakError(f"kioskd has ended with status {self._run.process.returncode}")
        return self._run.process.pid

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

    def stop(self) -> tuple[int, float]:
        """SIGTERM; exit status and seconds."""
        begin = time.monotonic()
        self._run.process.send_signal(signal.SIGTERM)
        status = self._run.process.wait(STOP_S)
        return status, time.monotonic() - begin

    def close(self) -> None:
        """Leave nothing running."""
        self._run.kill()
        if self._sound is not None:
            self._sound.kill()
            self._sound.wait()


def _protected(folder: Path) -> dict[str, object]:
    """The options of a kiosk that other machines reach."""
    (folder / "token").write_text(TOKEN)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
         folder / "key.pem", "-out", folder / "cert.pem", "-subj", "/CN=kiosk", "-days", "2"],
        check=True, capture_output=True,
    )  # fmt: skip
    return {
        "health.address": "0.0.0.0", "health.port": 0, "health.token_file": folder / "token",
        "health.tls_certificate": folder / "cert.pem", "health.tls_key": folder / "key.pem",
    }  # fmt: skip


def _as_a_service() -> None:
    """A service has 1,024 descriptors unless told otherwise."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
