# SPDX-License-Identifier: Apache-2.0
"""Identifiers that the endpoint hands out."""

from __future__ import annotations

import secrets
import string
from datetime import UTC, datetime
from typing import Final

_LETTERS: Final = string.ascii_letters + string.digits


def new_identifier() -> str:
    """`YYYYMMDDHHMMSS_<12 random letters and digits>`, UTC, as the protocol's request ids."""
    tail = "".join(secrets.choice(_LETTERS) for _ in range(12))
    return f"{datetime.now(UTC):%Y%m%d%H%M%S}_{tail}"
