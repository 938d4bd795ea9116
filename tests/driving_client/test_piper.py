# SPDX-License-Identifier: Apache-2.0
"""Voices in Piper's format, with a stand-in for the model: files, signs, times, choice."""

from __future__ import annotations

import itertools
import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driving_client.endpoint.__main__ import main
from driving_client.errors import SpeechError
from driving_client.lipsync.articulation import _SOUNDS
from driving_client.lipsync.flame_performance import perform
from driving_client.retarget import load_retarget
from driving_client.voices import ipa
from driving_client.voices.choice import Voices
from driving_client.voices.piper import PiperVoice
from driving_client.voices.piper_file import VoiceFileError, load_piper
from driving_client.voices.wish import VoiceWish

SIGNS = " ,.?abdefhijklmnopstuvwxyzæðŋɐɑɔəɚɛɜɡɪɹʃʊʌʒˈˌːθᵻɾ"
SETTINGS = {
    "audio": {"sample_rate": 22050},
    "espeak": {"voice": "en-us"},
    "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
    "phoneme_id_map": {
        "_": [0], "^": [1], "$": [2], **{sign: [number] for number, sign in enumerate(SIGNS, 3)}
    },
    "num_speakers": 1,
    "language": {"code": "en_US"},
}  # fmt: skip
SIGN_IDS = {"_": [0], "^": [1], "$": [2]}
HOP = 256


class Session:
    """Stands for onnxruntime's: every number sounds for as many frames as it has digits."""

    tells_times = True
    fed: ClassVar[dict[str, Any]] = {}

    def __init__(self, model: bytes, _options: object, providers: list[str]) -> None:
        assert providers == ["CPUExecutionProvider"]
        if not model.startswith(b"a model"):
            raise RuntimeError("Protobuf parsing failed.")
        if model.endswith(b"/Ceil_output_0") and not self.tells_times:
            raise RuntimeError("invalid graph")

    def run(self, _names: None, feed: dict[str, Any]) -> list[np.ndarray]:
        type(self).fed = feed
        frames = np.array([len(str(number)) for number in feed["input"][0]], np.float32)
        sound = np.sin(np.arange(int(frames.sum()) * HOP) / 20).astype(np.float32)
        return [sound[None, None, None], frames[None, None]][: 2 if self.tells_times else 1]


@pytest.fixture(autouse=True)
def onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(SessionOptions=SimpleNamespace, InferenceSession=Session)
    monkeypatch.setitem(sys.modules, "onnxruntime", fake)
    monkeypatch.setattr(Session, "tells_times", True)


def voice_file(folder: Path, name: str = "en_US-anna-medium", **changed: object) -> Path:
    path = folder / f"{name}.onnx"
    path.write_bytes(b"a model")
    path.with_name(f"{name}.onnx.json").write_text(json.dumps({**SETTINGS, **changed}))
    return path


def test_a_sentence_is_fed_sign_by_sign_between_its_marks(tmp_path: Path) -> None:
    voice = PiperVoice(load_piper(voice_file(tmp_path)), "female")
    voice.speak("Yes, map.")
    numbers = SETTINGS["phoneme_id_map"]
    assert isinstance(numbers, dict)
    signs = {found[0]: sign for sign, found in numbers.items()}
    told = "".join(signs[int(number)] for number in Session.fed["input"][0])
    assert told == "^" + "".join(f"_{sign}" for sign in "jˈɛs, mˈæp.$")
    assert Session.fed["input_lengths"].tolist() == [len(told)]
    assert Session.fed["scales"].tolist() == pytest.approx([0.667, 1.0, 0.8])
    assert "sid" not in Session.fed


def test_phonemes_have_the_times_that_the_model_gave_them(tmp_path: Path) -> None:
    speech = PiperVoice(load_piper(voice_file(tmp_path)), "female").speak("Map. Map.")
    names = [phoneme.name for phoneme in speech.phonemes]
    assert [name for name in names if name != "_"] == ["m", "a", "p"] * 2
    assert speech.phonemes[-1].end == pytest.approx(speech.seconds)
    for one, other in zip(speech.phonemes, speech.phonemes[1:], strict=False):
        assert one.end == pytest.approx(other.start)
    first = next(phoneme for phoneme in speech.phonemes if phoneme.name == "m")
    assert first.start == 0.0, "the mark's frame, less what the times are behind"
    assert first.end == pytest.approx(4 * HOP / 22050 - 0.015), "the mark, two digits, two pads"


def test_without_times_the_lips_are_heard_in_the_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "tells_times", False)
    speech = PiperVoice(load_piper(voice_file(tmp_path)), "female").speak("Map.")
    assert speech.phonemes == ()
    assert perform(speech, load_retarget()).shape == (int(speech.seconds * 25), 120)


def test_a_brought_voice_speaks_its_language_for_its_sex(tmp_path: Path) -> None:
    anna = PiperVoice(load_piper(voice_file(tmp_path)), "female")
    berta = PiperVoice(
        load_piper(voice_file(tmp_path, "de_DE-berta", language={"code": "de_DE"})), "female"
    )
    named = PiperVoice(load_piper(voice_file(tmp_path, "carl")), "")
    voices = Voices([anna, berta, named])
    assert voices.choose(VoiceWish(language="en-GB", sex="female")).name == "en_US-anna-medium"
    assert voices.choose(VoiceWish(language="de-AT", sex="female")).name == "de_DE-berta"
    assert voices.choose(VoiceWish(language="de", sex="male")).name == "de+m3"
    assert voices.choose(VoiceWish("carl")).name == "carl"
    assert "carl" in voices.names()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"phoneme_type": "text"}, "phoneme_type is 'text'"),
        ({"phoneme_id_map": {}}, "not the settings of a Piper voice"),
        ({"phoneme_id_map": {"^": "x"}}, "not the settings of a Piper voice"),
        ({"audio": {}}, "not the settings of a Piper voice"),
        ({"audio": {"sample_rate": 1}}, "not the settings of a Piper voice"),
        ({"espeak": 3}, "not the settings of a Piper voice"),
        ({"num_speakers": "many"}, "num_speakers or phoneme_id_map"),
        ({"phoneme_id_map": {**SIGN_IDS, "a": [10**30]}}, "num_speakers or phoneme_id_map"),
        ({"phoneme_id_map": {**SIGN_IDS, "a": [math.inf]}}, "not the settings of a Piper voice"),
        ({"inference": {"length_scale": -1}}, "inference"),
        ({"inference": {"noise_scale": math.inf}}, "inference"),
        ({"inference": {"noise_w": math.nan}}, "inference"),
    ],
)
def test_bad_settings_are_told_with_their_file(
    tmp_path: Path, changed: dict[str, object], told: str
) -> None:
    path = voice_file(tmp_path, **changed)
    with pytest.raises(VoiceFileError, match=told) as raised:
        load_piper(path)
    assert f"{path}.json" in str(raised.value)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from([*SETTINGS, "voice", "code", "_"]), inner, max_size=6),
))  # fmt: skip
def test_any_other_settings_are_refused(
    tmp_path_factory: pytest.TempPathFactory, document: object
) -> None:
    path = voice_file(tmp_path_factory.mktemp("voice"))
    path.with_name(path.name + ".json").write_text(json.dumps(document))
    with pytest.raises(VoiceFileError):
        load_piper(path)


def test_a_model_that_gives_nonsense_costs_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = PiperVoice(load_piper(voice_file(tmp_path)), "female")
    nonsense = (
        ["no sound", "no times"],
        [None, None],
        [np.zeros(256), "no times"],
        [np.full(256, np.nan), np.ones(8)],
    )
    for answer in nonsense:
        monkeypatch.setattr(Session, "run", lambda *_, told=answer: told)
        with pytest.raises(SpeechError, match="failed"):
            voice.speak("Hello.")


def test_what_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VoiceFileError, match=r"FILE.onnx with FILE.onnx.json beside it"):
        load_piper(tmp_path / "none.onnx")
    path = voice_file(tmp_path)
    path.write_bytes(b"a picture")
    with pytest.raises(VoiceFileError, match="not a model that onnxruntime can run"):
        load_piper(path)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(VoiceFileError, match=r"needs onnxruntime, .*pip install '.\[piper\]'"):
        load_piper(path)


def test_the_command_line_names_a_voice_that_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("--voice", "--female-voice", "--male-voice"):
        assert main([option, str(tmp_path / "none.onnx"), "--port", "0"]) == 1
        assert "none.onnx" in capsys.readouterr().err


def test_a_text_without_a_sound_is_refused(tmp_path: Path) -> None:
    voice = PiperVoice(load_piper(voice_file(tmp_path)), "")
    with pytest.raises(SpeechError, match="made no sound"):
        voice.speak("… !")


def test_every_sign_has_a_mouth() -> None:
    assert set(ipa._MNEMONICS.values()) - {"c", "i", "q", "x", "h", "j"} <= set(_SOUNDS)


@given(st.lists(st.tuples(st.sampled_from(sorted(SIGNS + "^$ʰ")), st.floats(0.001, 0.5))))
def test_phonemes_take_all_the_time_that_the_signs_do(signs: list[tuple[str, float]]) -> None:
    phonemes = ipa.to_phonemes(signs, 1.0)
    total = sum(length for _, length in signs)
    if phonemes:
        assert phonemes[0].start == 1.0
        trailing = 0.0
        for sign, length in reversed(signs):
            if sign not in "ˈˌ":
                break
            trailing += length
        assert phonemes[-1].end == pytest.approx(1.0 + total - trailing)
    for one, other in itertools.pairwise(phonemes):
        assert one.end == pytest.approx(other.start)


def test_nothing_of_it_is_for_a_board(root: Path) -> None:
    assert "onnxruntime" not in (root / "requirements.lock").read_text()
