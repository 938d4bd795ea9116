# SPDX-License-Identifier: Apache-2.0
"""The ears out of their parts, where the configuration wants them."""

from __future__ import annotations

from functools import partial

from kioskd.board_facts import BoardFacts
from kioskd.config import Config
from kioskd.config.part_settings import ears_settings
from kioskd.ears.ears import Ears
from kioskd.ears.microphone import RoomMicrophone
from kioskd.ears.parts import NoTurns, Parts, PassThrough
from kioskd.ears.timeline import Timeline
from kioskd.metrics import Metrics


def ears_for(config: Config, board: BoardFacts, metrics: Metrics) -> Ears | None:
    """Not yet started; None unless `ears.enabled`."""
    settings = ears_settings(config, board.microphone_match)
    if not settings.enabled:
        return None
    microphone = partial(RoomMicrophone, settings, Timeline(), metrics)
    return Ears(Parts(microphone, PassThrough, NoTurns), metrics)
