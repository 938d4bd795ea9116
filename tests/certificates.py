# SPDX-License-Identifier: Apache-2.0
"""Self-signed certificates as an operator would make them."""

from __future__ import annotations

import subprocess
from pathlib import Path


def make_certificate(certificate: Path, key: Path, name: str = "kiosk", *more: str) -> None:
    """Write both files, PEM; `more` are further words for `openssl req`."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", f"/CN={name}", *more]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)


def make_authority(certificate: Path, key: Path) -> None:
    """A private authority's own certificate and key."""
    make_certificate(certificate, key, "A company's authority", "-addext", "keyUsage=keyCertSign")


def sign_certificate(certificate: Path, key: Path, name: str, by: tuple[Path, Path]) -> None:
    """A server's certificate for a host name, signed by an authority (certificate and key)."""
    signed = ["-CA", str(by[0]), "-CAkey", str(by[1]), "-addext", f"subjectAltName=DNS:{name}"]
    make_certificate(certificate, key, name, *signed, "-addext", "basicConstraints=CA:FALSE")
