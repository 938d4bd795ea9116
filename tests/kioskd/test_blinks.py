# SPDX-License-Identifier: Apache-2.0
"""Blinks as they are shown: how often, when, how far, and how the two lids differ."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import eye_record
import numpy as np
import pytest
from eye_record import Array
from player_stage import FRAME_S, RATE, Stage
from ready_settings import ready_idle, ready_playback

from alive_bench.drive import FRAMES_A_SECOND, watch
from alive_bench.stage import Said, State
from driving_client.link.interface import UtteranceStarted
from driving_client.motion import ARKIT_NAMES
from driving_client.utterance import Utterance
from kioskd.life.activity import Activity
from kioskd.life.attention import Attention
from kioskd.life.blinks import Blinks
from splat_gles.bundle import read_bundle

AVATAR = Path(__file__).resolve().parents[2] / "config" / "avatars" / "default-20k.avatar"
LIDS = [ARKIT_NAMES.index(f"eyeBlink{side}") for side in ("Left", "Right")]
RATES = {
    Activity.IDLE: (14, 18),
    Activity.LISTENING: (15, 20),
    Activity.THINKING: (15, 20),
    Activity.SPEAKING: (22, 27),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """One blink: when its first lid sets off, seconds down and up, how far each lid shut."""

    start: float
    down_s: float
    up_s: float
    depth: tuple[float, float]


def blinks_of(lids: Array, frame_s: float = FRAME_S) -> list[Seen]:
    found = []
    for begin, end in eye_record.stretches(lids.max(axis=1) > 0):
        part = lids[begin:end]
        top = int(part.max(axis=1).argmax())
        last = int(np.flatnonzero(part.max(axis=1) > part.max() - 1e-6)[-1])
        left, right = part.max(axis=0).tolist()
        found.append(
            Seen(
                begin * frame_s, (top + 1) * frame_s, (end - begin - last) * frame_s, (left, right)
            )
        )
    return found


def lids_over(
    seconds: float, seed: int, attention: Attention, per_minute: float = 16.0, rate: float = 60.0
) -> Array:
    blinks = Blinks(per_minute, random.Random(seed))
    return np.array([blinks.at(i / rate, attention) for i in range(round(seconds * rate))])


def shown_lids(activity: Activity, seconds: float, seed: int) -> Array:
    """What the player shows of the lids while it does this."""
    idle = ready_idle(seed=seed)
    stage = Stage(ready_playback(idle=idle, gesture_limit_s=10_000.0))
    if activity is Activity.SPEAKING:
        voice = Utterance("a", RATE)
        voice.append_audio(np.ones(round((seconds + 3) * RATE), np.int16))
        voice.end_audio()
        voice.append_motion(np.zeros((round((seconds + 3) * 25), 120), np.float32))
        voice.end_motion()
        stage.player.on_event(UtteranceStarted(voice))
    stage.run(2.0)
    return np.array([pose.weights[LIDS] for pose in stage.run(seconds)], np.float64)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("activity", [Activity.IDLE, Activity.SPEAKING])
def test_ten_minutes_hold_as_many_blinks_as_people_s(activity: Activity, seed: int) -> None:
    """Bentivoglio et al. 1997: 17 a minute at rest, 26 in conversation."""
    seen = blinks_of(shown_lids(activity, 595.0, seed))
    print(f"{len(seen) / 595 * 60:.1f} a minute")
    least, most = RATES[activity]
    assert least <= len(seen) / 595 * 60 <= most
    gaps = np.diff([blink.start for blink in seen])
    assert gaps.max() < 20
    assert 0.02 < np.mean(gaps < 0.45) < 0.2


@pytest.mark.parametrize("activity", list(Activity))
def test_the_rate_is_the_activity_s(activity: Activity) -> None:
    least, most = RATES[activity]
    seen = blinks_of(lids_over(3600.0, 4, Attention(activity), rate=30.0), 1 / 30)
    assert least <= len(seen) / 60 <= most


def test_lids_go_down_fast_and_come_up_slowly_and_never_both_alike() -> None:
    rate = 1000.0
    seen = blinks_of(lids_over(600.0, 5, Attention(), rate=rate), 1 / rate)
    for blink in seen:
        assert 0.07 <= blink.down_s <= 0.125
        assert 1.4 * blink.down_s < blink.up_s < 0.27
        assert 0.18 < blink.down_s + blink.up_s < 0.42
    partial = [blink for blink in seen if max(blink.depth) < 0.99]
    print(f"{len(partial)} of {len(seen)} are partial")
    assert 0.1 < len(partial) / len(seen) < 0.3
    for blink in partial:
        assert 0.3 < min(blink.depth) < max(blink.depth) <= 0.85, "one lid comes further"
    whole = [blink for blink in seen if max(blink.depth) >= 0.99]
    assert all(min(blink.depth) > 0.99 for blink in whole), "or both eyes shut"


def test_one_lid_sets_off_before_the_other_now_this_one_now_that() -> None:
    lids = lids_over(300.0, 6, Attention(), rate=1000.0)
    leads = []
    for begin, _ in eye_record.stretches(lids.max(axis=1) > 0):
        left, right = (int(np.argmax(lids[begin : begin + 60, eye] > 0.01)) for eye in (0, 1))
        leads.append(left - right)
    assert all(1 <= abs(lead) <= 15 for lead in leads), "milliseconds"
    assert 0.3 < np.mean(np.array(leads) > 0) < 0.7


@pytest.mark.parametrize("known_s", [3.0, 0.0], ids=["told before", "told as they come"])
@pytest.mark.parametrize("seed", [1, 2])
def test_speakers_blink_where_a_phrase_ends(seed: int, known_s: float) -> None:
    """Within 0.3 s of an end at least twice as often as for ends that are elsewhere; and not more
    often on the whole."""
    chance = np.random.default_rng(seed)
    ends = np.cumsum(chance.uniform(1.6, 4.0, 220))
    blinks = Blinks(16.0, random.Random(seed))
    lids = []
    for i in range(round(600 / FRAME_S)):
        now = i * FRAME_S
        # As exact as it is known on a sound card's clock
        jitter = chance.uniform(-0.004, 0.004)
        near = ends[(ends > now - 1.0) & (ends <= now + known_s)] + jitter
        lids.append(blinks.at(now, Attention(Activity.SPEAKING, tuple(near.tolist()))))
    starts = np.array([blink.start for blink in blinks_of(np.array(lids))])
    least, most = RATES[Activity.SPEAKING]
    assert least <= len(starts) / 10 <= most

    def near_ends(shift: float) -> float:
        return float(np.mean([np.abs(ends + shift - start).min() < 0.3 for start in starts]))

    found = near_ends(0.0)
    elsewhere = np.mean([near_ends(float(shift)) for shift in chance.uniform(20, 60, 20)])
    print(f"{found:.2f} of the blinks at ends of phrases, {elsewhere:.2f} by chance")
    assert found > 2 * elsewhere


def phrase_ends(said: Said) -> list[float]:
    """Where the synthesiser itself pauses for more than 0.15 s, and where it ends."""
    phonemes = said.speech.phonemes
    pauses = [(p.start, p.end) for p in phonemes if p.name.startswith("_")]
    ends = [start for start, end in pauses if end - start > 0.15 and start > 0.3]
    last = max(p.end for p in phonemes if not p.name.startswith("_"))
    return [said.began_s + end for end in (*(e for e in ends if e < last - 0.1), last)]


@pytest.mark.slow("speaks for three minutes")
@pytest.mark.parametrize("state", [State.SPEAKING_TEXT, State.SPEAKING_AUDIO])
def test_the_player_hears_where_the_phrases_end(state: State) -> None:
    """Nobody tells it: sentences of a voice, of which it gets sound or sound and motion."""
    watched = watch(read_bundle(AVATAR), state, 180.0, seed=2)
    lids = np.stack([watched.weight(f"eyeBlink{side}") for side in ("Left", "Right")], axis=1)
    starts = np.array([blink.start for blink in blinks_of(lids, 1 / FRAMES_A_SECOND)])
    ends = np.array([end for said in watched.said for end in phrase_ends(said)])
    shifts = np.random.default_rng(1).uniform(10, watched.seconds - 10, 40)
    found, *elsewhere = (
        np.mean([np.abs((ends + by) % watched.seconds - start).min() < 0.3 for start in starts])
        for by in (0.0, *shifts)
    )
    print(f"{found:.2f} of the blinks at ends of phrases, {np.mean(elsewhere):.2f} by chance")
    assert found > 2 * np.mean(elsewhere)


def test_the_lids_go_along_with_large_saccades() -> None:
    chance = np.random.default_rng(3)
    saccades = np.cumsum(chance.uniform(3.0, 8.0, 110))
    blinks = Blinks(16.0, random.Random(3))
    lids, before = [], 0.0
    for i in range(round(600 / FRAME_S)):
        now = i * FRAME_S
        began = saccades[(saccades > before) & (saccades <= now)].tolist()
        lids.append(blinks.at(now, Attention(), began))
        before = now
    starts = np.array([blink.start for blink in blinks_of(np.array(lids))])
    along = np.mean([np.abs(starts - saccade).min() < 0.1 for saccade in saccades[:100]])
    by_chance = 2 * 0.1 * len(starts) / 600
    print(f"{along:.2f} of the large saccades, {by_chance:.2f} by chance")
    assert along > 0.4
    assert along > 4 * by_chance
    assert 14 <= len(starts) / 10 <= 18


def test_no_blinks_are_wanted() -> None:
    assert not lids_over(60.0, 1, Attention(), per_minute=0.0).any()


@pytest.mark.parametrize("seed", range(4))
def test_a_blink_never_begins_in_the_past(seed: int) -> None:
    """Whatever the kiosk does next, and however late an end of a phrase is told."""
    blinks, chance = Blinks(16.0, random.Random(seed)), random.Random(seed)
    attention, lids = Attention(), []
    for frame in range(20_000):
        now = 100.0 + frame * FRAME_S
        if frame % 20 == 0:
            ends = (now - chance.uniform(0, 1), now + chance.uniform(0, 2))
            attention = Attention(chance.choice(list(Activity)), ends)
        lids.append(blinks.at(now, attention))
    assert np.abs(np.diff(lids, axis=0)).max() < 0.5
