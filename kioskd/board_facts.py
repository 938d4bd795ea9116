# SPDX-License-Identifier: Apache-2.0
"""What the payload knows about the board it was built for: board.yaml, as JSON.

Defaults only: the configuration wins. Without the file (a desktop, a test) nothing is known
and everything is probed.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kioskd.update.release import payload_root

logger = logging.getLogger(__name__)

_FILE: Final = "usr/share/kiosk/board.json"


@dataclass(frozen=True, slots=True)
class BoardFacts:
    """The keys of board.yaml that matter on the board; empty where nothing is known.

    `drm_drivers` and `audio_match` are in order of preference, see `splat_gles.drm_cards` and
    `kioskd.audio.cards`. `npu` is "rknn", "none" or empty.
    """

    name: str = ""
    title: str = ""
    drm_drivers: tuple[str, ...] = ()
    audio_match: tuple[str, ...] = ()
    watchdog: bool = False
    npu: str = ""


def read_board_facts(environment: Mapping[str, str]) -> BoardFacts:
    """The facts of this payload's board; a damaged file is told in the log and counts as none."""
    path = payload_root(environment) / _FILE
    try:
        told = json.loads(path.read_text("utf-8"))
        return BoardFacts(
            name=str(told["name"]),
            title=str(told.get("title", "")),
            drm_drivers=_texts(told.get("drm_drivers", [])),
            audio_match=_texts(told.get("audio_match", [])),
            watchdog=bool(told.get("watchdog", False)),
            npu=str(told.get("npu", "")),
        )
    except FileNotFoundError:
        return BoardFacts()
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        logger.warning("%s cannot be read: %s", path, error, extra={"code": "no_board_facts"})
        return BoardFacts()


def _texts(told: Any) -> tuple[str, ...]:
    return tuple(str(each) for each in told)
