# SPDX-License-Identifier: Apache-2.0
"""What is heard in a voice: vowels, stresses and phrases, from sound that streams."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voiced_sounds import SYLLABLE_S, as_samples, babble, music, noise, stressed_vowels

from alive_bench.sentences import SENTENCES
from driving_client.utterance import Samples
from driving_client.voices.espeak import synthesise
from kioskd.prosody.syllables import Mark, PhraseEnd, PhraseStart, Syllables, Vowel
from kioskd.prosody.voice_track import PITCH, ROW_RATE, VoiceTrack

RATE = 16000
STRESSED = (3, 7, 12, 16)


def marks_of(samples: Samples, rate: int = RATE, piece: int | None = None) -> list[Mark]:
    """All marks of a sound that comes in pieces of so many samples."""
    track, syllables = VoiceTrack(rate), Syllables()
    marks: list[Mark] = []
    step = piece or rate // 10
    for start in range(0, len(samples), step):
        marks += syllables.feed(track.feed(samples[start : start + step]))
    return marks + syllables.feed(track.finish())


def vowels_of(samples: Samples, rate: int = RATE) -> list[Vowel]:
    return [mark for mark in marks_of(samples, rate) if isinstance(mark, Vowel)]


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 24000, 44100, 48000])
@pytest.mark.parametrize("hz", [90.0, 130.0, 210.0, 330.0])
def test_the_pitch_of_a_voice_is_heard_at_every_rate(rate: int, hz: float) -> None:
    times = np.arange(rate) / rate
    buzz = sum(np.sin(2 * np.pi * hz * k * times) / k for k in range(1, 8))
    rows = VoiceTrack(rate).feed(as_samples(0.1 * buzz))
    assert len(rows) >= ROW_RATE - 3
    heard = rows[10:-5, PITCH]
    assert heard == pytest.approx(12 * np.log2(hz / 100), abs=0.7)


def test_noise_has_hardly_a_pitch_and_silence_no_vowels() -> None:
    rows = VoiceTrack(RATE).feed(noise(3.0, RATE))
    assert np.isnan(rows[:, PITCH]).mean() > 0.85
    assert not marks_of(np.zeros(3 * RATE, np.int16))
    assert len(vowels_of(noise(5.0, RATE))) <= 1


def test_every_syllable_is_found_and_the_stressed_ones_stand_out() -> None:
    vowels = vowels_of(babble(5.0, RATE, stressed=STRESSED))
    middles = np.array([vowel.at for vowel in vowels])
    expected = (np.arange(int(5.0 / SYLLABLE_S)) + 0.5) * SYLLABLE_S
    assert len(middles) == len(expected)
    assert middles == pytest.approx(expected, abs=0.03)
    prominent = sorted(range(len(vowels)), key=lambda i: -vowels[i].prominence)[: len(STRESSED)]
    assert sorted(prominent) == list(STRESSED)
    assert all(vowels[i].rise > 3 for i in STRESSED)


def test_phrases_end_where_a_pause_begins() -> None:
    phrase = babble(2.0, RATE)
    sound = np.concatenate([phrase, np.zeros(RATE, np.int16), phrase, np.zeros(RATE, np.int16)])
    edges = [m for m in marks_of(sound) if not isinstance(m, Vowel)]
    assert [type(edge) for edge in edges] == [PhraseStart, PhraseEnd] * 2
    assert [edge.at for edge in edges] == pytest.approx([0.04, 1.98, 3.04, 4.98], abs=0.1)


@given(st.lists(st.integers(1, 9000), min_size=1, max_size=60))
@settings(max_examples=25, deadline=None)
def test_pieces_of_any_size_are_heard_alike(sizes: list[int]) -> None:
    sound = babble(2.5, RATE, stressed=(2, 8))
    track, syllables = VoiceTrack(RATE), Syllables()
    marks, start = [], 0
    for size in [*sizes, len(sound)]:
        marks += syllables.feed(track.feed(sound[start : start + size]))
        start = min(start + size, len(sound))
    marks += syllables.feed(track.finish())
    expected = marks_of(sound)
    assert [type(m) for m in marks] == [type(m) for m in expected]
    assert [m.at for m in marks] == pytest.approx([m.at for m in expected], abs=0.011)


def test_of_the_most_prominent_vowels_nearly_all_are_stressed() -> None:
    """By espeak-ng's own marks; a quarter of all instants is as near to one."""
    apart, prominence = [], []
    for text in SENTENCES[:32]:
        speech = synthesise(text)
        stresses = stressed_vowels(text, speech)
        for vowel in vowels_of(speech.samples, speech.sample_rate):
            apart.append(np.abs(stresses - vowel.at).min())
            prominence.append(vowel.prominence)
    order = np.argsort(prominence)[::-1]
    near = np.array(apart)[order] < 0.08
    assert near[: len(near) // 8].mean() > 0.8
    assert near[: len(near) // 4].mean() > 0.7
    assert near[-len(near) // 4 :].mean() < 0.35


def test_music_has_no_more_prominent_vowels_than_speech() -> None:
    vowels = vowels_of(music(20.0, RATE))
    assert sum(vowel.prominence > 0.9 for vowel in vowels) / 20.0 < 1.0
