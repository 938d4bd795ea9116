# SPDX-License-Identifier: Apache-2.0
"""Text to speech to mouth: phonemes and their times, closures, silence."""

import ctypes
import itertools
import threading

import numpy as np
import pytest

from driving_client.errors import SpeechError
from driving_client.lipsync.articulation import SILENCE, articulations
from driving_client.lipsync.coarticulation import mouth_controls
from driving_client.lipsync.flame_performance import perform
from driving_client.motion import FLAME_SLICES
from driving_client.retarget import load_retarget
from driving_client.retarget.mouth import CLOSE, FV, OPEN, PUCKER
from driving_client.voices import espeak
from driving_client.voices.espeak import synthesise
from driving_client.voices.speech import Phoneme, SynthesiserMissingError

RETARGET = load_retarget()
TEXT = "Hello. My baby, put five maps on the table!"


@pytest.fixture(scope="module")
def speech():
    return synthesise(TEXT)


def test_phonemes_cover_the_speech_in_order(speech):
    assert 2.0 < speech.seconds < 5.0
    assert speech.sample_rate == 22050
    names = [p.name for p in speech.phonemes]
    assert names[:4] == ["h", "@", "l", "oU"]
    starts = [p.start for p in speech.phonemes]
    assert starts == sorted(starts)
    assert speech.phonemes[-1].end == pytest.approx(speech.seconds)
    assert speech.phonemes[-1].name == "_"


def frame_of(phoneme):
    """The frames that this phoneme spans, and one to each side."""
    return slice(max(int(phoneme.start * 25) - 1, 0), int(phoneme.end * 25) + 2)


def test_lips_close_at_p_b_m_and_bite_at_f_v(speech):
    controls = mouth_controls(speech.phonemes, int(speech.seconds * 25))
    closures = [p for p in speech.phonemes if p.name in ("p", "b", "m")]
    bites = [p for p in speech.phonemes if p.name in ("f", "v")]
    assert len(closures) == 7
    assert len(bites) == 2
    for phoneme in closures:
        rows = controls[frame_of(phoneme)]
        row = rows[rows[:, CLOSE].argmax()]
        assert row[CLOSE] > 0.9, phoneme
        assert row[OPEN] < 0.1, phoneme
    for phoneme in bites:
        assert controls[frame_of(phoneme), FV].max() > 0.9, phoneme
    # And nowhere else: vowels far from a closure are free of it.
    vowel = next(p for p in speech.phonemes if p.name == "O2")
    assert controls[int((vowel.start + vowel.end) / 2 * 25), CLOSE] < 0.1


def test_pauses_and_the_end_close_the_mouth(speech):
    controls = mouth_controls(speech.phonemes, int(speech.seconds * 25))
    pause = next(p for p in speech.phonemes if p.name == "_:" and p.end - p.start > 0.25)
    middle = round((pause.start + pause.end) / 2 * 25)
    assert controls[middle].max() < 0.05
    assert controls[-1].max() < 0.05
    vowel = next(p for p in speech.phonemes if p.name == "a")
    assert controls[frame_of(vowel), OPEN].max() > 0.5


def test_the_performance_keeps_the_closures_through_flame(speech):
    frames = perform(speech, RETARGET)
    assert frames.shape == (int(speech.seconds * 25), 120)
    controls = mouth_controls(speech.phonemes, len(frames))
    through = np.stack([RETARGET.controls(frame) for frame in frames])
    assert np.abs(through - controls).max() < 1e-3


def test_head_and_eyes_rest_for_the_face_is_whoever_shows_it_to_move(speech):
    frames = perform(speech, RETARGET)
    for part in ("rotation", "neck_pose", "eye_pose", "eye_lid"):
        assert not np.ptp(frames[:, FLAME_SLICES[part]], axis=0).any()


def test_lips_round_before_a_rounded_vowel_is_heard():
    phonemes = [Phoneme("_:", 0.0, 0.3), Phoneme("s", 0.3, 0.4), Phoneme("u:", 0.4, 0.6)]
    front = [Phoneme("_:", 0.0, 0.3), Phoneme("s", 0.3, 0.4), Phoneme("i:", 0.4, 0.6)]
    rounded, spread = mouth_controls(phonemes, 15), mouth_controls(front, 15)
    assert rounded[9, PUCKER] > spread[9, PUCKER] + 0.1


def test_unknown_phonemes_get_a_plausible_mouth():
    assert articulations("A:#")[0] == articulations("A:")[0]
    assert articulations("t[")[0] == articulations("t")[0]
    assert 0.2 < articulations("§")[0].open < 0.5
    assert articulations("_!") == (SILENCE,)
    assert mouth_controls([], 3).tolist() == np.zeros((3, 6)).tolist()


def test_a_word_of_another_language_brings_no_sound_of_its_own_for_the_switch():
    speech = synthesise("我爱 Berlin.", "cmn")
    spoken = names(speech)
    assert {"b", "l", "n"} < set(spoken), "the foreign word is spoken"
    assert not [name for name in spoken if "(" in name]
    for before, after in itertools.pairwise(speech.phonemes):
        assert before.end == after.start


def test_sounds_of_throat_and_palate_leave_the_lips_to_their_neighbours():
    def between(consonant, vowel):
        spoken = [Phoneme("_:", 0.0, 0.3), Phoneme(vowel, 0.3, 0.5)]
        spoken += [Phoneme(consonant, 0.5, 0.58), Phoneme(vowel, 0.58, 0.8)]
        return mouth_controls(spoken, 20)[13]

    for consonant in ("?", "H", ";"):
        assert between(consonant, "A:")[OPEN] > 0.4
        assert between(consonant, "u:")[PUCKER] > 0.4


@pytest.mark.parametrize(
    ("voice", "text"), [("de", "Guten Tag, schöne Äpfel."), ("es", "¿Qué tal?")]
)
def test_other_languages_speak_too(voice, text):
    speech = synthesise(text, voice)
    controls = mouth_controls(speech.phonemes, int(speech.seconds * 25))
    assert controls[:, OPEN].max() > 0.3


@pytest.mark.parametrize(
    ("text", "voice", "reason"),
    [
        ("", "en-us", "empty"),
        ("  \n", "en-us", "empty"),
        ("x" * 2001, "en-us", "2001 characters"),
        ("a\0b", "en-us", "NUL"),
        ("hello", "xx-none", "no voice 'xx-none'"),
    ],
)
def test_bad_text_is_refused_with_a_reason(text, voice, reason):
    with pytest.raises(SpeechError, match=reason):
        synthesise(text, voice)


def test_a_missing_library_says_how_to_install_it(monkeypatch):
    def missing(name):
        raise OSError(f"{name}: cannot open shared object file")

    espeak._library.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(ctypes, "CDLL", missing)
        with pytest.raises(SynthesiserMissingError, match="apt install espeak-ng"):
            synthesise("hello")
    assert synthesise("hello").seconds > 0.3


def names(speech):
    return [p.name for p in speech.phonemes if not p.name.startswith("_")]


def test_threads_do_not_mix_their_speech():
    texts = ["one", "a much longer sentence about something else", "three"]
    # espeak-ng varies lengths a little from call to call; the phonemes are the same.
    alone = [names(synthesise(text)) for text in texts]
    together = [[""]] * 3

    def work(index):
        for _ in range(5):
            together[index] = names(synthesise(texts[index]))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone
