# SPDX-License-Identifier: Apache-2.0
"""Every way in which an image can be bad or an update can fail, by name.

One class with a stable code instead of a class each: nobody handles two of them differently,
but logs, tests and the fleet's server tell them apart. The type checker lets only codes
through that are listed here.
"""

from __future__ import annotations

from typing import Literal

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
UpdateCode = Literal[
    ImageCode,
    "busy",
    "not_writable",
    "no_space",
    "write_failed",
    "on_trial",
    "no_update",
    "nothing_to_go_back_to",
    "not_healthy",
    "no_release",
    "no_board",
]


class UpdateError(KioskError):
    """An update cannot be done, `code` names the reason; nothing that works has been touched."""

    def __init__(self, code: UpdateCode, text: str) -> None:
        super().__init__(f"{text} [{code}]")
        self.code: UpdateCode = code
        self.text = text


class ImageError(UpdateError):
    """An image file cannot be used; `code` is one of ImageCode."""

    def __init__(self, code: ImageCode, text: str) -> None:
        super().__init__(code, text)
