# SPDX-License-Identifier: Apache-2.0
"""How the model is made: text, voices, labels, noise, scores, and a very short training."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from driving_client.errors import SpeechError
from driving_client.lipsync.articulation import SILENCE, articulations
from driving_client.lipsync.coarticulation import mouth_controls
from driving_client.lipsync.log_mel import SILENCE as SILENT_MEL
from driving_client.lipsync.log_mel import log_mel
from driving_client.lipsync.mouth_net import MODEL_FOLDER
from driving_client.retarget.mouth import CLOSE, CONTROL_NAMES, FV, OPEN
from driving_client.voices import arpabet, flite
from driving_client.voices.speech import Phoneme
from lipsync_training import festival, held_vowels, scores, texts
from lipsync_training.augmentation import Augmentation
from lipsync_training.corpus import VOICES, Voice, make_corpus
from lipsync_training.held_out import SENTENCES, VOICE
from lipsync_training.noises import noise_bank
from lipsync_training.provenance import DEBIAN_PACKAGES

REPOSITORY = Path(__file__).resolve().parents[2]
TRAINING_PYTHON = REPOSITORY / "out" / "lipsync-venv" / "bin" / "python"


TEXTS = {
    "fortunes": "/usr/share/games/fortunes/wisdom",
    "iso-codes": "/usr/share/iso-codes/json/iso_639-2.json",
}


def needs(*programs):
    missing = [
        program
        for program in programs
        if not (Path(TEXTS[program]).exists() if program in TEXTS else shutil.which(program))
    ]
    told = f"no {', '.join(missing)}, which `make train-lipsync` brings"
    return pytest.mark.skipif(bool(missing), reason=told)


@needs("fortunes")
def test_the_text_is_varied_and_free_of_the_held_out_sentences():
    sentences = texts.training_sentences(20)
    assert len(sentences) > 5000
    assert sentences == texts.training_sentences(20)
    assert sentences != texts.training_sentences(21)

    def bare(sentence):
        return "".join(letter for letter in sentence.lower() if letter.isalpha())

    known = {bare(sentence) for sentence in sentences}
    assert not known & {bare(sentence) for sentence in SENTENCES}
    assert sum(voice.sentences for voice in VOICES) <= len(sentences)


def test_the_held_out_voice_is_no_voice_of_training():
    assert VOICE == "slt"
    assert not [voice for voice in VOICES if "slt" in voice.name]


def test_missing_text_is_told_with_its_package(monkeypatch, tmp_path):
    monkeypatch.setattr(texts, "_FORTUNES", tmp_path)
    with pytest.raises(SpeechError, match="apt install fortunes"):
        texts.training_sentences(1)


def test_a_missing_synthesiser_is_told_with_its_package(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SpeechError, match="apt install flite"):
        flite.speak_flite("Hello.", "rms")
    with pytest.raises(SpeechError, match="apt install festival festvox-kdlpc16k"):
        festival.speak_festival(["Hello."], "ked_diphone")
    with pytest.raises(SpeechError, match="no festival voice 'nobody'"):
        festival.speak_festival(["Hello."], "nobody")


@needs("flite")
def test_flite_tells_its_phones_and_their_times():
    speech = flite.speak_flite("Maybe.", "rms")
    names = [phoneme.name for phoneme in speech.phonemes]
    assert names == ["_", "m", "eI", "b", "i:", "_"]
    assert speech.phonemes[-1].end == pytest.approx(speech.seconds, abs=0.05)
    longer = flite.speak_flite("Maybe.", "rms", duration_stretch=1.5)
    assert longer.seconds > 1.2 * speech.seconds


def test_every_arpabet_phone_has_an_articulation():
    for phone, mnemonic in arpabet.MNEMONICS.items():
        shapes = articulations(mnemonic)
        assert (shapes == (SILENCE,)) == (mnemonic == "_"), phone
    spoken = arpabet.to_phonemes([("SIL", 0.0, 0.1), ("AH0", 0.1, 0.2), ("B", 0.2, 0.2)])
    assert spoken == (Phoneme("_", 0.0, 0.1), Phoneme("V", 0.1, 0.2))
    with pytest.raises(SpeechError, match=r"'QQ' at 1\.50 s"):
        arpabet.to_phonemes([("QQ", 1.5, 1.6)])


def test_labels_at_50_hz_agree_with_those_at_25():
    phonemes = [Phoneme("_", 0, 0.2), Phoneme("m", 0.2, 0.3), Phoneme("A:", 0.3, 0.6)]
    assert np.allclose(mouth_controls(phonemes, 30, 50.0)[::2], mouth_controls(phonemes, 15))


def test_augmentation_keeps_what_is_spoken_and_closes_what_is_not():
    rng = np.random.default_rng(3)
    bank = noise_bank(rng, seconds=4.0, each=1)
    tone = (np.sin(np.arange(2 * 16000) * 0.1) * 9000).astype(np.int16)
    mel = np.repeat(log_mel(tone, 16000)[None], 200, axis=0)
    labels = np.ones((200, 100, len(CONTROL_NAMES)), np.float32)
    disturbed, kept = Augmentation(rng, bank)(mel, labels)
    assert disturbed.shape == mel.shape
    assert disturbed.dtype == np.float32
    assert np.isfinite(disturbed).all()
    assert disturbed.min() >= SILENT_MEL - 1e-3
    closed = (kept == 0.0).all(axis=(1, 2))
    assert 0.01 < closed.mean() < 0.2
    assert (kept[~closed] == 1.0).all()
    # No two items met the same disturbance.
    assert len(np.unique(disturbed.reshape(200, -1)[:, ::97].round(3), axis=0)) == 200


def test_a_held_vowel_lasts_and_keeps_its_sound_and_its_mouth():
    vowel, count = Phoneme("A:", 0.4, 0.9), 60
    labels = mouth_controls([Phoneme("_", 0.0, 0.4), vowel, Phoneme("_", 0.9, 1.2)], count, 50.0)
    mel = np.full((2 * count, 40), SILENT_MEL, np.float32)
    mel[40:90] = np.linspace(1.0, 2.0, 40, dtype=np.float32)
    longer, kept = held_vowels.held(mel, labels, np.random.default_rng(2))
    assert len(longer) == 2 * len(kept) >= 2 * count + 80
    wide_open = kept[:, OPEN] > 0.9 * labels[:, OPEN].max()
    assert wide_open.sum() >= len(kept) - count
    assert np.abs(longer[::2][wide_open] - mel[64]).max() < 0.4
    assert np.array_equal(longer[:40], mel[:40])
    assert np.array_equal(longer[-30:], mel[-30:])
    closed = np.zeros((count, 6), np.float32)
    assert held_vowels.held(mel, closed, np.random.default_rng(2))[0] is mel


def test_sung_vowels_sound_where_their_labels_say():
    speech = held_vowels.sing(np.random.default_rng(4))
    assert speech.phonemes[-1].end == pytest.approx(speech.seconds, abs=0.01)
    sung = [p for p in speech.phonemes if p.name != "_"]
    assert len(sung) == 6
    assert all(articulations(p.name) != (SILENCE,) for p in sung)
    power = log_mel(speech.samples, speech.sample_rate).max(axis=1)
    for phoneme in speech.phonemes:
        middle = power[round(100 * (phoneme.start + phoneme.end) / 2)]
        assert (middle > 0.5) == (phoneme.name != "_"), phoneme


@needs("iso-codes")
def test_other_languages_have_rows_of_names_of_their_own():
    first = texts.names_of("de", 20)
    rows = [next(first) for _ in range(300)]
    again = texts.names_of("de", 20)
    assert rows == [next(again) for _ in range(300)]
    assert any("Griechenland" in row for row in rows)
    assert not [row for row in rows if set(row) & set("();/0123456789")]
    with pytest.raises(SpeechError, match="apt install iso-codes"):
        next(texts.names_of("xx-none", 20))


def test_scores_of_known_curves():
    label = np.zeros(100, np.float32)
    label[[10, 40, 70]] = 1.0
    assert scores.event_f1(label, label) == 1.0
    assert scores.event_f1(np.roll(label, 1), label) == 1.0
    assert scores.event_f1(np.roll(label, 2), label) == 0.0
    assert scores.event_f1(np.zeros(100, np.float32), label) == 0.0
    twice = label + np.roll(label, 5)
    assert scores.event_f1(twice, label) == pytest.approx(2 * 3 / (6 + 3))
    assert scores.correlation(label, 2 * label + 1) == pytest.approx(1.0)
    assert scores.correlation(label, np.ones(100, np.float32)) == 0.0


@pytest.mark.parametrize("late_s", [-0.04, 0.0, 0.03, 0.08])
def test_the_lag_is_found(late_s):
    phonemes = [Phoneme("_", 0.0, 0.4), Phoneme("A:", 0.4, 0.7), Phoneme("m", 0.7, 0.8)]
    phonemes += [Phoneme("E", 0.8, 1.1), Phoneme("s", 1.1, 1.3), Phoneme("_", 1.3, 2.0)]
    shifted = [Phoneme(p.name, max(p.start + late_s, 0.0), p.end + late_s) for p in phonemes]
    curve = mouth_controls(shifted, 50)[:, OPEN]
    assert scores.best_lag([curve], [phonemes]) == pytest.approx(late_s, abs=0.011)


@needs("flite", "festival", "espeak-ng", "fortunes")
def test_the_corpus_is_the_same_whatever_the_number_of_processes():
    said = []
    voices = [Voice("flite", "rms", 22), Voice("festival", "ked_diphone", 2)]
    voices += [Voice("espeak", "en-us+f2", 2)]
    one = make_corpus(7, 1, said.append, voices)
    two = make_corpus(7, 2, said.append, voices)
    assert 70 < len(one) == len(two) <= 78
    for first, second in zip(one, two, strict=True):
        assert np.array_equal(first.mel, second.mel)
        assert np.array_equal(first.labels, second.labels)
        assert len(first.labels) == len(first.mel) // 2
    everything = np.concatenate([example.labels for example in one]).astype(np.float32)
    assert (everything[:, [OPEN, CLOSE, FV]].max(axis=0) > 0.6).all()
    # 22 sentences are two parts
    assert said[-1].startswith("speaking: part 4 of 4")


@needs("flite", "festival", "espeak-ng", "fortunes")
@pytest.mark.skipif(
    not TRAINING_PYTHON.exists(), reason="no training environment, which `make train-lipsync` makes"
)
def test_a_very_short_training_learns_and_writes_all_its_files(tmp_path):
    command = [str(TRAINING_PYTHON), "scripts/train_lipsync.py", "--out", str(tmp_path)]
    command += ["--steps", "30", "--voices", "rms:12,en-us+f2:8", "--seed", "3", "--jobs", "1"]
    run = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=900, check=False
    )
    assert run.returncode == 0, run.stderr
    record = json.loads((tmp_path / "provenance.json").read_text(encoding="utf-8"))
    assert record["settings"]["steps"] == 30
    assert record["onnx_difference"] < 1e-5
    assert record["scores"]["clean"]["open"] > 0.3
    assert {path.name for path in tmp_path.iterdir()} == {
        "mouth.npz",
        "mouth.onnx",
        "provenance.json",
    }
    assert "clean" in run.stdout


@needs("flite", "fortunes")
@pytest.mark.skipif(
    not TRAINING_PYTHON.exists(), reason="no training environment, which `make train-lipsync` makes"
)
def test_a_training_that_is_told_no_number_of_steps_takes_all_of_them(tmp_path):
    """As `make train-lipsync` calls it; it is ended once it trains."""
    command = [str(TRAINING_PYTHON), "scripts/train_lipsync.py", "--out", str(tmp_path)]
    command += ["--voices", "rms:4", "--jobs", "1"]
    with subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True) as run:
        said = []
        for line in run.stderr:
            said.append(line)
            if line.startswith("training: step"):
                run.kill()
    assert said[-1].startswith("training: step"), "".join(said)
    shipped = json.loads((MODEL_FOLDER / "provenance.json").read_text(encoding="utf-8"))
    assert int(said[-1].split(" of ")[1].split(",")[0]) == shipped["settings"]["steps"]


def test_training_without_its_environment_says_how_to_get_it(tmp_path):
    run = subprocess.run(
        [sys.executable, "scripts/train_lipsync.py", "--out", str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.startswith("error: ")
    assert "make train-lipsync" in run.stderr
    assert "Traceback" not in run.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("voices", ["nobody:3", "rms", "rms:0", "rms:x", ""])
def test_a_wrong_choice_of_voices_is_refused_in_words(voices):
    run = subprocess.run(
        [sys.executable, "scripts/train_lipsync.py", "--voices", voices],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 2
    assert "is not a voice with a number" in run.stderr


@pytest.mark.parametrize(
    "arguments", [("--jobs", "0"), ("--seed", "-5"), ("--steps", "0"), ("--steps", "many")]
)
def test_a_number_that_makes_no_sense_is_refused_before_anything_is_written(arguments, tmp_path):
    run = subprocess.run(
        [sys.executable, "scripts/train_lipsync.py", "--out", str(tmp_path / "new"), *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 2
    assert "is not a whole number from" in run.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("trial", [("--steps", "2"), ("--voices", "rms:1")])
def test_a_trial_never_replaces_the_packages_model(trial):
    run = subprocess.run(
        [sys.executable, "scripts/train_lipsync.py", *trial],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 2
    assert "--out" in run.stderr.splitlines()[-1]


def test_every_festival_voice_of_training_has_its_package_among_the_versions():
    names = [voice.name for voice in VOICES if voice.engine == "festival"]
    used = {festival._VOICES[name].package for name in names}
    assert len(used) == len(names) == 7
    assert used < set(DEBIAN_PACKAGES)
