# SPDX-License-Identifier: Apache-2.0
"""What the payload knows about the board it was built for: board.yaml, as JSON.

Defaults only: the configuration wins. Without the file (a desktop, a test) nothing is known
and everything is probed.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from driving_client.regular_file import read_regular
from driving_client.texts import printable
from kioskd.update.release import payload_root

logger = logging.getLogger(__name__)

_FILE: Final = "usr/share/kiosk/board.json"
TIERS: Final = {
    1: "supported",
    2: "needs the vendor's Linux",
    3: "built and tried in QEMU only",
}
"""What may be expected of a board, in words."""

_MAX_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class BoardFacts:
    """The keys of board.yaml that matter on the board; empty where nothing is known.

    `drm_drivers`, `audio_match` and `microphone_match` are in order of preference, see
    `splat_gles.drm_cards` and `kioskd.audio.cards`. `npu` is "rknn", "none" or empty. `tier` is
    a key of TIERS, or 0.
    """

    name: str = ""
    title: str = ""
    drm_drivers: tuple[str, ...] = ()
    audio_match: tuple[str, ...] = ()
    microphone_match: tuple[str, ...] = ()
    watchdog: bool = False
    npu: str = ""
    tier: int = 0
    verified_on: tuple[str, ...] = ()

    def describe(self) -> str:
        """As the build introduces its board; empty where nothing is known."""
        return described(self.name, self.title, self.tier, self.verified_on) if self.tier else ""


def described(name: str, title: str, tier: int, verified_on: Sequence[str]) -> str:
    """Name, tier and who verified it: what is said wherever a board is introduced."""
    verified = "; ".join(verified_on) or "no board yet"
    return f"{name}: {title}, tier {tier} ({TIERS[tier]}), verified on {verified}"


def read_board_facts(environment: Mapping[str, str]) -> BoardFacts:
    """The facts of this payload's board; a damaged file is told in the log and counts as none."""
    path = payload_root(environment) / _FILE
    try:
        told = json.loads(read_regular(path, _MAX_BYTES))
        return BoardFacts(
            name=printable(str(told["name"])),
            title=printable(str(told.get("title", ""))),
            drm_drivers=_texts(told.get("drm_drivers", [])),
            audio_match=_texts(told.get("audio_match", [])),
            microphone_match=_texts(told.get("microphone_match", [])),
            watchdog=bool(told.get("watchdog", False)),
            npu=printable(str(told.get("npu", ""))),
            tier=told.get("tier", 0) if told.get("tier") in TIERS else 0,
            verified_on=_texts(told.get("verified_on", [])),
        )
    except FileNotFoundError:
        return BoardFacts()
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        logger.warning("%s cannot be read: %s", path, error, extra={"code": "no_board_facts"})
        return BoardFacts()


def _texts(told: Any) -> tuple[str, ...]:
    return tuple(printable(str(each)) for each in told)
