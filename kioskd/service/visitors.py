# SPDX-License-Identifier: Apache-2.0
"""The ways to notice visitors besides their speech: who comes is looked at, and told to others."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from kioskd.config import Config
from kioskd.config.part_settings import presence_devices
from kioskd.ears.events import SomebodyThere
from kioskd.ears.outlets import Outlet, heard
from kioskd.ears.wake_word import Detect, WakeWordError, wake_word
from kioskd.playback.player import Player
from kioskd.presence.presence import Presence
from kioskd.service.attentive import Attentive

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Visitors:
    """`presence` is to be kept watching, also where it watches nothing, and tells `outlets`;
    `detect` hears the wake word, None without one; `wake_problem` says why that is so although one
    is configured."""

    attentive: Attentive
    presence: Presence
    outlets: list[Outlet]
    detect: Detect | None
    wake_problem: str | None


def visitors_for(config: Config, player: Player) -> Visitors:
    """As they are configured; none of it needs a microphone but the wake word."""
    attentive = Attentive(player, greet=config.presence.greet)
    outlets: list[Outlet] = []

    def came(event: SomebodyThere) -> None:
        attentive.came(event)
        for outlet in outlets:
            outlet(heard(event))

    presence = Presence(presence_devices(config), came, attentive.left)
    ears, detect, problem = config.ears, None, None
    if ears.enabled and ears.wake_word:
        try:
            detect = wake_word(ears.wake_word)
        except WakeWordError as error:
            problem = str(error)
            logger.warning(
                "no wake word is listened for: %s", error, extra={"code": "wake_word_unavailable"}
            )
    return Visitors(attentive, presence, outlets, detect, problem)
