# SPDX-License-Identifier: Apache-2.0
"""Who signed a manifest: ECDSA P-256 over SHA-256, checked by the `openssl` command.

The hook has nothing but that command, so this does not use more either. There are no
certificates and no dates: a board whose clock is wrong checks as well as any other. Several
keys in the folder allow a new one to be brought in before the old one goes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kioskd.update.errors import ImageError

KEY_ID_DIGITS: Final = 16
MAX_SIGNATURE_BYTES: Final = 80
"""A DER signature of P-256 has at most 72 bytes."""
_TIMEOUT_S: Final = 20.0
_PEM: Final = re.compile(r"-----BEGIN PUBLIC KEY-----\s(.+?)-----END PUBLIC KEY-----", re.DOTALL)
_P256_HEADER: Final = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
"""What a DER SubjectPublicKeyInfo of a P-256 key begins with (RFC 5480)."""


def find_keys(folder: Path) -> list[Path]:
    """The public keys in a folder in order of name; raises ImageError where there are none."""
    keys = sorted(folder.glob("*.pem"))
    if not keys:
        raise ImageError("no_keys", f"no public key (*.pem) in {folder}; is the hook whole?")
    return keys


def key_id(key: Path) -> str:
    """The first 16 hex digits of the SHA-256 of the public key's DER form; raises ImageError."""
    try:
        found = _PEM.search(key.read_text("ascii"))
        der = base64.b64decode("".join((found[1] if found else "").split()), validate=True)
    except (OSError, UnicodeDecodeError, binascii.Error) as error:
        raise ImageError("bad_key", f"{key} cannot be read as a public key ({error})") from error
    if not der.startswith(_P256_HEADER):
        raise ImageError("bad_key", f"{key} is not a public key for ECDSA P-256 in PEM")
    return hashlib.sha256(der).hexdigest()[:KEY_ID_DIGITS]


def check_signature(manifest: bytes, signature: bytes, named: str, keys: Sequence[Path]) -> None:
    """Return if one of the keys signed the manifest, which names the key `named`.

    Raises ImageError: unsigned, unknown_key, wrong_signature, bad_key, no_keys, no_openssl.
    """
    if not signature:
        raise ImageError("unsigned", "the image carries no signature")
    if len(signature) > MAX_SIGNATURE_BYTES:
        raise ImageError("wrong_signature", "the signature is longer than one can be")
    if not keys:
        raise ImageError("no_keys", "no public key is given to check the image with")
    ids = [key_id(key) for key in keys]
    if any(_signed_by(key, manifest, signature) for key in keys):
        return
    if named in ids:
        raise ImageError(
            "wrong_signature", f"the signature is not that of key {named}: the image was changed"
        )
    raise ImageError(
        "unknown_key",
        f"the image is signed with key {named}, which this board does not trust; it trusts "
        f"{', '.join(ids)}",
    )


def _signed_by(key: Path, manifest: bytes, signature: bytes) -> bool:
    with tempfile.NamedTemporaryFile(prefix="kiosk-signature-") as file:
        file.write(signature)
        file.flush()
        command = ["openssl", "dgst", "-sha256", "-verify", str(key), "-signature", file.name]
        try:
            result = subprocess.run(
                command, input=manifest, capture_output=True, timeout=_TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ImageError("no_openssl", f"openssl cannot be run ({error})") from error
    return result.returncode == 0
