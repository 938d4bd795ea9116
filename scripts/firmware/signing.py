# SPDX-License-Identifier: Apache-2.0
"""Signs manifests with ECDSA P-256, the same bytes each time (RFC 6979).

An ordinary ECDSA signature holds a random number, so two builds would differ. OpenSSL can
choose it from key and message since 3.2, Debian 12's is 3.0: signing is done by
`cryptography`, which brings its own. Boards verify with their plain `openssl` command, and
so does every build, right after signing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from firmware.errors import FirmwareError
from kioskd.update.signature import check_signature, key_id

DEVELOPMENT_KEY: Final = "kiosk-development.pem"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and where its public half lies as PEM. `id` as in a manifest."""

    private: ec.EllipticCurvePrivateKey
    public_path: Path
    id: str
    development: bool

    def sign(self, content: bytes) -> bytes:
        """A DER signature, verified with the openssl command; raises FirmwareError."""
        try:
            algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
            signature = self.private.sign(content, algorithm)
        except UnsupportedAlgorithm as error:
            raise FirmwareError(f"this build of `cryptography` cannot sign ({error})") from error
        check_signature(content, signature, self.id, [self.public_path])
        return signature


def open_key(path: Path | None, keys: Path) -> SigningKey:
    """The release key at `path`, or the development key in `keys`, made when there is none.

    The public half of a release key is written to `keys` too. Raises FirmwareError.
    """
    keys.mkdir(parents=True, exist_ok=True)
    private_path = path if path is not None else keys / DEVELOPMENT_KEY
    if path is None and not private_path.exists():
        _make_key(private_path)
    private = _load(private_path)
    public_path = keys / f"{private_path.stem}.pub.pem"
    public_path.write_bytes(
        private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return SigningKey(private, public_path, key_id(public_path), path is None)


def _make_key(path: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    content = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _load(path: Path) -> ec.EllipticCurvePrivateKey:
    make = f"openssl ecparam -name prime256v1 -genkey -noout -out {path}"
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise FirmwareError(f"KEY={path} cannot be read ({error.strerror})") from error
    except TypeError as error:
        raise FirmwareError(
            f"KEY={path} is locked with a passphrase; unlock a copy: openssl ec -in {path}"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise FirmwareError(f"KEY={path} is not a private key in PEM; make one: {make}") from error
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name != "secp256r1":
        raise FirmwareError(f"KEY={path} is not for ECDSA P-256; make one: {make}")
    return private
