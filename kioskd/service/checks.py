# SPDX-License-Identifier: Apache-2.0
"""The list of checks that the daemon runs, from the snapshots of its parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kioskd.audio.snapshot import AudioSnapshot
from kioskd.config import Config
from kioskd.config.reload import LiveConfig
from kioskd.ears.snapshot import EarsSnapshot
from kioskd.health.certificate_check import CertificateCheck
from kioskd.health.checks import (
    AudioCheck,
    AvatarCheck,
    ConfigCheck,
    LinkCheck,
    MotionCheck,
    RenderLoopCheck,
)
from kioskd.health.display_check import DisplayCheck
from kioskd.health.ears_check import EarsCheck
from kioskd.health.http_check import HttpCheck
from kioskd.health.loudspeaker_check import LoudspeakerCheck
from kioskd.health.mixer_check import MixerCheck
from kioskd.health.npu_check import NpuCheck
from kioskd.health.presence_check import PresenceCheck
from kioskd.health.status import Check
from kioskd.http.snapshot import HttpSnapshot
from kioskd.link.keeper import LinkKeeper
from kioskd.metrics import Metrics
from kioskd.playback.player import Player
from kioskd.screen.render_loop import RenderLoop
from kioskd.screen.snapshot import AvatarSnapshot
from kioskd.screen.stage import Stage
from kioskd.service.board import board_checks
from kioskd.service.speech_net import SpeechNet
from kioskd.service.visitors import Visitors
from kioskd.update.store import Store


@dataclass(frozen=True, slots=True)
class Looked:
    """The parts that the checks look at. `http` gives None until the server has begun; `ears` is
    None where nobody listens."""

    stage: Stage
    avatar: AvatarSnapshot
    render: RenderLoop
    audio: Callable[[], AudioSnapshot]
    ears: Callable[[], EarsSnapshot] | None
    visitors: Visitors
    keeper: LinkKeeper
    player: Player
    speech_net: SpeechNet
    http: Callable[[], HttpSnapshot | None]


def kiosk_checks(parts: Looked, live: LiveConfig, store: Store, metrics: Metrics) -> list[Check]:
    """Every check, in the order in which answers list them."""

    def config() -> Config:
        return live.config

    def shown_at() -> str:
        http = parts.http()
        return http.url if http is not None else ""

    keeper, net, audio = parts.keeper, parts.speech_net, live.config.audio
    return [
        DisplayCheck(lambda: parts.stage.snapshot, shown_at),
        AvatarCheck(lambda: parts.avatar),
        RenderLoopCheck(lambda: parts.render.snapshot),
        AudioCheck(parts.audio, audio.device, audio.enabled),
        MixerCheck(lambda: parts.audio().device),
        EarsCheck(parts.ears),
        LoudspeakerCheck(parts.ears),
        PresenceCheck(lambda: parts.visitors.presence.snapshot, parts.visitors.wake_problem),
        LinkCheck(lambda: keeper.snapshot, lambda: config().endpoint.url),
        MotionCheck(parts.player.snapshot, lambda: keeper.snapshot.configured),
        ConfigCheck(lambda: live.snapshot),
        *board_checks(config, store, metrics, parts.render.quality.heard_temperature),
        NpuCheck(lambda: net.chosen, damage=lambda: net.damage),
        CertificateCheck(lambda: live.loaded.secrets.certificate),
        HttpCheck(parts.http),
    ]
