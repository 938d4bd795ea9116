# SPDX-License-Identifier: Apache-2.0
"""What a kiosk needs before other machines may reach it: a token, and a certificate for TLS."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from firmware.steps import run

TOKEN: Final = "0123456789abcdef0123456789abcdef"


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key, in the folder."""
    paths = folder / "tls.crt", folder / "tls.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"]
    command += ["ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650", "-subj", "/CN=kiosk"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    run(
        [*command, "-out", paths[0], "-keyout", paths[1]],
        doing="making the kiosk's certificate",
    )
    return paths


def protected(folder: Path) -> dict[str, object]:
    """The options of a kiosk at every address of this machine; its files lie in the folder."""
    token = folder / "token"
    token.write_text(TOKEN)
    public, key = certificate(folder)
    return {
        "health.address": "0.0.0.0",
        "health.port": 0,
        "health.token_file": token,
        "health.tls_certificate": public,
        "health.tls_key": key,
    }


def any_certificate() -> ssl.SSLContext:
    """For clients at an address that the certificate does not name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
