# SPDX-License-Identifier: Apache-2.0
"""Every way in which an image can be bad or an update can fail, by name.

One class with a stable code instead of a class each: nobody handles two of them differently,
but logs, tests and the fleet's server tell them apart. The codes are listed here, and only
listed ones can be raised.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from kioskd.errors import KioskError

ImageCode = Literal[
    "unreadable",
    "truncated",
    "bad_trailer",
    "too_large",
    "bad_manifest",
    "newer_format",
    "no_keys",
    "bad_key",
    "no_openssl",
    "unsigned",
    "unknown_key",
    "wrong_signature",
    "wrong_name",
    "wrong_board",
    "wrong_hash",
    "not_squashfs",
    "hook_too_old",
]
IMAGE_CODES: Final[tuple[str, ...]] = get_args(ImageCode)


class UpdateError(KioskError):
    """An update cannot be done; nothing that works has been touched."""


class ImageError(UpdateError):
    """An image file cannot be used; `code` names the reason."""

    def __init__(self, code: ImageCode, text: str) -> None:
        super().__init__(f"{text} [{code}]")
        self.code: ImageCode = code
