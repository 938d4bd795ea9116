# SPDX-License-Identifier: Apache-2.0
"""Head and brows of sixty-four sentences, as the real player shows them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from voiced_sounds import stressed_vowels

from alive_bench import drive
from alive_bench.drive import FRAMES_A_SECOND, Watched, watch
from alive_bench.sentences import SENTENCES
from alive_bench.signals import beats, openings, speaking_seconds
from alive_bench.stage import State
from driving_client.voices.espeak import synthesise
from splat_gles.bundle import read_bundle

SECONDS = 270.0
NEAR_S = 0.08

pytestmark = pytest.mark.slow("four minutes of speech by a clock of its own")


@pytest.fixture(scope="module")
def spoken(root: Path) -> Watched:
    """Every sentence once, and a first one again, by the voice that marks its stresses."""
    avatar = read_bundle(root / "config/avatars/default-20k.avatar")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drive, "voice_of", lambda _avatar: SimpleNamespace(speak=synthesise))
        watched = watch(avatar, State.SPEAKING_TEXT, SECONDS)
    assert len(watched.said) > 60
    return watched


@pytest.fixture(
    scope="module",
    params=[("default-20k", State.SPEAKING_TEXT, 1), ("samuel-20k", State.SPEAKING_AUDIO, 2)],
    ids=["default-text", "samuel-audio"],
)
def own(root: Path, request: pytest.FixtureRequest) -> tuple[Watched, Watched]:
    """Each shipped avatar, speaking with its own voice, and idle."""
    name, state, seed = request.param
    avatar = read_bundle(root / f"config/avatars/{name}.avatar")
    return watch(avatar, state, SECONDS, seed), watch(avatar, State.IDLE, SECONDS, seed)


def brows(watched: Watched) -> np.ndarray:
    """The highest of the weights that raise a brow, shape (n,)."""
    names = ("browInnerUp", "browOuterUpLeft", "browOuterUpRight")
    return np.max([watched.weight(name) for name in names], axis=0)


def test_no_two_sentences_begin_alike(own: tuple[Watched, Watched]) -> None:
    assert openings(own[0]) < 0.3


def test_the_head_moves_two_to_three_times_as_much_as_at_idle(
    own: tuple[Watched, Watched],
) -> None:
    """Each rotation for itself; at idle with its looks aside."""
    speaking, resting = own[0].head[own[0].speaking()].std(axis=0), own[1].head.std(axis=0)
    assert (speaking > 2 * resting).all(), (speaking, resting)
    assert (speaking < 3 * resting).all(), (speaking, resting)


def test_it_beats_time_as_often_as_people(spoken: Watched) -> None:
    assert 0.3 < len(beats(spoken)) / speaking_seconds(spoken) < 1.0


def test_beats_fall_on_stressed_vowels_twice_as_often_as_by_chance(spoken: Watched) -> None:
    """Stresses by espeak-ng's own marks; chance: the same number anywhere in the same sentence."""
    shown = beats(spoken) / FRAMES_A_SECOND
    chance = np.random.default_rng(1)
    order = np.random.default_rng(1).permutation(len(SENTENCES))
    near, by_chance = [], []
    for said, index in zip(spoken.said, order, strict=False):
        stresses = said.began_s + stressed_vowels(SENTENCES[index], said.speech)
        own = shown[(shown >= said.began_s) & (shown < said.ended_s)]
        anywhere = chance.uniform(said.began_s, said.ended_s, (len(own), 200)).ravel()
        near += (np.abs(own[:, None] - stresses).min(axis=1, initial=9) < NEAR_S).tolist()
        by_chance += (np.abs(anywhere[:, None] - stresses).min(axis=1) < NEAR_S).tolist()
    assert len(near) > 100
    assert np.mean(near) > 2 * np.mean(by_chance)


def test_brows_go_up_in_most_sentences_and_never_as_in_surprise(spoken: Watched) -> None:
    raised = brows(spoken)
    starts = [round(said.began_s * FRAMES_A_SECOND) for said in spoken.said]
    ends = [round(said.ended_s * FRAMES_A_SECOND) for said in spoken.said]
    highest = [raised[a:b].max() for a, b in zip(starts, ends, strict=True)]
    assert np.mean(np.array(highest) > 0.15) > 0.6
    assert max(highest) < 0.9


def test_the_head_is_no_faster_than_a_persons(spoken: Watched) -> None:
    speed = np.abs(np.diff(spoken.head, axis=0)) * FRAMES_A_SECOND
    assert speed.max() < 120
    assert np.percentile(speed, 99) < 60
