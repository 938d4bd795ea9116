# SPDX-License-Identifier: Apache-2.0
"""The manifest of an image: what is signed, and thereby everything that is trusted.

JSON in one canonical form (sorted keys, no spaces, UTF-8, a line's end), refused in any
other: the hook's shell cuts single values out with `sed`, so what it sees must be what a
JSON parser sees. For the same reason all keys are flat, and no file of the payload may be
called like one of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from kioskd.update.errors import ImageError

FORMAT: Final = 1
"""The newest format of image and manifest that this code reads."""
PRODUCT: Final = "avatar-kiosk"
MAX_MANIFEST_BYTES: Final = 4 << 20
VERSION_PATTERN: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+~_-]{0,63}")
NAME_PATTERN: Final = re.compile(r"[0-9a-z][0-9a-z-]{0,31}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_KEY_ID: Final = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an image says about itself.

    `squashfs_bytes` includes the zeros that pad it to 4096, `squashfs_sha256` covers them too.
    `built` is the time of the commit that it was built from, in Unix seconds.
    `files` gives the sha256 of every regular file by its path without a leading slash.
    `min_hook` is the oldest format of the hook that can start the image. `key_id` is that of
    the key which should have signed it: a hint for messages, never a reason to trust.
    """

    version: str
    board: str
    squashfs_bytes: int
    squashfs_sha256: str
    key_id: str
    files: Mapping[str, str]
    built: int
    arch: str = "arm64"
    min_hook: int = 1
    name: str = PRODUCT
    format: int = FORMAT

    def to_bytes(self) -> bytes:
        """The canonical bytes, which are signed; raises ImageError for values out of bounds."""
        encoded = _encode(asdict(self))
        if parse_manifest(encoded) != self:
            raise ImageError("bad_manifest", "the manifest cannot be written and read back")
        return encoded


KEYS: Final = frozenset(each.name for each in fields(Manifest))


def parse_manifest(content: bytes) -> Manifest:
    """Read canonical bytes; raises ImageError with bad_manifest, newer_format or too_large."""
    if len(content) > MAX_MANIFEST_BYTES:
        raise ImageError("too_large", f"a manifest of {len(content)} bytes is too large")
    try:
        told = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ImageError("bad_manifest", f"the manifest is not JSON ({error})") from error
    if not isinstance(told, dict):
        raise ImageError("bad_manifest", "the manifest is not a JSON object")
    _check_format(told)
    if told.keys() != KEYS:
        wrong = ", ".join(sorted(told.keys() ^ KEYS))
        raise ImageError("bad_manifest", f"the manifest lacks keys or has unknown ones: {wrong}")
    _check_values(told)
    if _encode(told) != content:
        raise ImageError("bad_manifest", "the manifest is not in its canonical form")
    return Manifest(**told)


def _check_format(told: dict[str, Any]) -> None:
    number = told.get("format")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise ImageError("bad_manifest", "the manifest does not say its format")
    if number > FORMAT:
        raise ImageError(
            "newer_format",
            f"the image has format {number}, newer than the {FORMAT} that is known here; "
            "update the hook first",
        )


def _check_values(told: dict[str, Any]) -> None:
    texts: dict[str, re.Pattern[str]] = {
        "version": VERSION_PATTERN,
        "board": NAME_PATTERN,
        "arch": NAME_PATTERN,
        "name": NAME_PATTERN,
        "squashfs_sha256": _SHA256,
        "key_id": _KEY_ID,
    }
    for key, pattern in texts.items():
        if not isinstance(told[key], str) or not pattern.fullmatch(told[key]):
            raise ImageError("bad_manifest", f"the manifest's {key} is not valid")
    for key in ("squashfs_bytes", "min_hook", "built"):
        if not isinstance(told[key], int) or isinstance(told[key], bool) or told[key] < 1:
            raise ImageError("bad_manifest", f"the manifest's {key} is not a positive number")
    if not isinstance(told["files"], dict):
        raise ImageError("bad_manifest", "the manifest's files are not an object")
    for path, digest in told["files"].items():
        if path in KEYS or not path or path.startswith("/"):
            raise ImageError("bad_manifest", f"the manifest has a file that is called {path!r}")
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise ImageError("bad_manifest", f"the manifest has no sha256 of {path!r}")


def _encode(told: dict[str, Any]) -> bytes:
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode("utf-8") + b"\n"
    except UnicodeEncodeError as error:
        raise ImageError("bad_manifest", "the manifest holds text that is not UTF-8") from error
