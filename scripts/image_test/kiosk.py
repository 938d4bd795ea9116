# SPDX-License-Identifier: Apache-2.0
"""The kiosk inside a machine, as its owner sees it: configuration stick, health port, service.

The stick is what first boot takes: kiosk.yaml, the avatar, a token, a certificate. Idle life is
off, so that the face rests in one pose and a screenshot can be compared with a picture; two
frames a second leave the emulated processor time for everything else.
"""

from __future__ import annotations

import json
import re
import secrets
import ssl
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from image_test.disk import stick
from image_test.machine import HOST, Machine
from kioskd.ctl.client import NoRedirects
from test_stand.protection import certificate

STICK_LABEL: Final = "KIOSKCFG"
START_S: Final = 600.0
"""Until kioskd has shown its first frame: Python and the compiling of shaders, emulated."""
_ANSWER_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Owner:
    """What only the kiosk's owner has: the token, and the certificate to know the kiosk by."""

    token: str
    certificate: str
    key: str

    def context(self) -> ssl.SSLContext:
        """Trusts this one certificate."""
        return ssl.create_default_context(cadata=self.certificate)


def new_owner() -> Owner:
    """A fresh token and a self-signed certificate for 127.0.0.1."""
    with tempfile.TemporaryDirectory(prefix="owner-") as folder:
        public, key = certificate(Path(folder))
        return Owner(secrets.token_hex(16), public.read_text(), key.read_text())


def kiosk_yaml(endpoint_port: int) -> str:
    """The kiosk's configuration; its endpoint is on the host."""
    return f"""\
avatar: {{path: small.avatar}}
display: {{frame_rate: 2}}
endpoint: {{url: "ws://{HOST}:{endpoint_port}/relay", say_url: "http://{HOST}:{endpoint_port}/say"}}
audio: {{buffer_ms: 1000}}
idle: {{enabled: false}}
health: {{address: 0.0.0.0}}
"""


def configuration_stick(owner: Owner, avatar: Path, endpoint_port: int, output: Path) -> Path:
    """A FAT image labelled KIOSKCFG with everything that the kiosk needs to know."""
    files = {
        "kiosk.yaml": kiosk_yaml(endpoint_port).encode(),
        "small.avatar": avatar.read_bytes(),
        "health-token": f"{owner.token}\n".encode(),
        "tls.crt": owner.certificate.encode(),
        "tls.key": owner.key.encode(),
    }
    return stick(files, output, STICK_LABEL)


class Kiosk:
    """Asks the kiosk of one machine over its health port and its service manager."""

    def __init__(self, machine: Machine, owner: Owner) -> None:
        self.machine = machine
        self.owner = owner
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),  # the token is for this machine's guest alone
            urllib.request.HTTPSHandler(context=owner.context()),
            NoRedirects(),
        )

    def get(self, path: str, token: str | None = None) -> bytes:
        """GET with the owner's token, or another; raises urllib's errors."""
        request = urllib.request.Request(f"https://{self.machine.url}{path}")
        request.add_header("Authorization", f"Bearer {token or self.owner.token}")
        with self._opener.open(request, timeout=_ANSWER_S) as answer:
            content: bytes = answer.read()
        return content

    def health(self) -> dict[str, Any]:
        """The health answer, also of a kiosk that is not well (status 503)."""
        try:
            told = self.get("/healthz")
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            told = error.read()
        answer: dict[str, Any] = json.loads(told)
        return answer

    def metric(self, name: str) -> float:
        """The sum of a metric's samples, or one sample by name and labels; 0 without any."""
        text = self.get("/metrics").decode()
        exact = re.escape(name) if "{" in name else rf"{name}(?:{{[^}}]*}})?"
        return sum(map(float, re.findall(rf"^{exact} (\S+)$", text, re.MULTILINE)))

    def wait_started(self, timeout_s: float = START_S) -> None:
        """Until systemd has had kioskd's word that the first frame is shown."""
        self.machine.until(
            "kioskd's first frame", lambda: True if self.state() == "active" else None, timeout_s
        )

    def state(self) -> str:
        """The service's state in systemd's words."""
        return self.show("ActiveState")

    def show(self, name: str) -> str:
        """One property of kioskd.service."""
        return self.machine.shell(f"systemctl show -P {name} kioskd", _ANSWER_S).strip()

    def reachable(self) -> bool | None:
        """True once the health port answers, else None."""
        try:
            self.get("/livez")
        except (OSError, urllib.error.URLError):
            return None
        return True
