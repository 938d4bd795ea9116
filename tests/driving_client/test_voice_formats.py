# SPDX-License-Identifier: Apache-2.0
"""Which format a voice has: what is refused is named before a sample comes out."""

from __future__ import annotations

import itertools
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made_up.plugin import FIELD
from voice_files import REFUSED, TONE, mp3_frames, ogg, pcm, wav

from driving_client.voice_formats import VoiceDecoder, VoiceError, VoiceFormatError, asked_rate
from driving_client.voice_formats.raw_pcm import float_kind
from driving_client.voices.espeak import synthesise

NO_SOUND = {"gzip", "ZIP", "zstd", "multipart/form-data", "JSON", "HTML", "text"}


def decode(
    data: bytes, cuts: list[int], rate: int | None = None, declared: str = ""
) -> tuple[np.ndarray, int]:
    """All samples of a body that comes in pieces; nothing may come out before a refusal."""
    decoder = VoiceDecoder(declared, rate)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    parts = []
    try:
        parts += [decoder.feed(data[a:b]) for a, b in itertools.pairwise(edges)]
        parts.append(decoder.finish())
    except VoiceFormatError:
        assert sum(map(len, parts)) == 0, "samples came out before the refusal"
        raise
    return np.concatenate(parts), decoder.sample_rate


@pytest.mark.parametrize("rate", [None, 16000])
@pytest.mark.parametrize(("data", "name"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_pcm_is_refused_by_name_before_a_sample_is_played(
    data: bytes, name: str, rate: int | None
) -> None:
    if "float" in name and rate is None and not data.startswith(b"RIFF"):
        with pytest.raises(VoiceError, match="raw PCM needs its rate"):
            decode(data, [])
        return
    for cuts in ([], [1], [13, 17, 600], list(range(0, 700, 3))):
        with pytest.raises(VoiceFormatError) as refused:
            decode(data, cuts, rate)
        told = str(refused.value)
        assert name in told
        assert ("ffmpeg" in told) == (name not in NO_SOUND), "how to mend it"


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ("audio/mpeg", "MP3"),
        ("audio/flac", "FLAC"),
        ("audio/aac", "AAC"),
        ("audio/webm", "WebM"),
        ("audio/l16", "audio/L16"),
        ("audio/ogg", "not the Ogg that its type declares"),
        ("multipart/form-data", "multipart/form-data"),
        ("application/json", "JSON"),
        ("text/html", "HTML"),
        ("video/x-unheard-of", "declared as video/x-unheard-of"),
    ],
)
def test_bytes_that_say_nothing_are_refused_by_their_type(declared: str, name: str) -> None:
    for rate in (None, 16000):
        with pytest.raises(VoiceFormatError, match=name):
            decode(pcm(TONE), [], rate, declared)


@pytest.mark.parametrize("declared", ["audio/mpeg", "application/json", "text/plain", "image/png"])
def test_the_bytes_of_a_wav_win_over_any_type(declared: str) -> None:
    np.testing.assert_array_equal(decode(wav(), [], None, declared)[0], TONE)


@settings(deadline=None)
@given(st.binary(max_size=1500), st.lists(st.integers(0, 3000), max_size=20))
@example(mp3_frames()[:300], [1])
@example(b"\xff\xfb\x90\x64" + bytes(600), [3])
def test_any_bytes_are_a_voice_or_a_named_error_in_any_chunking(
    data: bytes, cuts: list[int]
) -> None:
    for start in (b"", b"\xff", b"ID3", b"OggS\0", b"RIFF\0\0\0\0WAVE", b"\0\0\0\0ftyp"):
        told = []
        for places in (cuts, [], list(range(len(data) + 10))):
            try:
                samples, rate = decode(start + data, places, 16000)
            except VoiceError as error:
                told.append(str(error))
            else:
                told.append(f"{rate} {samples.tobytes().hex()}")
        assert len(set(told)) == 1, told


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 24000, 44100, 48000, 96000, 192000])
def test_a_tone_sent_raw_is_spoken_at_its_own_pitch_at_any_rate(rate: int) -> None:
    tone = (9000 * np.sin(2 * np.pi * 500 * np.arange(rate) / rate)).astype(np.int16)
    samples, spoken = decode(pcm(tone), [999], rate)
    assert len(samples) / spoken == pytest.approx(1.0, abs=0.001)
    assert abs(np.argmax(np.abs(np.fft.rfft(samples.astype(float)))) - 500) <= 1
    assert np.abs(samples).max() == pytest.approx(9000, rel=0.05)


@pytest.mark.parametrize("text", ["", "fast", "16e3", "7999", "192001", "-16000", "9" * 5000])
def test_a_rate_that_no_voice_has_is_told(text: str) -> None:
    with pytest.raises(VoiceError, match=r"whole number|is not one of 8000 to 192000"):
        asked_rate(text)


@pytest.mark.parametrize(
    ("data", "rate", "expected"),
    [
        (b"", 16000, "ended before any sound"),
        (b"", None, "ended before any sound"),
        (b"\0" * 100, None, "raw PCM needs its rate"),
        (pcm(TONE)[:-1], 16000, "in the middle of a sample"),
        (b"\0", 16000, "in the middle of a sample"),
        (b"RIFF", None, "ended before any sound"),
        (ogg(b"OpusHead" + bytes(11))[:20], None, "in the middle of a page"),
    ],
)
def test_a_body_that_ends_too_early_is_told(data: bytes, rate: int | None, expected: str) -> None:
    for cuts in ([], [1], [13, 17]):
        with pytest.raises(VoiceError, match=expected):
            decode(data, cuts, rate)


@settings(deadline=None, max_examples=300)
@given(
    st.integers(1, 32767), st.floats(0.001, 0.4), st.floats(0.0, 6.3), st.integers(0, 2000),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_no_voice_of_16_bits_looks_like_floats_and_every_voice_of_floats_does(
    loudness: int, pitch: float, phase: float, noise: int, seed: int
) -> None:
    hiss = np.random.default_rng(seed).normal(0, noise, 2000)
    wave = loudness * np.sin(2 * np.pi * pitch * np.arange(2000) + phase) + hiss
    samples = np.clip(wave, -32768, 32767).astype(np.int16)
    assert not float_kind(pcm(samples)[:512])
    if len(np.unique(samples[:64])) > 16:
        for width in (4, 8):
            floats = (samples / 32768).astype(f"<f{width}").tobytes()
            assert float_kind(floats[:512]) == 8 * width


def test_a_wav_that_curl_has_taken_for_a_text_is_told_how_to_send_it() -> None:
    sent = wav().translate(None, b"\0\r\n")
    with pytest.raises(VoiceFormatError, match="curl -d leaves bytes out"):
        decode(sent, [5])


@pytest.mark.parametrize("level", [13107, 16000, 16384, 16400, 18000, 30000])
@pytest.mark.parametrize("noise", [0, 1, 3, 100])
def test_a_steady_level_or_a_square_wave_is_neither_floats_nor_text(level: int, noise: int) -> None:
    """Test tones, and what is clipped: their bytes are letters, or floats of 2."""
    for half in (2, 3, 8, 32, 5000):
        sign = np.where(np.arange(4000) // half % 2, -1, 1)
        hiss = np.random.default_rng(half).integers(-noise, noise + 1, 4000)
        samples = (level * sign + hiss).astype(np.int16)
        np.testing.assert_array_equal(decode(pcm(samples), [700], 16000)[0], samples)


def test_a_spoken_sentence_is_told_from_its_floats_wherever_it_begins() -> None:
    samples = synthesise("My baby, put five maps on the table.").samples
    for start in range(0, len(samples) - 600, 97):
        part = samples[start : start + 600]
        np.testing.assert_array_equal(decode(pcm(part), [], 22050)[0], part)
        if np.count_nonzero(part[:128]) > 64:
            with pytest.raises(VoiceFormatError, match="32-bit float"):
                decode((part / 32768).astype("<f4").tobytes(), [], 22050)


def test_silence_ahead_of_a_voice_is_kept_and_a_long_one_is_not_waited_for() -> None:
    quiet = np.zeros(60000, np.int16)
    voice = np.concatenate([quiet, TONE])
    np.testing.assert_array_equal(decode(pcm(voice), [5, 70001, 120001], 16000)[0], voice)
    decoder = VoiceDecoder("", 16000)
    assert len(decoder.feed(pcm(quiet))) > 50000
    np.testing.assert_array_equal(decode(pcm(quiet[:99]), [5], 16000)[0], quiet[:99])


def test_of_floats_after_a_long_silence_nothing_but_the_silence_comes_out() -> None:
    decoder = VoiceDecoder("", 16000)
    heard = [decoder.feed(bytes(2000)) for _ in range(50)]
    with pytest.raises(VoiceFormatError, match="32-bit float"):
        heard.append(decoder.feed((TONE / 32768).astype("<f4").tobytes()))
    assert not np.concatenate(heard).any()


@pytest.mark.field
@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("list_after.wav", 1.0), ("junk_first.wav", 1.0), ("size0.wav", 1.0), ("sizeFF.wav", 1.0),
        ("concat.wav", 3.0), ("concat_sizeFF.wav", 3.0), ("float32.wav", 0.667),
        ("ext_float32.wav", 1.0), ("pcm24.wav", 1.0), ("speech.ogg", None),
    ],
)  # fmt: skip
def test_files_that_people_sent_are_spoken(name: str, seconds: float | None) -> None:
    data = (FIELD / name).read_bytes()
    whole, rate = decode(data, [])
    if seconds is not None:
        assert len(whole) / rate == pytest.approx(seconds, abs=0.01)
        steps = np.abs(np.diff(whole.astype(int)))
        assert steps.max() < 8000, "no header is heard"
    np.testing.assert_array_equal(decode(data, list(range(0, 3000, 7)))[0], whole)
    np.testing.assert_array_equal(decode(data, list(range(len(data) // 97 + 1)), 16000)[0], whole)


@pytest.mark.field
@pytest.mark.parametrize(
    ("name", "kind"), [("speech.mp3", "MP3"), ("fake.mp3", "MP3"), ("fake.flac", "FLAC")]
)
def test_files_that_people_sent_are_refused_by_name(name: str, kind: str) -> None:
    for rate in (None, 16000):
        with pytest.raises(VoiceFormatError, match=kind):
            decode((FIELD / name).read_bytes(), [100], rate)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["-f", "mp3"], "MP3"), (["-f", "mp3", "-write_xing", "0", "-id3v2_version", "0"], "MP3"),
        (["-f", "mp2"], "MP3"), (["-f", "adts"], "AAC"), (["-f", "flac"], "FLAC"),
        (["-f", "ogg", "-c:a", "libvorbis"], "Vorbis"), (["-f", "ogg", "-c:a", "flac"], "FLAC"),
        (["-f", "aiff"], "AIFF"), (["-f", "au"], "AU"), (["-f", "w64"], "W64"),
        (["-f", "caf"], "CAF"), (["-f", "webm"], "WebM"), (["-f", "matroska"], "Matroska"),
        (["-f", "f32le"], "32-bit float"), (["-f", "f64le"], "64-bit float"),
        (["-f", "wav", "-c:a", "pcm_alaw"], "A-law"), (["-f", "wav", "-c:a", "adpcm_ms"], "ADPCM"),
        (["-f", "wav", "-c:a", "libmp3lame"], "MP3"),
        (["-f", "mp4", "-movflags", "frag_keyframe+empty_moov"], "MP4"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)  # fmt: skip
def test_what_ffmpeg_makes_is_told_by_name(options: list[str], name: str) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg, which `make setup` brings, to make the files of this test")
    speech = synthesise("Good morning.")
    given_as = ["-f", "s16le", "-ar", str(speech.sample_rate), "-ac", "1", "-i", "-"]
    made = subprocess.run(
        ["ffmpeg", "-v", "error", *given_as, *options, "-"],
        input=pcm(speech.samples),
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(
            f"this machine's ffmpeg makes none: {made.stderr.decode().strip().splitlines()[-1]}"
        )
    with pytest.raises(VoiceFormatError, match=name):
        decode(made.stdout, [], speech.sample_rate)
