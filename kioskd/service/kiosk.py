# SPDX-License-Identifier: Apache-2.0
"""The daemon: makes every part, runs the render loop on this thread, and ends them in order.

main: SDL, GL, render loop. audio: ALSA writer. io: link, health checks, lookout. http: HTTP server.
signals: see `kioskd.service.signals`. They hand over through immutable snapshots and small
bounded queues; nothing but the render loop feeds the watchdog.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from functools import partial

from driving_client.link.make import make_link
from driving_client.link.network import NetworkSettings
from driving_client.link.settings import LinkSettings
from driving_client.retarget import load_retarget
from kioskd import log, systemd_notify
from kioskd.about import about
from kioskd.allocator import keep_returning_holes
from kioskd.audio.output import AudioOutput
from kioskd.board_facts import read_board_facts
from kioskd.config import Config, Loaded
from kioskd.config.part_settings import (
    network_settings,
    playback_settings,
    speaking_as,
)
from kioskd.config.reload import LiveConfig
from kioskd.ears.ears import Ears
from kioskd.health.status import Monitor
from kioskd.http.console import Console
from kioskd.http.gesture import GestureInput
from kioskd.http.listen import ListenOutput
from kioskd.http.server import HttpServer, View
from kioskd.http.service import HttpService
from kioskd.http.speak import VoiceInput
from kioskd.link.keeper import LinkKeeper
from kioskd.link.known_endpoints import KnownEndpoints
from kioskd.link.local_links import MakeOwnLink, NoLink
from kioskd.loop_thread import LoopThread
from kioskd.metrics import Metrics
from kioskd.playback.player import Player
from kioskd.screen.avatar_loading import load_avatar
from kioskd.screen.overlay import MakeOverlay, no_overlay
from kioskd.screen.pictures import PictureDesk
from kioskd.screen.render_loop import RenderLoop
from kioskd.screen.snapshot import AvatarSnapshot, DisplaySnapshot
from kioskd.screen.stage import Stage
from kioskd.service.checks import Looked, kiosk_checks
from kioskd.service.company import marks_over
from kioskd.service.figures import figures
from kioskd.service.first_frame import tell_first_frame
from kioskd.service.folders import own_folder
from kioskd.service.listening import ears_for, let_others_hear, sound_output
from kioskd.service.measured import Measured
from kioskd.service.screen import stage_for
from kioskd.service.signals import GRACE_S, SignalThread, end_within
from kioskd.service.speech_net import SpeechNet
from kioskd.service.visitors import visitors_for
from kioskd.systemd_notify import Watchdog
from kioskd.update.store import store_from
from splat_gles.rig import Rig

logger = logging.getLogger(__name__)

STOP_S = 0.9
CHECK_EVERY_S = 1.0
SETTLE_S = 0.5
"""Time for the threads to begin, so that a good start logs no warnings."""
ALIVE_S = 10.0
SWITCH_S = 0.001
"""Python's 5 ms cost a frame with five waits for the GPU 60 ms while another thread computes all
the time, 1 ms costs it 20 (measured on two busy cores); nothing where none does."""


class Kiosk:
    """One daemon. `own_link` plays something else than the endpoint, such as a recording."""

    def __init__(
        self,
        live: LiveConfig,
        watch: SignalThread,
        own_link: MakeOwnLink | None = None,
        overlay: MakeOverlay = no_overlay,
    ) -> None:
        self._live = live
        self._own_link = own_link
        self._overlay = overlay
        self._watch = watch
        self._stop = watch.stop
        self._crashed = False
        self._metrics = Metrics()
        self._board = read_board_facts(os.environ)
        self._store = store_from(os.environ)
        self._about = about(self._store, self._board)
        self._pictures = PictureDesk()
        self._io = LoopThread("io")
        self._http: HttpService | None = None
        self._player: Player | None = None
        self._ears: Ears | None = None
        self._link_settings: LinkSettings | None = None
        self._known_endpoints = KnownEndpoints(own_folder())
        self._measured = Measured(self._store)

    @property
    def _config(self) -> Config:
        return self._live.config

    def run(self) -> int:
        """Run until told to stop; the exit status. Raises KioskError, SplatError, DrivingError."""
        config = self._config
        sys.setswitchinterval(SWITCH_S)
        self._watch.take_over(lambda: self._io.spawn(self._live.reload(self._apply), "reload"))
        avatar, avatar_snapshot = load_avatar(config.avatar.path)
        with stage_for(avatar, config, self._board) as stage:
            audio = sound_output(config, self._board, self._metrics)
            clean = False
            try:
                self._run_parts(stage, avatar_snapshot, audio)
                clean = not self._crashed
            finally:
                end_within(GRACE_S, 0 if clean else 1)
                self._shut_down(audio)
        logger.info("stopped", extra={"code": "stopped"})
        return 1 if self._crashed else 0

    def _run_parts(self, stage: Stage, avatar_snapshot: AvatarSnapshot, audio: AudioOutput) -> None:
        config = self._config
        rig = Rig(stage.avatar)
        speech_net = SpeechNet()
        speech_net.start()
        self._player = player = Player(
            playback_settings(config),
            rig,
            audio,
            self._metrics,
            retarget=load_retarget(config.playback.retarget or None),
            make_mouth=speech_net.mouth,
            report=lambda request, state, played_ms: keeper.report_playback(
                request, state, played_ms
            ),
        )
        keeper = LinkKeeper(player.on_event, self._metrics)
        self._keeper = keeper
        visitors = visitors_for(config, player)
        self._ears = ears = ears_for(config, self._board, self._metrics, player, audio, visitors)
        listen = let_others_hear(ears, visitors, keeper, lambda: self._live.loaded, self._metrics)
        voice = VoiceInput(keeper.begin_voice, self._io.ask, lambda: self._config.voice.enabled)
        turned = config.display.rotate
        overlay = self._overlay(audio.snapshot, lambda: stage.snapshot, turned)
        render = RenderLoop(
            stage,
            rig,
            player,
            self._pictures,
            self._metrics,
            frame_rate=config.display.frame_rate,
            panel_latency_s=config.display.latency_ms / 1000,
            yaw_degrees=config.avatar.yaw_degrees,
            rotate_degrees=turned,
            costs=self._measured.costs(stage.snapshot, stage.avatar),
            overlay=marks_over(overlay, stage, turned, ears, self._pictures, keeper, listen, voice),
        )
        told = self._about
        self._metrics.info.labels(
            version=told.version, avatar=stage.avatar.name, serial=told.serial, board=told.board
        ).set(1)
        looked = Looked(
            stage=stage,
            avatar=avatar_snapshot,
            render=render,
            audio=audio.snapshot,
            ears=None if ears is None else ears.snapshot,
            visitors=visitors,
            keeper=keeper,
            player=player,
            speech_net=speech_net,
            http=lambda: self._http.snapshot if self._http is not None else None,
        )
        checks = kiosk_checks(looked, self._live, self._store, self._metrics)
        monitor = Monitor(checks, self._metrics)
        self._voiced = partial(speaking_as, stage.avatar.voice)
        self._use_endpoint(self._voiced(self._live.loaded.link))

        audio.start()
        if ears is not None:
            ears.start()
        self._io.start()
        if config.health.enabled:
            self._serve(render, player, monitor, (voice, listen), stage.snapshot)
        self._io.spawn(keeper.run(), "link", self._fail)
        self._io.spawn(self._keep_checking(monitor, keeper), "health", self._fail)
        self._io.spawn(visitors.presence.keep_watching(), "presence", self._fail)
        self._io.spawn(keep_returning_holes(), "memory", self._fail)
        if stage.lookout is not None:
            self._io.spawn(stage.lookout.keep_looking(), "screens", self._fail)
        self._io.spawn(self._live.keep_renewing(self._apply), "renewal", self._fail)
        watchdog = Watchdog({"audio": lambda: audio.snapshot().beat, "io": lambda: self._io.beat})
        render.run(self._stop, watchdog, lambda: tell_first_frame(stage.snapshot))

    def _serve(
        self,
        render: RenderLoop,
        player: Player,
        monitor: Monitor,
        routes: tuple[VoiceInput, ListenOutput],
        display: DisplaySnapshot,
    ) -> None:
        view = View(
            config=lambda: self._config,
            secrets=lambda: self._live.loaded.secrets,
            report=lambda: monitor.report,
            figures=lambda: figures(
                render.snapshot, player.snapshot(), self._metrics, self._measured.told
            ),
            alive=lambda: time.monotonic() - render.snapshot.last_frame < ALIVE_S,
            metrics=self._metrics,
            pictures=self._pictures,
            about=self._about,
        )
        console = Console(
            lambda: self._config, self._network, lambda: player.interrupt() is not None
        )
        gesture = GestureInput(player.gesture)

        def make_server(port: int | None) -> HttpServer:
            parts = (console, gesture, *routes)
            return HttpServer(view, *(part.add_routes for part in parts), port=port)

        self._http = http = HttpService(make_server, self._metrics)
        local_url = http.start().local_url
        self._io.spawn(http.keep(), "http_keeper")
        if display.driver == "offscreen" and self._config.health.console:
            logger.info(
                "no screen is used; see the picture at %s",
                local_url,
                extra={"code": "look_at"},
            )

    def _network(self) -> NetworkSettings:
        """The way out, as the configuration and its files have it."""
        return network_settings(self._config, self._live.loaded.secrets.texts)

    async def _keep_checking(self, monitor: Monitor, keeper: LinkKeeper) -> None:
        await asyncio.sleep(SETTLE_S)
        before = ""
        while True:
            keeper.count()
            report = monitor.update(time.monotonic())
            failing = [r.name for r in report.results if r.finding.status]
            told = f"{report.status.word}: {', '.join(failing)}" if failing else "all is well"
            if told != before:
                systemd_notify.tell_status(told)
                before = told
            await asyncio.sleep(CHECK_EVERY_S)

    def _use_endpoint(self, settings: LinkSettings | None) -> None:
        """Link to what the configuration names."""
        self._link_settings = settings
        if self._own_link is not None:
            own_link = self._own_link
            self._keeper.use(lambda sink: own_link(sink, self._stop.set), configured=True)
            return
        if settings is None:
            self._keeper.use(NoLink, configured=False)
        else:
            self._keeper.use(
                lambda sink: make_link(
                    settings, sink, self._known_endpoints, lambda: self._link_settings or settings
                ),
                configured=True,
            )

    def _apply(self, loaded: Loaded, sections: frozenset[str]) -> None:
        # Also where no option has changed: a file may hold another secret, and a link that has
        # given up for good waits for just this
        link, before, state = self._voiced(loaded.link), self._link_settings, self._keeper.snapshot
        if self._own_link is None and (state.fatal or link != before):
            if state.up and link is not None and before is not None and link.same_session(before):
                self._link_settings = link  # from its next connection on
            else:
                logger.info("the link is restarted", extra={"code": "link_renewed"})
                self._use_endpoint(link)
        if "log" in sections:
            log.set_level(loaded.config.log.level)

    def _fail(self, _error: BaseException) -> None:
        """A part of the io thread has broken: end, so that the service manager starts anew."""
        self._crashed = True
        self._stop.set()

    def _shut_down(self, audio: AudioOutput) -> None:
        systemd_notify.tell_stopping()
        self._pictures.close()
        if self._ears is not None:
            self._ears.end()
        if self._player is not None:
            # Silence, and the endpoint hears of it while there is a link
            self._player.interrupt()
        # Both at once: an endpoint that does not answer the close takes as long as the server
        ended = {"io": self._io.begin_stop()}
        if self._http is not None:
            ended["http"] = self._http.begin_stop()
        until = time.monotonic() + STOP_S
        if self._ears is not None:
            ended["ears"] = self._ears.ended
        late = [name for name, wait in ended.items() if not wait(max(until - time.monotonic(), 0))]
        audio.stop()
        if late:
            logger.warning(
                "threads that did not stop in time: %s",
                ", ".join(late),
                extra={"code": "threads_late"},
            )
