# SPDX-License-Identifier: Apache-2.0
"""What can be set about the embedded endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from driving_client.voices.choice import BroughtVoice
from driving_client.voices.wish import VoiceWish

DEFAULT_PORT: Final = 8090


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """`greeting` is said once at the start of each relay connection, `say` after it.

    `speed`: how many times faster than real time speech and motion are streamed (the real
    service runs at about 3). `retarget`: a retarget file other than the packaged one. `voice`
    decides what neither a request nor the kiosk does; `brought` are the operator's own voices.
    """

    greeting: str | None = None
    say: tuple[str, ...] = ()
    voice: VoiceWish = field(default_factory=VoiceWish)
    brought: tuple[BroughtVoice, ...] = ()
    speed: float = 3.0
    retarget: Path | None = None
