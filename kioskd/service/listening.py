# SPDX-License-Identifier: Apache-2.0
"""The ears out of their parts, where the configuration wants them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from kioskd.audio.loudspeaker import Loudspeaker
from kioskd.audio.output import AudioOutput
from kioskd.board_facts import BoardFacts
from kioskd.config import Config, Loaded
from kioskd.config.part_settings import audio_settings, ears_settings
from kioskd.ears.cleaner import EchoCleaner
from kioskd.ears.ears import Ears
from kioskd.ears.microphone import RoomMicrophone
from kioskd.ears.outlets import told_to
from kioskd.ears.parts import Parts, Turns
from kioskd.ears.timeline import Timeline
from kioskd.ears.turn_taking import TurnTaking
from kioskd.ears.wake_word import WakingTurns
from kioskd.http.listen import ListenOutput
from kioskd.link.keeper import LinkKeeper
from kioskd.metrics import Metrics
from kioskd.playback.player import Player
from kioskd.service.folders import own_folder
from kioskd.service.loudspeaker_delay import LoudspeakerDelay
from kioskd.service.visitors import Visitors


def sound_output(config: Config, board: BoardFacts, metrics: Metrics) -> AudioOutput:
    """Not yet started; notes what it plays where the ears want to know."""
    return AudioOutput(
        audio_settings(config, board.audio_match),
        metrics,
        loudspeaker=Loudspeaker() if config.ears.enabled else None,
    )


def ears_for(
    config: Config,
    board: BoardFacts,
    metrics: Metrics,
    player: Player,
    audio: AudioOutput,
    visitors: Visitors,
) -> Ears | None:
    """Not yet started; None unless `ears.enabled`."""
    settings = ears_settings(config, board.microphone_match)
    loudspeaker = audio.loudspeaker
    if not settings.enabled or loudspeaker is None:
        return None
    microphone = partial(RoomMicrophone, settings, Timeline(), metrics)

    def turns() -> Turns:
        taking = TurnTaking(settings, player.interrupt)
        return taking if visitors.detect is None else WakingTurns(taking, visitors.detect)

    path = LoudspeakerDelay(config, audio, metrics, own_folder()).path
    cleaner = partial(EchoCleaner, loudspeaker, path)
    ears = Ears(Parts(microphone, cleaner, turns, path.snapshot), metrics)
    ears.listen(visitors.attentive)
    return ears


def let_others_hear(
    ears: Ears | None,
    visitors: Visitors,
    keeper: LinkKeeper,
    loaded: Callable[[], Loaded],
    metrics: Metrics,
) -> ListenOutput:
    """What the ears hear, and who comes, goes to the driving side and to clients of /v1/listen."""
    listen = ListenOutput(
        ears is not None,
        lambda: loaded().config.ears.listen_remote,
        lambda: loaded().secrets.token,
        metrics,
    )
    visitors.outlets.extend((keeper.report_heard, listen.hear))
    if ears is not None:
        ears.listen(told_to(lambda: ears.snapshot().policy, *visitors.outlets))
    return listen
