# SPDX-License-Identifier: Apache-2.0
"""Why a kiosk could not be asked, in words that say what to do about it.

OpenSSL's own words name neither the file nor the option that would help, and "no kioskd answers"
sends people to a service that runs well.
"""

from __future__ import annotations

import http.client
import ssl
import urllib.error
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_RENEWED: Final = "kioskd uses a new one within seconds, or `journalctl -u kioskd` says why not"


def is_refused_certificate(error: Exception) -> bool:
    """Whether somebody answers, but with a certificate that is not accepted."""
    return isinstance(_reason(error), ssl.SSLCertVerificationError)


def _reason(error: Exception) -> BaseException | str:
    return error.reason if isinstance(error, urllib.error.URLError) else error


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom the client asks, and with what; `pinned`: `authority` is the server's certificate."""

    url: str
    token_file: Path | None
    authority: Path | None
    pinned: bool
    proxy: str = ""

    def no_answer(self, error: Exception) -> str:
        """The message for an error of urllib, http.client or the socket."""
        reason = _reason(error)
        if isinstance(reason, ssl.SSLError):
            return self._no_tls(reason)
        if isinstance(reason, ConnectionResetError) and self.url.startswith("http:"):
            return (
                f"{self.url} ends the connection without an answer; write https:// if the kiosk "
                "has a certificate"
            )
        if isinstance(reason, http.client.HTTPException):
            return f"{self.url} is not kioskd: the answer is not valid HTTP ({reason!r})"
        if self.proxy:
            return f"the proxy {self.proxy} does not lead to {self.url} ({reason})"
        return (
            f"no kioskd answers at {self.url} ({reason}); is the service running? Check with "
            "`systemctl status kioskd`; --url names another address"
        )

    def unauthorised(self) -> str:
        """The message where the token is missing or wrong."""
        if self.token_file is None:
            return (
                f"{self.url} wants its token; run this as root on the board, or give "
                "--token-file FILE"
            )
        return (
            f"{self.url} refuses the token in {self.token_file}: it is not the one that the kiosk "
            f"uses, from its health.token_file; {_RENEWED}"
        )

    def _no_tls(self, error: ssl.SSLError) -> str:
        if not isinstance(error, ssl.SSLCertVerificationError):
            if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
                return (
                    f"{self.url} does not speak TLS; write http:// if the kiosk has no certificate"
                )
            return f"{self.url}: the TLS handshake fails ({error.reason or error})"
        why = error.verify_message.rstrip(".")
        told = f"{self.url} shows a certificate that is not accepted: {why}"
        if "mismatch" in why:  # trusting it would not mend that
            return f"{told}; ask at a name or address that it was made for"
        if "expired" in why or "not yet valid" in why:
            return f"{told}; renew it, or set the clock that is wrong"
        if self.pinned:
            return (
                f"{told}; it is not the one in {self.authority}, so either another program answers "
                f"there, or that is new: {_RENEWED}"
            )
        if self.authority is None:
            return f"{told}; --authority FILE names the certificate (PEM) to trust"
        return f"{told}; --authority {self.authority} has not signed it: name the one that has"
