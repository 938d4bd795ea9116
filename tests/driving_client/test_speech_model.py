# SPDX-License-Identifier: Apache-2.0
"""How good the shipped model is, on speech made anew here, and where it comes from."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from driving_client.lipsync.mouth_net import MODEL_FOLDER, load_net
from driving_client.lipsync.speech_mouth import SpeechMouth
from driving_client.motion import FLAME_SLICES
from driving_client.retarget.mouth import CLOSE, FV, OPEN, PUCKER
from driving_client.voices.espeak import synthesise
from driving_client.voices.flite import speak_flite
from driving_client.voices.speech import Speech
from driving_client.wire.recording import read_recording
from lipsync_training.disturbances import DISTURBANCES
from lipsync_training.evaluation import (
    held_out_speech,
    labels_of,
    measure,
    mouth_of,
)
from lipsync_training.held_out import OTHER_LANGUAGES, VOICE
from lipsync_training.held_vowels import sing
from lipsync_training.noises import coloured_noise, hum, music, to_samples
from lipsync_training.provenance import (
    DEBIAN_PACKAGES,
    onnx_difference,
    sha256_of,
)
from lipsync_training.scores import correlation

PROVENANCE = json.loads((MODEL_FOLDER / "provenance.json").read_text(encoding="utf-8"))

needs_flite = pytest.mark.skipif(
    shutil.which("flite") is None,
    reason="no flite, which `make setup` brings, to speak the held-out sentences",
)


@pytest.fixture(scope="module")
def held_out():
    return held_out_speech()


@pytest.fixture(scope="module")
def scores(held_out):
    """Of the clean speech and of each disturbance, by name; made when first asked for."""
    made = {}

    def of(name):
        if name not in made:
            disturbed = [DISTURBANCES[name](speech) for speech in held_out]
            made[name] = measure(disturbed, mouth_of)
        return made[name]

    return of


@needs_flite
def test_a_voice_it_never_heard_moves_the_mouth_right(scores):
    clean = scores("clean")
    assert clean.correlations["open"] >= 0.75
    assert clean.correlations["open"] >= clean.energy + 0.20
    assert clean.correlations["wide"] >= 0.65
    assert clean.correlations["fv"] >= 0.75
    assert clean.lips_f1 >= 0.45
    assert abs(clean.lag_s) <= 0.020


@needs_flite
@pytest.mark.parametrize(
    ("name", "opening"),
    [
        ("noise 20 dB", 0.70),
        ("noise 10 dB", 0.65),
        ("telephone band", 0.75),
        ("quiet, -30 dB", 0.72),
        ("clipped, +18 dB", 0.68),
        ("8 kHz", 0.72),
        ("48 kHz", 0.75),
    ],
)
def test_it_holds_under_disturbance(scores, name, opening):
    disturbed = scores(name)
    assert disturbed.correlations["open"] >= opening
    assert disturbed.correlations["open"] > disturbed.energy + 0.05
    assert abs(disturbed.lag_s) <= 0.020


@needs_flite
def test_noise_makes_closures_rarer_but_not_wild(held_out):
    """Where noise covers p, b, m, f and v, the lips must not snap shut at random."""
    wrong = 0
    for speech in held_out:
        rows, labels = mouth_of(DISTURBANCES["noise 10 dB"](speech)), labels_of(speech)
        wrong += int(((rows[:, [CLOSE, FV]] > 0.5) & (labels[:, [CLOSE, FV]] < 0.1)).sum())
    assert wrong / sum(speech.seconds for speech in held_out) < 0.8


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_another_language_moves_the_mouth_too(language):
    other = measure([synthesise(text, language) for text in OTHER_LANGUAGES[language]], mouth_of)
    assert other.correlations["open"] >= 0.75
    assert abs(other.lag_s) <= 0.030


def test_music_neither_freezes_the_mouth_open_nor_makes_it_chatter():
    for seed in (101, 102, 103):
        samples = to_samples(music(np.random.default_rng(seed), 12.0))
        mouth = SpeechMouth(16000)
        rows = np.concatenate([mouth.feed(samples), mouth.finish()])
        assert rows[:, OPEN].mean() < 0.25
        runs = "".join("x" if value > 0.3 else " " for value in rows[:, OPEN]).split()
        longest = max(map(len, runs), default=0)
        assert longest <= 25, "open for more than a second without a break"
        assert np.abs(np.diff(rows[:, OPEN])).mean() < 0.08


def test_a_recorded_voice_moves_the_jaw_when_its_own_motion_did(clips):
    """One short clip ranks nothing, but the two jaws must go together and at the same time."""
    clip = read_recording(clips.short)
    jaw = clip.utterance().motion_frames()[:, FLAME_SLICES["jaw_pose"].start]
    mouth = SpeechMouth(clip.sample_rate)
    opening = np.concatenate([mouth.feed(clip.audio), mouth.finish()])[:, OPEN]
    assert len(opening) == len(jaw) == 92
    by_lag = {lag: correlation(opening[2:-2], jaw[2 + lag : 90 + lag]) for lag in range(-2, 3)}
    assert by_lag[0] > 0.35
    assert abs(max(by_lag, key=lambda lag: by_lag[lag])) <= 1


def test_a_held_vowel_stays_open_and_then_closes():
    speech = synthesise("aaah", words_per_minute=80)
    rows = mouth_of(speech)
    assert rows[:, OPEN].max() > 0.5
    assert rows[-2:, OPEN].max() < 0.2


@needs_flite
def test_a_vowel_sung_for_six_seconds_keeps_the_mouth_open():
    """The held-out voice's "ah", drawn out to some seconds; its end closes the mouth."""
    speech = speak_flite("ah", VOICE, duration_stretch=30.0)
    vowel = next(p for p in speech.phonemes if p.name == "A:")
    assert vowel.end - vowel.start > 7.5
    opening = mouth_of(speech)[:, OPEN]
    start, end = round(vowel.start * 25), round(vowel.end * 25)
    # So slow a voice takes over a second to arrive at its vowel.
    sung = opening[start + 35 : start + 35 + 150]
    assert sung.mean() > 0.6
    assert sung.min() > 0.3
    assert opening[end + 50 :].max() < 0.15


def test_sung_vowels_of_any_pitch_keep_the_mouth_open():
    """Made of harmonics and formants, with and without vibrato; the net learned such, not these."""
    rng = np.random.default_rng(2026)
    shut = 0
    for _ in range(6):
        speech = sing(rng)
        opening = mouth_of(speech)[:, OPEN]
        for phoneme in speech.phonemes:
            if phoneme.name != "_" and phoneme.end - phoneme.start > 1.0:
                held = opening[round(phoneme.start * 25) + 10 : round(phoneme.end * 25) - 5]
                shut += int((held < 0.12).any())
    assert shut <= 1


@pytest.mark.parametrize("decibels", [-50, -35, -20])
def test_a_noise_that_goes_on_does_not_hold_the_mouth_open(decibels):
    rng = np.random.default_rng(11)
    noises = [coloured_noise(rng, 12.0, slope) for slope in (0.0, 1.0, 2.0)]
    fan = coloured_noise(rng, 12.0, 1.0)
    noises += [fan + hum(rng, 12.0) * fan.std(), hum(rng, 12.0), hum(rng, 12.0)]
    for wave in noises:
        samples = to_samples(wave, 10.0 ** (decibels / 20.0))
        opening = mouth_of(Speech(samples, 16000, ()))[:, OPEN]
        assert opening[50:].mean() < 0.1
        assert opening[250:].max() == 0.0


@needs_flite
def test_rounding_is_as_strong_as_the_ear_can_tell_it(held_out):
    """In w and u together; slt's u, as many Americans', is too near to i for its roundness."""
    heard, asked = [], []
    for speech in held_out:
        rows, labels = mouth_of(speech), labels_of(speech)
        for phoneme in speech.phonemes:
            if phoneme.name in ("w", "u:", "U", "oU"):
                place = round((phoneme.start + phoneme.end) / 2 * 25)
                span = slice(max(place - 1, 0), place + 2)
                heard.append(rows[span, PUCKER].max())
                asked.append(labels[span, PUCKER].max())
    assert np.sum(heard) > 0.6 * np.sum(asked)


def test_both_model_files_hold_the_same_weights():
    """The ONNX file keeps each array as raw bytes; its graph was run against numpy when made."""
    stored = (MODEL_FOLDER / "mouth.onnx").read_bytes()
    with np.load(MODEL_FOLDER / "mouth.npz", allow_pickle=False) as file:
        assert len(file.files) == 20
        for name in file.files:
            assert file[name].dtype == np.float16
            assert file[name].astype("<f2").tobytes() in stored, name
    assert PROVENANCE["onnx_difference"] < 1e-5


def test_the_onnx_file_computes_the_same_controls():
    onnxruntime = pytest.importorskip(
        "onnxruntime", reason="no onnxruntime, which `make train-lipsync` brings"
    )
    assert onnx_difference(onnxruntime, MODEL_FOLDER / "mouth.onnx", load_net()) < 1e-5


def test_provenance_describes_these_very_files():
    for name, facts in PROVENANCE["files"].items():
        assert sha256_of(MODEL_FOLDER / name) == facts["sha256"], name
        assert (MODEL_FOLDER / name).stat().st_size == facts["bytes"]
    assert {"mouth.npz", "mouth.onnx"} <= set(PROVENANCE["files"])
    assert PROVENANCE["settings"]["seed"] >= 0
    assert set(PROVENANCE["scores"]) == set(DISTURBANCES)
    assert "synthetic only" in PROVENANCE["corpus"]["speech"]
    assert set(DEBIAN_PACKAGES) == {
        name.removeprefix("debian ") for name in PROVENANCE["versions"] if name.startswith("debian")
    }
    assert "not installed" not in PROVENANCE["versions"].values()
    voices = [voice["name"] for voice in PROVENANCE["corpus"]["voices"]]
    assert not [name for name in voices if "slt" in name]
    total = sum(path.stat().st_size for path in MODEL_FOLDER.iterdir())
    assert total < 1_000_000


def test_the_model_goes_on_from_the_base_that_the_command_takes():
    base = Path(__file__).resolve().parents[2] / "scripts/lipsync_training/base.npz"
    load_net(base)
    assert PROVENANCE["settings"]["base"] == sha256_of(base)


@needs_flite
def test_provenance_states_what_is_measured_here(scores):
    stated, measured = PROVENANCE["scores"]["clean"], scores("clean").figures()
    for name, value in stated.items():
        assert measured[name] == pytest.approx(value, abs=0.02), name
