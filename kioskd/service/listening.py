# SPDX-License-Identifier: Apache-2.0
"""The ears out of their parts, where the configuration wants them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from kioskd.board_facts import BoardFacts
from kioskd.config import Config, Loaded
from kioskd.config.part_settings import ears_settings
from kioskd.ears.ears import Ears
from kioskd.ears.microphone import RoomMicrophone
from kioskd.ears.outlets import told_to
from kioskd.ears.parts import Parts, PassThrough
from kioskd.ears.timeline import Timeline
from kioskd.ears.turn_taking import TurnTaking
from kioskd.http.listen import ListenOutput
from kioskd.link.keeper import LinkKeeper
from kioskd.metrics import Metrics
from kioskd.playback.player import Player
from kioskd.service.attentive import Attentive


def ears_for(config: Config, board: BoardFacts, metrics: Metrics, player: Player) -> Ears | None:
    """Not yet started; None unless `ears.enabled`."""
    settings = ears_settings(config, board.microphone_match)
    if not settings.enabled:
        return None
    microphone = partial(RoomMicrophone, settings, Timeline(), metrics)
    turns = partial(TurnTaking, settings, player.interrupt)
    ears = Ears(Parts(microphone, PassThrough, turns), metrics)
    ears.listen(Attentive(player))
    return ears


def let_others_hear(
    ears: Ears | None, keeper: LinkKeeper, loaded: Callable[[], Loaded], metrics: Metrics
) -> ListenOutput:
    """What the ears hear goes to the driving side and to the clients of /v1/listen."""
    listen = ListenOutput(
        ears is not None,
        lambda: loaded().config.ears.listen_remote,
        lambda: loaded().secrets.token,
        metrics,
    )
    if ears is not None:
        ears.listen(told_to(lambda: ears.snapshot().policy, keeper.report_heard, listen.hear))
    return listen
