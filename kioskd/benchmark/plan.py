# SPDX-License-Identifier: Apache-2.0
"""What is to be measured, where, and for how long: all that a part's process is told."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kioskd.audio.cards import choose_device, read_cards
from kioskd.benchmark.parts import PARTS, SOAK
from kioskd.board_facts import BoardFacts
from kioskd.config import Config
from kioskd.config.part_settings import audio_settings, display_size
from kioskd.config.sections import DEFAULT_AVATAR
from kioskd.screen.lookout import lookout_for
from splat_gles.camera import Size


@dataclass(frozen=True, slots=True)
class Durations:
    """Seconds. All parts but heat take some three minutes on a board with these."""

    round_s: float = 0.5
    upload_s: float = 1.0
    blend_s: float = 2.0
    cpu_s: float = 2.0
    scale_s: float = 4.0
    sound_s: float = 4.0
    soak_s: float = 600.0
    sample_s: float = 10.0
    flash_bytes: int = 16 << 20
    silent_s: float = 60.0
    """So long a part may go without a word before it counts as stuck."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`display` is a driver of `splat_gles.display`; `size` None leaves it to the display.

    `avatars` are bundles' files, the one that the kiosk shows first. `sound` is an ALSA name,
    empty where the configuration switches sound off. `folder` is where the result is kept.
    """

    display: str
    size: Size | None
    drm_drivers: tuple[str, ...]
    avatars: tuple[str, ...]
    sound: str
    buffer_s: float
    folder: str
    soak: bool = False
    durations: Durations = dataclasses.field(default_factory=Durations)

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts in their order."""
        return (*PARTS, SOAK) if self.soak else PARTS

    def as_json(self) -> str:
        """For `from_json` in a part's process."""
        return json.dumps(dataclasses.asdict(self))


def from_json(text: str) -> Plan:
    """The plan that `as_json` wrote."""
    told: dict[str, Any] = json.loads(text)
    size = told.pop("size")
    return Plan(
        **{
            **told,
            "size": None if size is None else (size[0], size[1]),
            "drm_drivers": tuple(told["drm_drivers"]),
            "avatars": tuple(told["avatars"]),
            "durations": Durations(**told["durations"]),
        }
    )


def plan_for(config: Config, board: BoardFacts, folder: Path, soak: bool) -> Plan:
    """What the kiosk with this configuration would use."""
    audio = audio_settings(config, board.audio_match)
    sound = choose_device(audio.device, audio.match, read_cards()) if audio.enabled else ""
    # A board's own screen is meant even while it is not connected: then the part says so
    on_board = lookout_for(config.display.driver, board) is not None
    return Plan(
        display="kmsdrm" if on_board else config.display.driver,
        size=display_size(config),
        drm_drivers=board.drm_drivers,
        avatars=tuple(_avatars(config.avatar.path)),
        sound=sound,
        buffer_s=audio.buffer_ms / 1000,
        folder=str(folder),
        soak=soak,
    )


def _avatars(configured: str) -> list[str]:
    """The configured one, and those that came with the kiosk; each file once."""
    shipped = Path(DEFAULT_AVATAR).resolve()
    files = [Path(configured)] if configured else []
    files += [shipped, *sorted(shipped.parent.glob("*.avatar"))]
    return [str(path) for path in dict.fromkeys(path.resolve() for path in files)]
