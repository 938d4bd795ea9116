# SPDX-License-Identifier: Apache-2.0
"""Files that hold a secret or a certificate: what they must contain."""

from __future__ import annotations

import ssl
from typing import Final

from driving_client.regular_file import open_regular, read_regular

MAX_SECRET_BYTES: Final = 16 * 1024
SHORTEST_TOKEN: Final = 16
"""Characters of a bearer token that protects a port which other machines reach."""


def secret_in(path: str) -> str:
    """The secret in a file, without the line's end; raises ValueError saying what is wrong."""
    try:
        secret = read_regular(path, MAX_SECRET_BYTES).decode("utf-8").strip()
    except OSError as error:
        raise ValueError(f"the secret cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"the secret cannot be read ({error})") from error
    if not secret or not secret.isprintable() or " " in secret:
        raise ValueError("must hold one line with the secret and nothing else")
    return secret


def tls_context(certificate: str, key: str) -> ssl.SSLContext | None:
    """TLS with these PEM files, None without any; raises ValueError for damaged ones."""
    if not certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # one connection, one handshake
    try:
        for path in (certificate, key):
            open_regular(path).close()  # OpenSSL would wait for the writer of a FIFO
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(
            f"{certificate} and {key} are not a certificate with its key ({error}); "
            "give both as PEM"
        ) from error
    return context
