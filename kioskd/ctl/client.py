# SPDX-License-Identifier: Apache-2.0
"""Asks a running kioskd over its health port, with nothing but the standard library."""

from __future__ import annotations

import http.client
import json
import queue
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from driving_client.address import HTTP, check_url, is_loopback, origin, without_secrets
from driving_client.errors import AddressError
from driving_client.link.network import check_proxy
from kioskd.ctl.credentials import CredentialFiles, Credentials
from kioskd.ctl.failures import Asked, is_refused_certificate
from kioskd.ctl.health_answer import is_health
from kioskd.errors import KioskError

TIMEOUT_S = 20.0
"""Without a byte; kioskd itself waits 15 s for an endpoint that is asked to say a text."""
PATIENCE = 6
"""So many times as long an answer may take that goes on coming, a screenshot over a slow link."""
MOST_BYTES = 64 << 20
"""Of an answer; the largest is a screenshot, 48 MiB where nothing of it can be packed."""


_FIGURE: Final = re.compile(r"^(\w+)(\{[^}]*\})? ([0-9.eE+-]+)$", re.MULTILINE)


class ControlError(KioskError):
    """kioskd cannot be asked, or refuses."""


class RefusedError(ControlError):
    """Token or certificate are not the ones that were expected."""


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """urllib would send the token on to wherever an answer leads."""

    def http_error_302(self, *_: Any, **__: Any) -> None:
        """Never another request, and no look at where it would go: the answer is reported."""

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


class Client:
    """One kiosk's health port; `authority` is a PEM file to trust in place of the system's.

    `pinned`: the authority is the server's own certificate, whatever names and dates stand in it.
    `own`: the files are the kiosk's own, which may have been renewed a moment ago.
    `timeout_s`: without a byte; a whole answer may take PATIENCE times as long.
    `proxy`: leads there, by CONNECT; none of the environment is used.
    """

    def __init__(
        self,
        url: str,
        token_file: Path | None,
        authority: Path | None,
        pinned: bool = False,
        timeout_s: float = TIMEOUT_S,
        *,
        own: bool = False,
        proxy: str = "",
    ) -> None:
        self._timeout_s = timeout_s
        self._url = url.rstrip("/")
        self._asked = Asked(self._url, token_file, authority, pinned, proxy)
        self._files = CredentialFiles(token_file, authority, pinned, own)
        try:
            check_url(url, HTTP)
        except AddressError as error:
            raise ControlError(
                f"{without_secrets(url)} is not an http:// or https:// address: {error}"
            ) from error
        if proxy:
            _check_way(url, proxy)
        self._use(self._files.read)

    def _use(self, read: Callable[[], Credentials]) -> None:
        try:
            self._credentials = read()
        except ValueError as error:
            raise ControlError(str(error)) from error
        self._headers = self._credentials.headers
        # No proxy of the environment: it would be asked for 127.0.0.1, and be sent the token
        proxies = {"https": self._asked.proxy} if self._asked.proxy else {}
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler(proxies),
            urllib.request.HTTPSHandler(context=self._credentials.tls),
            NoRedirects(),
        )

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body; a failing health answer is an answer, not an error."""
        return self._send(path, None)

    def health(self) -> dict[str, Any]:
        """The health answer, also of a failing kiosk; raises ControlError if it is not one."""
        status, body = self.get("healthz")
        told = self._decode(status, body)
        if not is_health(told):
            reason = told.get("message", "its answer has no checks that this kioskctl knows")
            raise ControlError(f"{self._url} gives no health answer ({status}): {reason}")
        return told

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Post JSON; raises ControlError with the kiosk's own message where it refuses."""
        return self._accepted(*self._send(path, json.dumps(body).encode()))

    def post_voice(self, wav: bytes) -> dict[str, Any]:
        """Have it speak a WAV file; raises ControlError as `post` does."""
        return self._accepted(*self._send("v1/speak", wav))

    def figures(self) -> dict[str, float]:
        """Its metrics by name, summed over labels; those with labels by both too."""
        status, body = self.get("metrics")
        if status != 200:
            raise ControlError(f"the kiosk tells no metrics ({status})")
        found: dict[str, float] = {}
        for name, labels, value in _FIGURE.findall(body.decode("utf-8", "replace")):
            found[name] = found.get(name, 0.0) + float(value)
            if labels:
                found[name + labels] = float(value)
        return found

    def _accepted(self, status: int, answer: bytes) -> dict[str, Any]:
        told = self._decode(status, answer)
        if status != 200:
            raise ControlError(str(told.get("message", f"the kiosk refuses ({status})")))
        return told

    def _send(self, path: str, body: bytes | None) -> tuple[int, bytes]:
        """Status and body of a GET, or of a POST where there is a body; once more if refused."""
        try:
            return self._send_once(path, body)
        except RefusedError:
            if not self._files.renewed(self._credentials):
                raise
        self._use(self._files.read_again)
        return self._send_once(path, body)

    def _send_once(self, path: str, sent: bytes | None) -> tuple[int, bytes]:
        request = urllib.request.Request(f"{self._url}/{path}", sent, self._headers)
        try:
            status, location, body = self._in_time(request)
        except (http.client.HTTPException, OSError, ValueError) as error:
            refused = RefusedError if is_refused_certificate(error) else ControlError
            raise refused(self._asked.no_answer(error)) from error
        if len(body) > MOST_BYTES:
            raise ControlError(
                f"{self._url} is not kioskd: its answer ({status}) is larger than "
                f"{MOST_BYTES >> 20} MiB"
            )
        if status == 401:
            raise RefusedError(self._asked.unauthorised())
        if 300 <= status <= 399:
            raise ControlError(
                f"{self._url} is not kioskd: it answers {status} and leads to {origin(location)}; "
                "it is not followed, because the token would go there too"
            )
        return status, body

    def _in_time(self, request: urllib.request.Request) -> tuple[int, str, bytes]:
        """What `_whole` gives; on a thread, because a socket's timeout begins anew with each byte.

        One that takes too long is left behind: the command ends soon.
        """
        outcomes: queue.SimpleQueue[tuple[int, str, bytes] | Exception] = queue.SimpleQueue()

        def ask() -> None:
            try:
                outcomes.put(self._whole(request))
            except Exception as error:  # noqa: BLE001 – raised where it is waited for
                outcomes.put(error)

        threading.Thread(target=ask, daemon=True).start()
        limit_s = PATIENCE * self._timeout_s
        try:
            outcome = outcomes.get(timeout=limit_s)
        except queue.Empty:
            raise ControlError(
                f"{self._url} has not answered to the end within {limit_s:g} s; is it kioskd, and "
                "is the network to it that slow? See `systemctl status kioskd` on the board"
            ) from None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _whole(self, request: urllib.request.Request) -> tuple[int, str, bytes]:
        """Status, where it leads to, and body, MOST_BYTES and one at most."""
        with self._open(request) as answer:
            body: bytes = answer.read(MOST_BYTES + 1)
            # Asked for so many bytes, http.client takes fewer than were announced for all
            if len(body) <= MOST_BYTES and answer.length:
                raise http.client.IncompleteRead(body, answer.length)
            return answer.status, answer.headers.get("Location", ""), body

    def _open(self, request: urllib.request.Request) -> Any:
        """The answer whatever its status; urllib raises those that are not a success."""
        try:
            return self._opener.open(request, timeout=self._timeout_s)
        except urllib.error.HTTPError as refusal:
            return refusal

    def _decode(self, status: int, body: bytes) -> dict[str, Any]:
        try:
            told = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise ControlError(
                f"{self._url} is not kioskd: its answer ({status}) is not JSON"
            ) from error
        if not isinstance(told, dict):
            raise ControlError(f"{self._url} is not kioskd: its answer ({status}) is not an object")
        return told


def _check_way(url: str, proxy: str) -> None:
    """A proxy must be one, and able to read nothing of what is asked."""
    try:
        check_proxy(proxy)
    except AddressError as error:
        raise ControlError(f"--proxy {without_secrets(proxy)}: {error}") from error
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise ControlError(f"--proxy is for https://: it would read the token on its way to {url}")
    if is_loopback(parts.hostname or ""):
        raise ControlError(f"{url} is on this machine: leave out --proxy")
