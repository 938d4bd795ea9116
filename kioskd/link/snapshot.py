# SPDX-License-Identifier: Apache-2.0
"""What the link tells about itself; replaced whole by the network's thread."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LinkSnapshot:
    """The link to the endpoint; `since` is time.monotonic() of the last change."""

    configured: bool
    up: bool = False
    fatal: bool = False
    reason: str = ""
    retry_in_s: float | None = None
    connection_id: str = ""
    since: float = 0.0
