# SPDX-License-Identifier: Apache-2.0
"""Files that hold a secret or a certificate: what they must contain, and what they did contain.

They are renewed while the kiosk runs (`kioskd.config.renewal`), so their content is kept with
the configuration that names them, and whoever needs it asks for what is in force.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from driving_client.regular_file import open_regular, read_regular

MAX_SECRET_BYTES: Final = 16 * 1024
MAX_CERTIFICATE_BYTES: Final = 1 << 20
SHORTEST_TOKEN: Final = 16
"""Characters of a bearer token that protects a port which other machines reach."""
_PEM: Final = re.compile(b"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_NO_CHECK_TIME: Final = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, for which Python has no name."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The server's certificate chain with its key, as their files had them; equal by content.

    `ends` is in seconds since 1970; None where no client accepts the certificate.
    """

    context: ssl.SSLContext = field(compare=False, repr=False)
    digest: str
    ends: float | None = field(compare=False)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the files hold: texts by the key of the option that names the file, and TLS."""

    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    certificate: Certificate | None = None

    @property
    def token(self) -> str:
        """The token that requests to the HTTP server must carry; empty for none."""
        return self.texts.get("health.token_file", "")


def secret_in(path: str) -> str:
    """The secret in a file, without mark or line end; raises ValueError saying what is wrong."""
    try:
        secret = read_regular(path, MAX_SECRET_BYTES).decode("utf-8-sig").strip()
    except OSError as error:
        raise ValueError(f"the secret cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"the secret cannot be read ({error})") from error
    if not secret or not secret.isprintable() or " " in secret:
        raise ValueError("must hold one line with the secret and nothing else")
    return secret


def login_in(path: str) -> str:
    """The `user:password` in a file; raises ValueError saying what is wrong."""
    login = secret_in(path)
    if not login.partition(":")[0] or ":" not in login:
        raise ValueError("must hold one line user:password")
    return login


def authority_in(path: str) -> str:
    """The certificates in a PEM file, without what stands between them; raises ValueError."""
    try:
        held = read_regular(path, MAX_CERTIFICATE_BYTES)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from error
    found = "\n".join(each.decode("ascii", "replace") for each in _PEM.findall(held))
    if not found:
        raise ValueError(
            "holds no certificate as PEM (-----BEGIN CERTIFICATE-----); `openssl x509 -inform DER` "
            "makes one of a binary one"
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=found)
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(f"a certificate in it is damaged ({error})") from error
    return found


def certificate_in(certificate: str, key: str) -> Certificate:
    """TLS with these PEM files; raises ValueError for damaged ones."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # one connection, one handshake
    try:
        # Before OpenSSL, which would wait for the writer of a FIFO
        held = [read_regular(path, MAX_CERTIFICATE_BYTES) for path in (certificate, key)]
        # No password: OpenSSL would ask for it on the terminal and wait
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ssl.SSLError) as error:
        raise ValueError(
            f"{certificate} and {key} are not a certificate with its key ({error}); "
            "give both as PEM"
        ) from error
    digest = hashlib.sha256(hashlib.sha256(held[0]).digest() + held[1]).hexdigest()
    return Certificate(context, digest, _end_of(context, certificate))


def pinning(certificate: str) -> ssl.SSLContext:
    """A client's TLS that takes this very certificate, whatever names and dates stand in it.

    Raises OSError and ssl.SSLError.
    """
    open_regular(certificate).close()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    return context


def _end_of(context: ssl.SSLContext, certificate: str) -> float | None:
    """When the certificate ends. Python parses only what a peer has shown: so one is made."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        client = pinning(certificate).wrap_bio(to_client, to_server)
        server = context.wrap_bio(to_server, to_client, server_side=True)
        for side in (client, server, client):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
        shown = client.getpeercert() or {}
        return float(ssl.cert_time_to_seconds(str(shown["notAfter"])))
    except (OSError, ValueError, KeyError):
        return None
