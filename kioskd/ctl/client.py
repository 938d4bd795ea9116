# SPDX-License-Identifier: Apache-2.0
"""Asks a running kioskd over its health port, with nothing but the standard library."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kioskd.errors import KioskError

TIMEOUT_S = 20.0
_HEALTH_KEYS = {"status", "version", "uptime_s", "checks"}


class ControlError(KioskError):
    """kioskd cannot be asked, or refuses."""


class Client:
    """One kiosk's health port; `authority` is a PEM file to trust besides the system's.

    `pinned`: the authority is the server's own certificate, whatever names stand in it.
    """

    def __init__(
        self,
        url: str,
        token_file: Path | None,
        authority: Path | None,
        pinned: bool = False,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._timeout_s = timeout_s
        self._url = url.rstrip("/")
        try:
            usable = urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).hostname)
        except ValueError:
            usable = False
        if not usable:
            raise ControlError(f"{url} is not an http:// or https:// address")
        self._headers = {"Content-Type": "application/json"}
        try:
            if token_file is not None:
                self._headers["Authorization"] = f"Bearer {token_file.read_text().strip()}"
            self._tls = ssl.create_default_context(cafile=authority)
            if pinned:
                self._tls.check_hostname = False
                self._tls.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        except (OSError, ValueError) as error:
            raise ControlError(f"{error}; check --token-file and --authority") from error

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body; a failing health answer is an answer, not an error."""
        return self._send(urllib.request.Request(f"{self._url}/{path}", headers=self._headers))

    def health(self) -> dict[str, Any]:
        """The health answer, also of a kiosk that fails; raises ControlError where it is none."""
        status, body = self.get("healthz")
        told = self._decode(status, body)
        if not told.keys() >= _HEALTH_KEYS:
            reason = told.get("message", "its answer holds no checks")
            raise ControlError(f"{self._url} gives no health answer ({status}): {reason}")
        return told

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Post JSON; raises ControlError with the kiosk's own message where it refuses."""
        request = urllib.request.Request(
            f"{self._url}/{path}", json.dumps(body).encode(), self._headers, method="POST"
        )
        status, answer = self._send(request)
        told = self._decode(status, answer)
        if status != 200:
            raise ControlError(str(told.get("message", f"the kiosk refuses ({status})")))
        return told

    def _send(self, request: urllib.request.Request) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(
                request, timeout=self._timeout_s, context=self._tls
            ) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            if error.code == 401:
                raise ControlError(
                    f"{self._url} wants its token; run this as root on the board, or give "
                    "--token-file FILE"
                ) from error
            return error.code, error.read()
        except http.client.HTTPException as error:
            raise ControlError(
                f"{self._url} is no kioskd: what answers speaks no proper HTTP ({error!r})"
            ) from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise ControlError(
                f"no kioskd answers at {self._url} ({reason}); is the service running? "
                "`systemctl status kioskd` tells, --url names another address"
            ) from error

    def _decode(self, status: int, body: bytes) -> dict[str, Any]:
        try:
            told = json.loads(body)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ControlError(
                f"{self._url} is no kioskd: its answer ({status}) is no JSON"
            ) from error
        if not isinstance(told, dict):
            raise ControlError(f"{self._url} is no kioskd: its answer ({status}) is no object")
        return told
