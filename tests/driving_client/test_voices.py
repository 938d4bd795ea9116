# SPDX-License-Identifier: Apache-2.0
"""A voice that fits the person: who speaks when what is asked for, and how it sounds."""

from __future__ import annotations

import shutil
import tempfile
from itertools import groupby, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pitch import mean_pitch, pitches

from driving_client.errors import ProtocolError, SpeechError
from driving_client.lipsync.articulation import _GLIDES, _SOUNDS
from driving_client.utterance import Samples
from driving_client.voices import flite
from driving_client.voices.choice import Voices
from driving_client.voices.level import ACTIVE_DBFS, levelled
from driving_client.voices.speech import Speech, SynthesiserMissingError, UnknownVoiceError
from driving_client.voices.wish import SEXES, VoiceWish, read_wish

WOMEN_HZ = (165.0, 255.0)
MEN_HZ = (85.0, 155.0)
"""Where the means of adults lie (Fitch and Holbrook 1970); the usual ones are 210 and 120
(Traunmüller and Eriksson 1995)."""

TEXTS = {
    "en": "Good morning, and thank you for stopping by. Would you rather hear about the paintings?",
    "de": "Guten Morgen, möchten Sie mehr über die Bilder im ersten Stock wissen?",
    "fr": "Bonjour, voulez-vous en savoir plus sur les tableaux du premier étage ?",
    "vi": "Xin chào, chào mừng bạn đến với bảo tàng của chúng tôi. Bảo tàng mở cửa mỗi ngày.",
    "zh": "早上好，欢迎来到我们的博物馆。请跟着蓝线走到火车站。",
    "es": "Buenos días, puede usted comprar las entradas en la ventana de al lado.",
}
WOMAN = VoiceWish(language="en-US", sex="female", pitch=195.0)
"""As the default avatar's bundle says it."""
MAN = VoiceWish(language="en-US", sex="male", pitch=105.0)
"""As Samuel's does."""

needs_flite = pytest.mark.skipif(
    shutil.which("flite") is None, reason="flite is missing, `make setup` brings it"
)
VOICES = Voices()


@pytest.fixture(params=["flite", "espeak-ng alone"])
def synthesiser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "espeak-ng alone":
        monkeypatch.setattr(flite, "installed", lambda: False)
    elif shutil.which("flite") is None:
        pytest.skip("flite is missing, `make setup` brings it")
    value: str = request.param
    return value


def speech(wish: VoiceWish) -> Speech:
    voice = VOICES.choose(wish)
    return voice.speak(TEXTS[voice.language.partition("-")[0]])


# --- how it sounds ----------------------------------------------------------------------------


def test_the_default_woman_speaks_as_high_as_women_do(synthesiser: str) -> None:
    said = speech(WOMAN)
    assert WOMEN_HZ[0] < mean_pitch(said.samples, said.sample_rate) < WOMEN_HZ[1]
    assert abs(mean_pitch(said.samples, said.sample_rate) / WOMAN.pitch - 1) < 0.08


def test_samuel_speaks_as_low_as_men_do(synthesiser: str) -> None:
    said = speech(MAN)
    assert MEN_HZ[0] < mean_pitch(said.samples, said.sample_rate) < MEN_HZ[1]


@pytest.mark.parametrize("language", ["en-GB", "de", "fr", "es", "de-AT", "fr-CA", "vi", "zh-CN"])
def test_women_and_men_of_other_languages_differ_as_people_do(language: str) -> None:
    for wish, (low, high) in ((WOMAN, WOMEN_HZ), (MAN, MEN_HZ)):
        said = speech(VoiceWish(language=language, sex=wish.sex, pitch=wish.pitch))
        assert low < mean_pitch(said.samples, said.sample_rate) < high


@pytest.mark.parametrize("pitch", [170.0, 195.0, 230.0])
def test_the_pitch_that_is_asked_for_is_heard(synthesiser: str, pitch: float) -> None:
    said = speech(VoiceWish(language="en-US", sex="female", pitch=pitch))
    assert abs(mean_pitch(said.samples, said.sample_rate) / pitch - 1) < 0.08


@needs_flite
def test_slt_has_a_melody() -> None:
    """A standard deviation over a semitone, 6 %; as flite speaks her by itself it is 5 %."""
    said = speech(WOMAN)
    heard = pitches(said.samples, said.sample_rate)
    assert heard.std() / heard.mean() > 0.06


@pytest.mark.parametrize("wish", [WOMAN, MAN], ids=["woman", "man"])
def test_all_are_equally_loud_and_none_is_clipped(synthesiser: str, wish: VoiceWish) -> None:
    said = speech(wish)
    assert np.abs(said.samples.astype(int)).max() < 32000
    assert abs(active_dbfs(said.samples, said.sample_rate) - ACTIVE_DBFS) < 1.0


@pytest.mark.parametrize("wish", [WOMAN, MAN], ids=["woman", "man"])
def test_sound_begins_soon_and_has_no_holes(synthesiser: str, wish: VoiceWish) -> None:
    said = speech(wish)
    size = said.sample_rate // 100
    rows = said.samples[: len(said.samples) // size * size].reshape(-1, size)
    quiet = np.abs(rows.astype(int)).max(axis=1) < 100
    lengths = [(silent, len(list(group)) / 100) for silent, group in groupby(quiet)]
    assert lengths[0][1] <= 0.12 or not lengths[0][0]
    assert all(length < 0.5 for silent, length in lengths if silent)
    assert 0.1 < lengths[-1][1] < 0.45, "the mouth has time to close"


@pytest.mark.parametrize("wish", [WOMAN, MAN], ids=["woman", "man"])
def test_phonemes_cover_the_sound_and_the_lips_know_them(synthesiser: str, wish: VoiceWish) -> None:
    said = speech(wish)
    phonemes = said.phonemes
    assert phonemes[0].start == pytest.approx(0.0, abs=0.03)
    assert phonemes[-1].end == pytest.approx(said.seconds)
    assert all(a.end == pytest.approx(b.start) for a, b in pairwise(phonemes))
    vowels = [p.name for p in phonemes if p.name in _SOUNDS or p.name in _GLIDES]
    assert len(vowels) > 0.8 * sum(not p.name.startswith("_") for p in phonemes)


@needs_flite
def test_flites_phones_are_where_they_are_heard() -> None:
    """At the level's rise out of a pause, the sound's own time is within 40 ms of the phone's."""
    said = speech(WOMAN)
    size = said.sample_rate // 100
    levels = np.abs(said.samples[: len(said.samples) // size * size].reshape(-1, size)).max(axis=1)
    starts = [b.start for a, b in pairwise(said.phonemes) if a.name == "_"]
    for start in starts:
        at = round(start * 100)
        heard = at - 8 + int(np.argmax(levels[max(at - 8, 0) : at + 12] > 400))
        assert abs(heard / 100 - start) <= 0.06, (start, heard)


def active_dbfs(samples: Samples, sample_rate: int) -> float:
    size = sample_rate // 50
    rows = samples[: len(samples) // size * size].reshape(-1, size) / 32768.0
    energies = (rows**2).mean(axis=1)
    return float(10 * np.log10(energies[energies > energies.max() / 100].mean()))


@given(st.lists(st.integers(-32768, 32767), max_size=2000), st.sampled_from([8000, 16000, 22050]))
def test_levelling_never_overflows(values: list[int], rate: int) -> None:
    samples = np.array(values, np.int16)
    result = levelled(samples, rate)
    assert result.dtype == np.int16
    assert len(result) == len(samples)
    assert (np.sign(result) * np.sign(samples) >= 0).all()


# --- who speaks -------------------------------------------------------------------------------


@needs_flite
def test_american_english_is_spoken_by_flite_and_the_rest_by_espeak_ng() -> None:
    chosen = [
        VOICES.choose(VoiceWish(language=language, sex=sex)).name
        for language in ("en-US", "en", "en_us", "en-GB", "de-AT", "zh-CN")
        for sex in SEXES
    ]
    assert chosen == [
        *("slt", "rms", "slt", "rms", "slt", "rms"),
        *("en-gb+f3", "en-gb+m3", "de+f3", "de+m3", "zh+f3", "zh+m3"),
    ]


def test_without_flite_a_woman_is_still_a_woman(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flite, "installed", lambda: False)
    assert VOICES.choose(WOMAN).name == "en-us+f3"
    with pytest.raises(SynthesiserMissingError, match="apt install flite"):
        VOICES.choose(VoiceWish("slt"))


@needs_flite
@pytest.mark.parametrize(
    ("request_wish", "kiosk", "endpoint", "name"),
    [
        (VoiceWish(), VoiceWish(), VoiceWish(), "slt"),
        (VoiceWish(), VoiceWish(), VoiceWish("rms"), "rms"),
        (VoiceWish(), MAN, VoiceWish("slt"), "rms"),
        (VoiceWish("slt"), MAN, VoiceWish("de"), "slt"),
        (VoiceWish(language="de"), MAN, VoiceWish("slt"), "de+m3"),
        (VoiceWish("fr"), WOMAN, VoiceWish(), "fr+f3"),
        (VoiceWish("de+f2"), MAN, VoiceWish(), "de+f2"),
        (VoiceWish(), VoiceWish(sex="male"), VoiceWish("de"), "de+m3"),
        (VoiceWish(), VoiceWish(sex="male"), VoiceWish("slt"), "rms"),
        (VoiceWish(), VoiceWish("es", "en-US", "male"), VoiceWish(), "es+m3"),
        (VoiceWish(), VoiceWish(), VoiceWish("gmw/en-US+m3"), "en-us+m3"),
    ],
)
def test_request_goes_before_kiosk_and_kiosk_before_endpoint(
    request_wish: VoiceWish, kiosk: VoiceWish, endpoint: VoiceWish, name: str
) -> None:
    assert VOICES.choose(request_wish, kiosk, endpoint).name == name


@needs_flite
@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (VoiceWish("nobody"), "no voice 'nobody'; take slt, rms, a language such as de"),
        (VoiceWish(language="xx-YY"), "no voice for the language 'xx-YY'; there are af, am, an"),
        (VoiceWish("de+f33"), "no variant 'f33' of de; it has .*f3"),
        (VoiceWish("../../etc/passwd"), "no voice"),
    ],
)
def test_what_is_unknown_is_told_with_what_there_is(wish: VoiceWish, told: str) -> None:
    with pytest.raises(UnknownVoiceError, match=told):
        VOICES.choose(wish)


def test_equal_wishes_give_equal_voices() -> None:
    """Kiosks with the same voice share what is made for one of them."""
    assert VOICES.choose(WOMAN) == VOICES.choose(VoiceWish(), WOMAN)
    assert len({VOICES.choose(WOMAN), VOICES.choose(WOMAN), VOICES.choose(MAN)}) == 2


# --- flite ------------------------------------------------------------------------------------


@needs_flite
def test_flite_reads_signs_beyond_ascii_as_what_they_stand_for() -> None:
    slt = VOICES.choose(VoiceWish("slt"))
    plain, styled = (
        slt.speak("I don't like the cafe, do I?"),
        slt.speak("I don’t like the café—do I?"),
    )
    assert [p.name for p in plain.phonemes] == [p.name for p in styled.phonemes]


@needs_flite
@pytest.mark.parametrize("text", ["", " \n", "a\0b", "x" * 2001, "…", "中文", "?!"])
def test_what_flite_cannot_speak_is_refused(text: str) -> None:
    with pytest.raises(SpeechError, match=r"empty|NUL|2001|no sound"):
        VOICES.choose(VoiceWish("rms")).speak(text)


@needs_flite
@pytest.mark.parametrize("text", ["-o /tmp/x", "--help", "-psdur", "/etc/passwd", "voice=awb"])
def test_a_text_is_never_an_option_of_flites(text: str) -> None:
    assert len(VOICES.choose(VoiceWish("rms")).speak(text).phonemes) > 3


def test_a_flite_that_hangs_or_fails_costs_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("bin")
    fake = folder / "flite"
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(flite, "_TIMEOUT_S", 0.5)
    for script in (
        "exec sleep 60",
        "exit 3",
        "kill -SEGV $$",
        "exit 0",
        "echo RIFF > /proc/self/fd/1",
    ):
        fake.write_text(f"#!/bin/sh\n{script}\n")
        fake.chmod(0o755)
        with pytest.raises(SpeechError, match="flite did not speak"):
            flite.FliteVoice("slt").speak("Hello.")


@needs_flite
def test_flite_needs_no_room_on_any_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/to/be/found")
    assert flite.FliteVoice("slt").speak("Hello.").seconds > 0.3


@pytest.mark.parametrize("wish", [VoiceWish(name="a" * 5000), VoiceWish(language="a" * 5000)])
def test_what_was_asked_for_is_told_back_in_short(wish: VoiceWish) -> None:
    with pytest.raises(UnknownVoiceError) as told:
        VOICES.choose(wish)
    assert "a" * 81 not in str(told.value)


# --- what travels -----------------------------------------------------------------------------


@given(
    st.builds(
        VoiceWish,
        name=st.text("abc+-3", max_size=20),
        language=st.sampled_from(["", "en-US", "de"]),
        sex=st.sampled_from(["", *SEXES]),
        pitch=st.just(0.0) | st.floats(50.0, 500.0),
    )
)
def test_a_wish_travels_whole(wish: VoiceWish) -> None:
    assert read_wish(wish.document()) == wish


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(_JSON | st.dictionaries(st.sampled_from(["name", "language", "sex", "pitch", "x"]), _JSON))
def test_any_other_document_is_read_or_refused_by_name(document: object) -> None:
    try:
        wish = read_wish(document)
    except ProtocolError as error:
        assert str(error).startswith("voice")  # noqa: PT017
    else:
        assert wish.sex in ("", *SEXES)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ("slt", "voice is no object"),
        ({"sex": "robot"}, "voice.sex is 'robot', allowed: female, male"),
        ({"pitch": 5}, "voice.pitch is not a number from 50 to 500"),
        ({"pitch": True}, "voice.pitch"),
        ({"language": 3}, "voice.language"),
        ({"name": "\x1b[2J"}, "voice.name"),
    ],
)
def test_a_bad_wish_says_what_is_allowed(document: object, told: str) -> None:
    with pytest.raises(ProtocolError) as raised:
        read_wish(document)
    assert told in str(raised.value)
