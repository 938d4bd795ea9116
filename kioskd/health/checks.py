# SPDX-License-Identifier: Apache-2.0
"""The checks of the kiosk's own parts: avatar, render loop, audio, link, motion.

Each is given a callable that returns the part's latest snapshot. The check of the
display is in `kioskd.health.display_check`, those of the board in `kioskd.health.board_checks`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from driving_client.motion_failure import MotionFailure, MotionReason
from kioskd.audio.snapshot import AudioSnapshot
from kioskd.config.snapshot import ConfigSnapshot
from kioskd.health.status import Finding, Reason, Status, failed, passed, warned
from kioskd.link.snapshot import LinkSnapshot
from kioskd.playback.snapshot import PlayerSnapshot
from kioskd.screen.snapshot import AvatarSnapshot, RenderSnapshot
from splat_gles.governor import GovernorState
from splat_gles.quality import SCALES

STALLED_S: Final = 3.0
LOWEST_RATE: Final = 25.0
"""Frames a second below which motion visibly stutters: the rate of the motion itself."""
SLOW_S: Final = 10.0
"""Another program's short burst is no reason to alarm anybody."""
BUSY_LOAD: Final = 0.8
"""Share of their time that frames take, above which drawing is what makes them late."""
STARTING_S: Final = 5.0
"""For that long a link may be connecting."""


@dataclass(frozen=True, slots=True)
class AvatarCheck:
    """Whether the avatar that is configured is the one that shows."""

    name: ClassVar[str] = "avatar"
    source: Callable[[], AvatarSnapshot | None]

    def run(self, _now: float) -> Finding:
        """Warns while the default avatar stands in."""
        avatar = self.source()
        if avatar is None:
            return failed("none", "no_avatar", "no avatar has been loaded yet")
        observed = f"{avatar.name}, {avatar.splats} splats"
        if avatar.problem:
            return warned(observed, "avatar_not_loaded", avatar.problem)
        return passed(observed)


SCREEN_REASONS: Final = {
    "screen_blank": "the avatar is drawn but does not appear on the screen, even after the "
    "display was reopened; restart the board, update its GPU driver",
    "screen_still": "the picture does not change although the avatar moves, even after the "
    "display was reopened; restart the board, update its GPU driver",
}


@dataclass(slots=True)
class RenderLoopCheck:
    """Whether frames are drawn, fast enough, and seen."""

    name: ClassVar[str] = "render_loop"
    source: Callable[[], RenderSnapshot]
    _slow_since: float | None = None

    def run(self, now: float) -> Finding:
        """Fails when frames have stopped or show nothing; warns when for SLOW_S too few came."""
        render = self.source()
        if not render.frames and not render.dark:
            return warned("no frame yet", "starting", "the first frame has not been drawn yet")
        idle = now - render.last_frame
        if idle > STALLED_S:
            return failed(
                f"no frame for {idle:.0f} s",
                "render_loop_stalled",
                "drawing has stopped; the watchdog restarts the service",
            )
        if render.dark:
            return passed("nothing is drawn while there is no display")
        observed = f"{render.fps:.1f} frames a second"
        if render.quality is not None and render.quality.index:
            step = render.quality.step
            observed += f" at {step.scale:g} of the resolution"
            observed += " and half the rate" if step.divisor > 1 else ""
            observed += f" ({render.quality.reason})"
        if render.trouble is not None:
            code = f"screen_{render.trouble}"
            return failed(observed, code, SCREEN_REASONS[code])
        aim = min(render.asked_rate or LOWEST_RATE, LOWEST_RATE)
        if render.fps >= 0.9 * aim:
            self._slow_since = None
        elif self._slow_since is None:
            self._slow_since = now
        if self._slow_since is not None and now - self._slow_since >= SLOW_S:
            text = f"fewer than {aim:g} frames a second; {_slow_because(render.quality)}"
            return warned(observed, "slow_frames", text)
        return passed(observed)


def _slow_because(quality: GovernorState | None) -> str:
    """Why, and what helps beside the governor, which lowers the resolution by itself."""
    if quality is None or quality.load < BUSY_LOAD:
        share = "" if quality is None else f", one takes {quality.load:.0%} of its time"
        return f"drawing is not the reason{share}: end what else keeps the board busy (`top`)"
    if quality.step.scale > min(SCALES):
        return "the resolution is being lowered by itself, which takes some seconds"
    return (
        "the resolution is as low as it goes: show an avatar of fewer splats, or end what else "
        "keeps the board busy (`top`)"
    )


AUDIO_REASONS: Final = {
    "audio_no_device": "audio.device cannot be opened; `aplay -L` lists the names that exist",
    "audio_device_lost": "the device went away; plug it in again, it is picked up automatically",
    "audio_not_paced": "the device has no clock of its own; a real sound card is needed for sync",
}


@dataclass(frozen=True, slots=True)
class AudioCheck:
    """Whether speech is heard."""

    name: ClassVar[str] = "audio"
    source: Callable[[], AudioSnapshot]
    device: str
    enabled: bool

    def run(self, now: float) -> Finding:
        """Warns without a usable device; fails when the audio thread is stuck."""
        audio = self.source()
        if now - audio.beat > STALLED_S:
            return failed(
                "stuck", "audio_stuck", "the audio thread does not answer; restart the service"
            )
        if not self.enabled:
            return passed("switched off; the lips still move")
        observed = f"device {audio.device or self.device}, {audio.xruns} underruns"
        if audio.reason is not None:
            return warned(observed, audio.reason, AUDIO_REASONS.get(audio.reason, audio.reason))
        return passed(observed)


@dataclass(frozen=True, slots=True)
class LinkCheck:
    """Whether the driving endpoint is connected."""

    name: ClassVar[str] = "link"
    source: Callable[[], LinkSnapshot]
    url: Callable[[], str]

    def run(self, now: float) -> Finding:
        """Warns while it reconnects by itself; fails when only a person can mend it."""
        link = self.source()
        url = self.url().partition("?")[0]
        if not link.configured:
            return passed("no endpoint is configured")
        if link.up:
            connection = f", connection {link.connection_id}" if link.connection_id else ""
            return passed(f"connected to {url}{connection}")
        if link.fatal:
            text = f"{link.reason}; not retried: mend it, then `systemctl reload kioskd`"
            return failed(f"{url} refuses", "link_refused", text)
        if not link.reason and now - link.since < STARTING_S:
            return warned(f"connecting to {url}", "link_connecting", "not connected yet")
        text = link.reason or "no answer yet"
        ago = now - link.since
        again = "now" if link.retry_in_s is None else f"in {max(link.retry_in_s - ago, 0.0):.0f} s"
        text = f"{text}; that was {ago:.0f} s ago, next try {again}; it is retried indefinitely"
        return warned(f"{url} not connected", "link_down", text)


MOTION_REASONS: Final[Mapping[MotionFailure, str]] = {
    MotionFailure.NO_ENDPOINT: "no endpoint is configured: lips follow the sound",
    MotionFailure.RELAY_TAKES_NO_VOICE: "a voice of your own gets the endpoint's motion only with "
    "endpoint.dialect driveningress: its lips follow the sound",
    MotionFailure.LINK_DOWN: "the endpoint is not connected: lips follow the sound",
    MotionFailure.LINK_LOST: "the endpoint went away: for the rest of this speech the lips follow "
    "the sound",
    MotionFailure.BACKEND_ERROR: "the backend reports an error for this speech: its lips follow "
    "the sound; see the backend's log",
    MotionFailure.TOO_LONG: "the endpoint sent more motion than speech may have: lips follow the "
    "sound",
    MotionFailure.EMPTY: "the endpoint answered without motion: lips follow the sound",
    MotionFailure.GIVEN_UP: "the rest of this speech is not wanted any more",
    MotionFailure.OTHER: "motion failed for this utterance: its lips follow the sound",
    MotionFailure.LATE: "speech has begun, its motion has not come yet: lips follow the sound",
    MotionFailure.STALLED: "motion stopped coming: lips follow the sound until it is back",
    MotionFailure.TIMEOUT: "speech has had no motion for playback.audio_only_after_s: lips follow "
    "the sound; check whether the endpoint answers",
    MotionFailure.NEVER_CAME: "this speech was over before any motion came",
    MotionFailure.NO_CONNECTION: "no endpoint for a while: lips follow the sound until it is back",
    MotionFailure.AUDIO_STARVED: "speech waits for sound that is late",
}
"""Each reason in words; an endpoint's own code has ENDPOINT_REASON."""
ENDPOINT_REASON: Final = "the endpoint gave no motion for this speech: its lips follow the sound"

MOTION_WORDS: Final = {
    "local": "late, lips follow the sound",
    "audio_only": "audio only, lips follow the sound",
}


@dataclass(frozen=True, slots=True)
class MotionCheck:
    """Whether what is spoken has motion."""

    name: ClassVar[str] = "motion"
    source: Callable[[], PlayerSnapshot]
    has_endpoint: Callable[[], bool]

    def run(self, _now: float) -> Finding:
        """Warns while an utterance goes on without motion, or would."""
        player = self.source()
        observed = player.state.value
        if player.request_id is not None:
            motion = MOTION_WORDS.get(player.motion, player.motion)
            observed += f" {player.request_id} at {player.position_s:.1f} s, motion {motion}"
        untold: set[MotionReason] = set()
        if not self.has_endpoint():
            # Nothing is missing that anybody has asked for
            untold = {
                MotionFailure.LINK_DOWN,
                MotionFailure.NO_CONNECTION,
                MotionFailure.NO_ENDPOINT,
            }
        elif player.motion != "audio_only":
            # That the link is down while nobody needs it is the link check's to say
            untold = {MotionFailure.LINK_DOWN}
        reasons = tuple(_in_words(why) for why in player.reasons if why not in untold)
        if reasons:
            return Finding(Status.WARN, observed, reasons)
        return passed(observed)


def _in_words(why: MotionReason) -> Reason:
    return Reason(why, MOTION_REASONS[why] if isinstance(why, MotionFailure) else ENDPOINT_REASON)


@dataclass(frozen=True, slots=True)
class ConfigCheck:
    """Whether the configuration in force is the one that the files hold."""

    name: ClassVar[str] = "config"
    source: Callable[[], ConfigSnapshot]

    def run(self, _now: float) -> Finding:
        """Warns of what is not used as it is written, was refused, or waits for a restart."""
        config = self.source()
        reasons = [Reason("config_invalid", problem) for problem in config.problems]
        reasons += [Reason("renewal_refused", problem) for problem in config.refused]
        reasons += [Reason("config_warning", warning) for warning in config.warnings]
        if config.waiting:
            text = f"`systemctl restart kioskd` applies {', '.join(config.waiting)}"
            reasons.append(Reason("config_needs_restart", text))
        kept = config.problems or config.refused
        observed = "as it was before the files changed" if kept else "as the files say"
        if reasons:
            return Finding(Status.WARN, observed, tuple(reasons))
        return passed(observed)
