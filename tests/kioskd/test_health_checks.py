# SPDX-License-Identifier: Apache-2.0
"""Every check of the kiosk's own parts: what it sees, and what it makes of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from driving_client.motion_failure import MotionFailure, endpoint_failure
from kioskd.audio.snapshot import AudioSnapshot
from kioskd.config.snapshot import ConfigSnapshot
from kioskd.health.checks import (
    AUDIO_REASONS,
    ENDPOINT_REASON,
    MOTION_REASONS,
    SCREEN_REASONS,
    SLOW_S,
    AudioCheck,
    AvatarCheck,
    ConfigCheck,
    LinkCheck,
    MotionCheck,
    RenderLoopCheck,
)
from kioskd.health.display_check import TEXTS, DisplayCheck
from kioskd.health.status import Finding
from kioskd.link.snapshot import LinkSnapshot
from kioskd.playback.snapshot import PlayerSnapshot
from kioskd.screen.snapshot import (
    FAULTS,
    AvatarSnapshot,
    DisplaySnapshot,
    RenderSnapshot,
    ScreenProblem,
)
from splat_gles.governor import GovernorState
from splat_gles.governor_ladder import Step

NOW = 1000.0


def outcome(finding: Finding) -> tuple[str, ...]:
    """The status and the codes of the reasons."""
    return (finding.status.word, *(reason.code for reason in finding.reasons))


DRAWING = RenderSnapshot(frames=900, last_frame=NOW, fps=30.0, asked_rate=30.0)


@pytest.mark.parametrize(
    ("render", "expected"),
    [
        (RenderSnapshot(), ("warn", "starting")),
        (DRAWING, ("pass",)),
        (replace(DRAWING, last_frame=NOW - 20), ("fail", "render_loop_stalled")),
        (replace(DRAWING, fps=20.0), ("warn", "slow_frames")),
        (replace(DRAWING, fps=24.0, asked_rate=60.0), ("pass",)),
        (replace(DRAWING, fps=24.0, asked_rate=0.0), ("pass",)),
        (replace(DRAWING, fps=11.5, asked_rate=12.0), ("pass",)),
        (replace(DRAWING, fps=9.0, asked_rate=12.0), ("warn", "slow_frames")),
        (replace(DRAWING, trouble="blank"), ("fail", "screen_blank")),
        (replace(DRAWING, trouble="still"), ("fail", "screen_still")),
    ],
)
def test_the_render_loop_must_draw_and_fast_enough(
    render: RenderSnapshot, expected: tuple[str, ...]
) -> None:
    check = RenderLoopCheck(lambda: render)
    check.run(NOW - SLOW_S)
    assert outcome(check.run(NOW)) == expected


def governor(load: float, scale: float, divisor: int = 1) -> GovernorState:
    return GovernorState(1, Step(scale, divisor), load, "overload", 1)


@pytest.mark.parametrize(
    ("quality", "advice", "never"),
    [
        (governor(1.3, 0.67), "is being lowered by itself", "splats"),
        (governor(1.3, 0.5), "avatar of fewer splats, or", "by itself"),
        (governor(1.3, 0.5, 2), "avatar of fewer splats, or", "by itself"),
        (governor(0.4, 1.0), "one takes 40% of its time: end what else keeps", "splats"),
        (governor(0.4, 0.5), "one takes 40% of its time: end what else keeps", "splats"),
        (None, "end what else keeps the board busy", "splats"),
    ],
)
def test_slow_frames_are_never_told_to_get_what_the_governor_gives_by_itself(
    quality: GovernorState | None, advice: str, never: str
) -> None:
    check = RenderLoopCheck(lambda: replace(DRAWING, fps=9.0, quality=quality))
    check.run(NOW - SLOW_S)
    (reason,) = check.run(NOW).reasons
    assert advice in reason.text
    assert never not in reason.text
    assert "display.width" not in reason.text


def test_a_short_slowness_is_no_alarm() -> None:
    render = replace(DRAWING, fps=5.0)
    check = RenderLoopCheck(lambda: render)
    for second in range(9):
        render = replace(render, last_frame=NOW + second)
        assert outcome(check.run(NOW + second)) == ("pass",)
    render = replace(render, fps=30.0)
    assert outcome(check.run(NOW + 9)) == ("pass",)
    render = replace(render, fps=5.0)
    assert outcome(check.run(NOW + 10)) == ("pass",)


SCREEN = DisplaySnapshot("kmsdrm", 1080, 1920, "Mali-G52")
BUFFER = DisplaySnapshot("offscreen", 540, 960, "Mali-G52", screens="card1 rockchip: HDMI-A-1 off")


@pytest.mark.parametrize(
    ("display", "expected"),
    [
        (None, ("fail", "no_display")),
        (SCREEN, ("pass",)),
        (replace(SCREEN, driver="x11"), ("pass",)),
        (replace(BUFFER, screens=""), ("pass",)),
        *[
            (replace(BUFFER, problem=code), ("warn", code))
            for code in ("no_graphics_card", "no_screen_connected", "screen_without_modes")
        ],
        *[
            (DisplaySnapshot("none", 0, 0, "", code, "card1", "why"), ("fail", code))
            for code in ("screen_forbidden", "screen_busy", "screen_failed")
        ],
    ],
)
def test_nobody_at_a_screen_is_told(
    display: DisplaySnapshot | None, expected: tuple[str, ...]
) -> None:
    finding = DisplayCheck(lambda: display).run(NOW)
    assert outcome(finding) == expected
    if expected[0] != "pass" and display is not None:
        assert display.screens in finding.observed
        assert display.error in finding.reasons[0].text


def test_every_problem_of_a_screen_has_its_words() -> None:
    assert set(TEXTS) == set(get_args(ScreenProblem))
    assert set(TEXTS) > FAULTS


def test_a_loop_that_has_nowhere_to_draw_must_live_all_the_same() -> None:
    dark = RenderSnapshot(last_frame=NOW, dark=True)
    check = RenderLoopCheck(lambda: dark)
    for second in range(20):
        dark = replace(dark, last_frame=NOW + second)
        assert outcome(check.run(NOW + second)) == ("pass",)
    assert outcome(check.run(NOW + 40)) == ("fail", "render_loop_stalled")


def test_another_avatar_than_the_configured_one_is_told() -> None:
    assert outcome(AvatarCheck(lambda: None).run(NOW)) == ("fail", "no_avatar")
    avatar = AvatarSnapshot("ball", 400)
    assert outcome(AvatarCheck(lambda: avatar).run(NOW)) == ("pass",)
    stand_in = replace(avatar, problem="/b.avatar: damaged")
    assert outcome(AvatarCheck(lambda: stand_in).run(NOW)) == ("warn", "avatar_not_loaded")


SOUND = AudioSnapshot(reason=None, beat=999.9)


@pytest.mark.parametrize(
    ("audio", "enabled", "expected"),
    [
        (SOUND, True, ("pass",)),
        (replace(SOUND, beat=990.0), True, ("fail", "audio_stuck")),
        (replace(SOUND, reason="audio_disabled"), False, ("pass",)),
        *[
            (replace(SOUND, reason=code), True, ("warn", code))
            for code in (*AUDIO_REASONS, "audio_of_the_future")
        ],
    ],
)
def test_sound_that_is_not_heard_is_told(
    audio: AudioSnapshot, enabled: bool, expected: tuple[str, ...]
) -> None:
    assert outcome(AudioCheck(lambda: audio, "default", enabled).run(NOW)) == expected


LINK = LinkSnapshot(configured=True, since=999.0)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (LinkSnapshot(configured=False), ("pass",)),
        (replace(LINK, up=True, connection_id="c"), ("pass",)),
        (LINK, ("warn", "link_connecting")),
        (replace(LINK, since=990.0), ("warn", "link_down")),
        (replace(LINK, reason="refused", retry_in_s=1.0), ("warn", "link_down")),
        (replace(LINK, reason="4001", fatal=True), ("fail", "link_refused")),
    ],
)
def test_an_endpoint_that_is_not_there_is_told(
    link: LinkSnapshot, expected: tuple[str, ...]
) -> None:
    finding = LinkCheck(lambda: link, lambda: "wss://h/relay?sessionKey=geheim").run(NOW)
    assert outcome(finding) == expected
    assert "geheim" not in finding.observed


def test_the_link_says_what_the_endpoint_answered_and_when_it_is_asked_again() -> None:
    link = replace(LINK, reason="http_404: no such avatar", retry_in_s=30.0, since=NOW - 12)
    finding = LinkCheck(lambda: link, lambda: "wss://h/relay").run(NOW)
    [reason] = finding.reasons
    assert reason.text == (
        "http_404: no such avatar; that was 12 s ago, next try in 18 s; it is retried indefinitely"
    )


def test_speech_without_motion_is_told_and_a_lost_link_only_once() -> None:
    assert outcome(MotionCheck(PlayerSnapshot, lambda: True).run(NOW)) == ("pass",)
    for code in (*MOTION_REASONS, endpoint_failure("code_of_the_endpoint")):
        player = PlayerSnapshot(reasons=(code,), motion="audio_only")
        assert outcome(MotionCheck(lambda player=player: player, lambda: True).run(NOW)) == (
            "warn",
            code,
        )
    down = PlayerSnapshot(reasons=(MotionFailure.LINK_DOWN,))
    assert outcome(MotionCheck(lambda: down, lambda: True).run(NOW)) == ("pass",)


def test_every_reason_why_motion_failed_has_its_words() -> None:
    assert set(MOTION_REASONS) == set(MotionFailure)
    texts = [*MOTION_REASONS.values(), ENDPOINT_REASON]
    assert len(set(texts)) == len(texts)
    player = PlayerSnapshot(reasons=(endpoint_failure("server_error_5"),), motion="audio_only")
    [reason] = MotionCheck(lambda: player, lambda: True).run(NOW).reasons
    assert json.dumps([reason.code, reason.text]) == f'["server_error_5", "{ENDPOINT_REASON}"]'
    player = PlayerSnapshot(reasons=(MotionFailure.LATE,))
    [reason] = MotionCheck(lambda: player, lambda: True).run(NOW).reasons
    assert json.dumps(reason.code) == '"motion_late"'


def test_without_an_endpoint_nobody_misses_a_connection() -> None:
    idle = PlayerSnapshot(reasons=(MotionFailure.LINK_DOWN, MotionFailure.NO_CONNECTION))
    assert outcome(MotionCheck(lambda: idle, lambda: True).run(NOW)) == ("warn", "no_connection")
    check = MotionCheck(lambda: idle, lambda: False)
    assert outcome(check.run(NOW)) == ("pass",)
    idle = replace(idle, reasons=(*idle.reasons, MotionFailure.NO_ENDPOINT), motion="audio_only")
    finding = check.run(NOW)
    assert outcome(finding) == ("pass",)


def test_a_configuration_that_does_not_apply_is_told() -> None:
    assert outcome(ConfigCheck(ConfigSnapshot).run(NOW)) == ("pass",)
    broken = ConfigSnapshot(problems=("a.yaml:1: x", "a.yaml:2: y"))
    assert outcome(ConfigCheck(lambda: broken).run(NOW)) == (
        "warn",
        "config_invalid",
        "config_invalid",
    )
    waiting = ConfigSnapshot(waiting=("audio.volume",))
    assert outcome(ConfigCheck(lambda: waiting).run(NOW)) == ("warn", "config_needs_restart")


def test_the_page_of_the_interface_names_every_reason(root: Path) -> None:
    page = (root / "kioskd/http/README.md").read_text()
    sources = [
        (root / "kioskd/health" / name).read_text() for name in ("checks.py", "board_checks.py")
    ]
    written = re.findall(
        r'(?:warned|failed|Reason)\(\s*[^,()]*?(?:,\s*)?"([a-z]+_[a-z_]+|starting)"',
        "".join(sources),
    )
    codes = {*written, *AUDIO_REASONS, *MOTION_REASONS, *SCREEN_REASONS, *TEXTS}
    assert len(codes) > 20
    assert not [code for code in codes if f"`{code}`" not in page]
