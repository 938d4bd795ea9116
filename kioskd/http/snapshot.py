# SPDX-License-Identifier: Apache-2.0
"""What the HTTP server tells about itself; replaced whole by the thread that watches over it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HttpSnapshot:
    """The HTTP server: where it listens, and what became of the thread that it runs on."""

    url: str = ""
    connections: int = 0
    restarts: int = 0
    trouble: str = ""
