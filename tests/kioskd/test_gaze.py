# SPDX-License-Identifier: Apache-2.0
"""The gaze as it is shown: on the visitor while the head moves, away now and then, in saccades."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import eye_record
import numpy as np
import pytest
from eye_record import Array
from made_up.plugin import MADE_UP
from player_stage import FRAME_S, RATE, Stage
from ready_settings import STILL, ready_idle, ready_playback

from driving_client.link.interface import UtteranceStarted
from driving_client.motion import ParameterSpace
from driving_client.utterance import Utterance
from kioskd.life.activity import Activity
from splat_gles.avatar import Avatar
from splat_gles.bundle import read_bundle
from splat_gles.camera import on_screen
from splat_gles.eyes import eyes_of

AVATARS = Path(__file__).resolve().parents[2] / "config" / "avatars"
PORTRAIT = (1080, 1920)
CONTACT_DEGREES = 4.0
"""Within which a visitor a metre away feels looked at (Gamer and Hecht 2007: 4 to 5)."""

GESTURES = {Activity.LISTENING: "listen", Activity.THINKING: "think"}
CONTACT = {
    Activity.IDLE: (0.5, 0.75),
    Activity.LISTENING: (0.75, 0.87),
    Activity.THINKING: (0.08, 0.3),
    Activity.SPEAKING: (0.6, 0.72),
}
LOOKS_S = {
    Activity.IDLE: (2.5, 5.0),
    Activity.LISTENING: (4.0, 8.0),
    Activity.THINKING: (0.5, 1.8),
    Activity.SPEAKING: (2.2, 4.2),
}
"""Mean seconds of a look at the visitor: 3 in conversation (Argyle and Cook 1976), longer where one
listens (Lee, Badler and Badler 2002: 7.9 against 3.1 s)."""


@pytest.fixture(scope="module")
def default() -> Avatar:
    return read_bundle(AVATARS / "default-20k.avatar")


def visitor_of(avatar: Avatar) -> Array:
    return on_screen(avatar.framing, PORTRAIT).position


def nodding_voice(seconds: float) -> Utterance:
    """A voice whose motion turns and nods the head by up to ten degrees, at most 25 a second."""
    times = np.arange(round(seconds * 25)) / 25
    frames = np.zeros((len(times), 55), np.float32)
    frames[:, 52] = np.radians(8) * np.sin(2 * np.pi * 0.41 * times)
    frames[:, 53] = np.radians(10) * np.sin(2 * np.pi * 0.3 * times)
    frames[:, 54] = np.radians(4) * np.sin(2 * np.pi * 0.23 * times)
    utterance = Utterance("a", RATE, space=ParameterSpace.ARKIT)
    utterance.append_audio(np.ones(round(seconds * RATE), np.int16))
    utterance.end_audio()
    utterance.append_motion(frames)
    utterance.end_motion()
    return utterance


def watched(
    avatar: Avatar, activity: Activity, seconds: float, seed: int, degrees: float = 10.0
) -> Array:
    """What the gaze (n, 2, 2) is seen to do after two seconds of it."""
    idle = ready_idle(seed=seed, gaze_degrees=degrees)
    stage = Stage(ready_playback(idle=idle, gesture_limit_s=10_000.0), avatar)
    if activity is Activity.SPEAKING:
        stage.player.on_event(UtteranceStarted(nodding_voice(seconds + 3)))
    else:
        stage.player.gesture(GESTURES.get(activity, "idle"))
    stage.run(2.0)
    return eye_record.gaze_of(avatar, stage.run(seconds), visitor_of(avatar))


@pytest.mark.parametrize("name", ["default-20k", "samuel-20k"])
def test_the_gaze_stays_on_the_visitor_while_the_head_turns_nods_and_breathes(name: str) -> None:
    avatar = read_bundle(AVATARS / f"{name}.avatar")
    gaze = watched(avatar, Activity.SPEAKING, 20.0, seed=1, degrees=0.0)
    print(f"worst {np.abs(gaze).max():.3f} degrees")
    assert np.abs(gaze).max() < 0.3


def test_so_does_the_gaze_of_an_imported_avatar_whose_shapes_turn_unequally(
    baked_lam: Callable[[str], Avatar],
) -> None:
    made = baked_lam(MADE_UP)
    deltas = made.deltas.copy()
    for side in ("Left", "Right"):
        deltas[made.blendshapes.index(f"eyeLookIn{side}")] *= 0.5
    avatar = replace(made, deltas=deltas)
    gaze = watched(avatar, Activity.SPEAKING, 10.0, seed=1, degrees=0.0)
    print(f"worst {np.abs(gaze).max():.3f} degrees")
    assert np.abs(gaze).max() < 0.3


def test_both_eyes_meet_at_the_visitor(default: Avatar) -> None:
    """At 0.96 m eyes that are 56 mm apart converge by 3.4 degrees."""
    stage = Stage(ready_playback(idle=STILL), default)
    rotations = stage.run(0.5)[-1]
    left, right = eyes_of(default)
    visitor = visitor_of(default)
    apart = left.centre[0] - right.centre[0]
    away = float(np.linalg.norm(visitor - (np.array(left.centre) + right.centre) / 2))
    wanted = 2 * np.degrees(np.arctan(apart / 2 / away))
    names = default.blendshapes
    turned = {name: 25.0 * float(w) for name, w in zip(names, rotations.weights, strict=True)}
    inwards = sum(turned[f"eyeLookIn{s}"] - turned[f"eyeLookOut{s}"] for s in ("Left", "Right"))
    assert wanted == pytest.approx(3.4, abs=0.2)
    assert inwards == pytest.approx(wanted, abs=0.15)


def test_a_visitor_before_another_screen_is_looked_at_there(default: Avatar) -> None:
    stage = Stage(ready_playback(idle=STILL), default)
    visitor = on_screen(default.framing, (1920, 1080), yaw=0.2).position
    x, y, z = visitor.tolist()
    stage.player.look_at((x, y, z))
    gaze = eye_record.gaze_of(default, stage.run(0.1), visitor)
    assert np.abs(gaze).max() < 0.05


def test_eyes_that_cannot_turn_as_far_stop_softly_and_alike(default: Avatar) -> None:
    stage = Stage(ready_playback(idle=STILL), default)
    turns = []
    for degrees in np.arange(0.0, 60.0, 0.5):
        angle = np.radians(degrees)
        stage.player.look_at((float(np.sin(angle)), 1.55, 0.1 + float(np.cos(angle))))
        weights = stage.frame().weights
        ways = dict(zip(default.blendshapes, weights.tolist(), strict=True))
        left = ways["eyeLookOutLeft"] - ways["eyeLookInLeft"]
        right = ways["eyeLookInRight"] - ways["eyeLookOutRight"]
        turns.append((25.0 * left, 25.0 * right))
    turned = np.array(turns)
    assert turned.max() <= 25.01
    assert np.diff(turned, axis=0).min() > -1e-3
    assert np.abs(np.diff(turned, axis=0, n=2)).max() < 0.12
    # Both see the same far thing: they do not part by more than the visitor's nearness asks for
    assert np.abs(turned[:, 0] - turned[:, 1]).max() < 4.0


@pytest.mark.slow("watches the eyes for forty minutes")
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("activity", list(Activity))
def test_ten_minutes_of_a_gaze_that_lives(default: Avatar, activity: Activity, seed: int) -> None:
    """Slip, saccades a minute, shares of contact, and nothing that comes again."""
    gaze = watched(default, activity, 595.0, seed).mean(axis=1)
    found = eye_record.saccades(gaze, FRAME_S)
    speed = np.linalg.norm(np.diff(gaze, axis=0), axis=1) / FRAME_S
    contact = np.linalg.norm(gaze, axis=1) < CONTACT_DEGREES
    held = contact[1:] & (speed < eye_record.SACCADE_SPEED)
    for saccade in found:
        held[max(saccade.begin - 2, 0) : saccade.end + 2] = False
    slip = float(np.sqrt(np.mean(speed[held] ** 2)))
    minutes = len(gaze) * FRAME_S / 60
    a_minute, share = len(found) / minutes, float(contact.mean())
    print(f"slip {slip:.3f}, {a_minute:.1f} saccades a minute, contact {share:.3f}")
    assert slip < 0.3
    assert 60 <= a_minute <= 100
    least, most = CONTACT[activity]
    assert least < share < most
    looks = np.array([b - a for a, b in eye_record.stretches(contact)][1:-1]) * FRAME_S
    looks = looks[looks > 0.2]
    print(f"looks of {looks.mean():.1f} s, sd {looks.std():.1f}")
    shortest, longest = LOOKS_S[activity]
    assert shortest < looks.mean() < longest
    assert looks.std() > 0.35 * looks.mean(), "no two are of the same length"
    for axis in range(2):
        assert repetition(gaze[:, axis]) < 0.3


def repetition(signal: Array) -> float:
    """The highest autocorrelation at lags of 5 to 300 s of what is faster than a minute."""
    tenths = signal[: len(signal) // 6 * 6].reshape(-1, 6).mean(axis=1)
    width = np.ones(600) / 600
    quick = tenths - np.convolve(np.pad(tenths, 300, mode="edge"), width, "same")[300:-300]
    quick -= quick.mean()
    power = np.abs(np.fft.rfft(quick, 2 * len(quick))) ** 2
    course = np.fft.irfft(power)[: len(quick)] / np.arange(len(quick), 0, -1)
    return float((course[50:3000] / course[0]).max())


def test_saccades_are_as_fast_as_people_s(default: Avatar) -> None:
    """Means of a hundred people's peaks, in degrees a second (Hopf et al. 2018), which vary by a
    seventh; Bahill, Clark and Stark 1975 measured them a little faster."""
    stage = Stage(ready_playback(idle=ready_idle(seed=4, gaze_degrees=12.0)), default)
    step = 1 / 500
    poses = []
    for _ in range(round(60 / step)):
        stage.sound.pass_time(step)
        poses.append(stage.player.tick(stage.sound.now, step))
    gaze = eye_record.gaze_of(default, poses, visitor_of(default)).mean(axis=1)
    found = eye_record.saccades(gaze, step)
    assert len(found) > 40
    for saccade in found:
        if saccade.degrees > 2:
            lasts = (saccade.end - saccade.begin) * step
            assert lasts == pytest.approx(0.021 + 0.0022 * saccade.degrees, abs=0.012)
        if saccade.degrees > 4:
            usual = np.interp(saccade.degrees, [0, 5, 15, 30], [0, 213, 352, 455])
            assert 0.75 * usual < saccade.peak < 1.35 * usual, saccade
    starts = np.array([saccade.begin for saccade in found]) * step
    assert np.diff(starts).min() > 0.2


def test_the_eyes_go_before_the_head_and_stay_where_they_are_while_it_comes(
    default: Avatar,
) -> None:
    """With a quarter to a half of the way for a look of 15 degrees and more."""
    settings = ready_idle(seed=6, gaze_degrees=15.0, breath=0.0)
    stage = Stage(ready_playback(idle=settings), default)
    step = 1 / 100
    heads, poses = [], []
    for _ in range(round(300 / step)):
        stage.sound.pass_time(step)
        pose = stage.player.tick(stage.sound.now, step)
        poses.append(pose)
        heads.append(np.degrees(pose.rotations[1:3, 1].sum()))
    head = np.array(heads)
    gaze = eye_record.gaze_of(default, poses, visitor_of(default)).mean(axis=1)
    shares = []
    for saccade in eye_record.saccades(gaze, step):
        origin, arrived = gaze[saccade.begin], gaze[saccade.end]
        far = arrived[0] - origin[0]
        if abs(far) < 15 or abs(origin[0]) > 4 or saccade.end + 100 > len(head):
            continue
        before = head[saccade.begin]
        assert abs(head[saccade.begin + 3] - before) < 0.05 * abs(far), "the eyes lead by 30 ms"
        assert abs(head[saccade.end] - before) < 0.1 * abs(far)
        # 0.15 s on, no other saccade yet: the head is on its way and the gaze has not moved
        assert np.linalg.norm(gaze[saccade.end + 15] - arrived) < 1.0
        later = head[saccade.end : saccade.end + 80]
        shares.append(np.abs(later - before).max() / abs(far))
    print(f"{len(shares)} large looks, the head's share {np.round(shares, 2)}")
    assert len(shares) >= 3
    assert 0.2 < np.median(shares) < 0.5
