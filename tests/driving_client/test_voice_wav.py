# SPDX-License-Identifier: Apache-2.0
"""WAVs of every kind that is taken, in any chunking, one after the other, cut off, and damaged."""

from __future__ import annotations

import itertools
import re
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voice_files import NOISE, TONE, chunk, form, ogg, pcm, rf64, riff, wav

from driving_client.sample_rates import SAMPLE_RATES
from driving_client.voice_formats import VoiceDecoder, VoiceError

CUTS = st.lists(st.integers(0, 20000), max_size=30)
DATA = chunk(b"data", pcm(TONE))


def decode(data: bytes, cuts: list[int]) -> tuple[np.ndarray, int]:
    decoder = VoiceDecoder("", None)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    parts = [decoder.feed(data[a:b]) for a, b in itertools.pairwise(edges)]
    parts.append(decoder.finish())
    return np.concatenate(parts), decoder.sample_rate


def byte_by_byte(data: bytes) -> np.ndarray:
    return decode(data, list(range(len(data))))[0]


def packed(samples: np.ndarray, width: int, is_float: bool) -> bytes:
    """16-bit samples as they lie in a WAV of that width."""
    if is_float:
        return (samples / 32768).astype(f"<f{width}").tobytes()
    if width == 1:
        return (samples // 256 + 128).astype(np.uint8).tobytes()
    parts = np.zeros((samples.size, width), np.uint8)
    parts[:, width - 2 :] = samples.astype("<i2").reshape(-1, 1).view(np.uint8)
    return parts.tobytes()


FORMS = {
    "8 bits": (8, 1, None, 1), "16 bits": (16, 1, None, 2), "24 bits": (24, 1, None, 3),
    "32 bits": (32, 1, None, 4), "float": (32, 3, None, 4), "double": (64, 3, None, 8),
    "12 bits in 2 bytes": (12, 1, None, 2), "20 bits in 3": (20, 1, None, 3),
    "24 bits in 4": (24, 1, None, 4), "EXTENSIBLE 8": (8, 1, 1, 1), "EXTENSIBLE 16": (16, 1, 1, 2),
    "EXTENSIBLE 24": (24, 1, 1, 3), "EXTENSIBLE 32": (32, 1, 1, 4),
    "EXTENSIBLE float": (32, 3, 3, 4), "EXTENSIBLE double": (64, 3, 3, 8),
}  # fmt: skip


@settings(deadline=None, max_examples=8)
@given(cuts=CUTS, rate=st.sampled_from(SAMPLE_RATES))
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("bits", "tag", "sub", "width"), FORMS.values(), ids=FORMS)
def test_every_form_of_pcm_sounds_the_same_in_any_chunking(
    bits: int, tag: int, sub: int | None, width: int, channels: int, cuts: list[int], rate: int
) -> None:
    both = np.stack([TONE, TONE // 2], axis=1)[:, :channels].astype(np.int16)
    sound = packed(both.ravel(), width, tag == 3)
    head = form(rate, channels, bits, tag, frame_bytes=width * channels, sub=sub)
    samples, spoken = decode(riff(head, chunk(b"data", sound)), cuts)
    expected = both.astype(np.int32).sum(axis=1) // channels
    if width == 1:
        expected = (both // 256 * 256).astype(np.int32).sum(axis=1) // channels
    np.testing.assert_array_equal(samples, expected)
    assert spoken == rate


def test_floats_beyond_full_scale_are_cut_and_what_is_no_number_is_silence() -> None:
    sound = np.array([2.0, -2.0, np.nan, np.inf, -np.inf, 1e300, 0.5], "<f8").tobytes()
    samples, _ = decode(riff(form(bits=64, tag=3), chunk(b"data", sound)), [])
    assert samples.tolist() == [32767, -32768, 0, 32767, -32768, 32767, 16384]


@pytest.mark.parametrize("rate", [8000, 8001, 11025, 12000, 37800, 44056, 64000, 88200, 192000])
def test_any_rate_comes_out_at_one_of_the_protocols_with_the_same_length(rate: int) -> None:
    tone = (9000 * np.sin(2 * np.pi * 400 * np.arange(rate // 2) / rate)).astype(np.int16)
    whole, spoken = decode(wav(tone, rate), [])
    assert spoken in SAMPLE_RATES
    assert spoken == rate if rate in SAMPLE_RATES else spoken >= min(rate, 48000)
    assert len(whole) / spoken == pytest.approx(0.5, abs=0.001)
    np.testing.assert_array_equal(decode(wav(tone, rate), list(range(0, 20000, 61)))[0], whole)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFFF - 44])
@pytest.mark.parametrize("file_size", [0, 36, 0xFFFFFFFF, 0x7FFFF024])
def test_a_wav_made_while_it_is_sent_has_no_length_yet(size: int, file_size: int) -> None:
    data = riff(form(), chunk(b"data", pcm(TONE), size), size=file_size)
    np.testing.assert_array_equal(decode(data, [100])[0], TONE)
    np.testing.assert_array_equal(byte_by_byte(data), TONE)


@pytest.mark.parametrize("told", [2 * len(TONE), 0, 0xFFFFFFFFFFFFFFFF])
def test_an_rf64_tells_its_size_elsewhere_or_not_at_all(told: int) -> None:
    tail = chunk(b"LIST", NOISE) if told == 2 * len(TONE) else b""
    np.testing.assert_array_equal(byte_by_byte(rf64(data_bytes=told) + tail), TONE)
    renamed = rf64(data_bytes=told).replace(b"RF64", b"BW64")
    np.testing.assert_array_equal(decode(renamed, [])[0], TONE)


EXTRAS = {
    "odd": chunk(b"LIST", b"notes"), "empty": chunk(b"JUNK", b""), "one": chunk(b"bext", b"x"),
    "with a name in it": chunk(b"id3 ", b"data\4\0\0\0RIFF....WAVEfmt "),
    "unheard of": chunk(b"zzZ9", NOISE), "no padding": b"LIST" + struct.pack("<I", 5) + b"notes",
}  # fmt: skip


@pytest.mark.parametrize("extra", EXTRAS.values(), ids=EXTRAS)
def test_chunks_before_amid_and_after_are_passed_over(extra: bytes) -> None:
    data = riff(extra, form(), extra, DATA, extra, extra)
    np.testing.assert_array_equal(byte_by_byte(data), TONE)
    for cut in range(0, len(data), 5):
        np.testing.assert_array_equal(decode(data, [cut])[0], TONE)


def test_a_chunk_of_any_size_before_the_sound_is_never_kept() -> None:
    decoder = VoiceDecoder("", None)
    piece = bytes(100_000)
    decoder.feed(riff(form(), b"JUNK" + struct.pack("<I", 500 * len(piece))))
    tracemalloc.start()
    for _ in range(500):
        assert len(decoder.feed(piece)) == 0
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
    samples = [decoder.feed(DATA), decoder.finish()]
    np.testing.assert_array_equal(np.concatenate(samples), TONE)


def test_rubbish_after_the_sound_is_never_kept() -> None:
    decoder = VoiceDecoder("", None)
    sound = decoder.feed(riff(form(), chunk(b"data", pcm(TONE), 2 * len(TONE) + 1)))
    np.testing.assert_array_equal(sound, TONE)
    piece = b"\xff" * 100_000
    tracemalloc.start()
    for _ in range(100):
        assert len(decoder.feed(piece)) == 0
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
    assert len(decoder.finish()) == 0


WORDS = (
    b"RIFF", b"WAVE", b"RF64", b"BW64", b"RIFFRIFF", b"data", b"RIFF\0\0\0\0WAV",
    b"RIFF\0\0\0WAVE", b"R", b"B",
)  # fmt: skip
UNKNOWN = riff(form(), chunk(b"data", pcm(TONE), 0xFFFFFFFF), size=0xFFFFFFFF)
NEXT = {
    "whole ones": wav(), "of unknown size": UNKNOWN,
    "of size 0": riff(form(), chunk(b"data", pcm(TONE), 0), size=0),
    "RF64": rf64(), "with chunks first": riff(chunk(b"JUNK", bytes(28)), form(), DATA),
    "with chunks last": riff(form(), DATA, chunk(b"LIST", b"notes")),
    "size told too large": riff(form(), chunk(b"data", pcm(TONE), 10**6)),
    "rubbish behind": wav() + b"\xff\xfe\xfd",
}  # fmt: skip


@settings(deadline=None, max_examples=15)
@given(cuts=CUTS, order=st.permutations(sorted(NEXT)))
def test_wavs_one_after_the_other_are_one_voice_whatever_size_they_tell(
    cuts: list[int], order: list[str]
) -> None:
    data = b"".join(NEXT[name] for name in order)
    samples, rate = decode(data, cuts)
    np.testing.assert_array_equal(samples, np.tile(TONE, len(order)))
    assert rate == 16000


@pytest.mark.parametrize("first", NEXT.values(), ids=NEXT)
def test_a_next_header_is_found_byte_by_byte(first: bytes) -> None:
    np.testing.assert_array_equal(byte_by_byte(first + wav() + first), np.tile(TONE, 3))


def test_half_a_sample_before_the_next_header_is_dropped() -> None:
    data = UNKNOWN + b"\x55" + wav()
    np.testing.assert_array_equal(byte_by_byte(data), np.tile(TONE, 2))


@settings(deadline=None)
@given(st.integers(0, 3999), st.sampled_from(WORDS), CUTS)
def test_letters_in_the_sound_are_sound(place: int, word: bytes, cuts: list[int]) -> None:
    sound = bytearray(pcm(TONE))
    sound[place : place + len(word)] = word
    sound = sound[: len(sound) // 2 * 2]
    for size in (None, 0xFFFFFFFF):
        samples, _ = decode(riff(form(), chunk(b"data", bytes(sound), size)), cuts)
        assert samples.tobytes() == bytes(sound)


def test_wavs_of_other_rates_and_forms_go_on_at_the_rate_of_the_first() -> None:
    second = riff(form(48000, 2, 32, 3), chunk(b"data", packed(np.repeat(TONE, 2), 4, True)))
    third = wav(TONE, 11025)
    samples, rate = decode(UNKNOWN + second + third + wav(), [])
    assert rate == 16000
    expected = len(TONE) * (1 + 16000 / 48000 + 16000 / 11025 + 1)
    assert len(samples) == pytest.approx(expected, abs=3)
    np.testing.assert_array_equal(samples[-len(TONE) :], TONE)
    np.testing.assert_array_equal(byte_by_byte(UNKNOWN + second + third + wav()), samples)


@pytest.mark.parametrize(
    "data",
    [
        riff(form(), chunk(b"data", b""), chunk(b"LIST", NOISE)),
        riff(form(), chunk(b"data", b""), chunk(b"zz01", NOISE)),
        riff(form(), chunk(b"data", b""), chunk(b"id3 ", b"x"), chunk(b"LIST", b"")),
        riff(form(), chunk(b"data", b"")),
        riff(form(), chunk(b"data", b"")) * 3,
    ],
)
def test_an_empty_data_is_no_sound_whatever_follows_it(data: bytes) -> None:
    assert len(decode(data, [])[0]) == len(byte_by_byte(data)) == 0


def test_an_empty_data_before_the_sound_costs_nothing() -> None:
    for data in (
        riff(form(), chunk(b"data", b""), chunk(b"LIST", NOISE), DATA),
        riff(form(), chunk(b"data", b"")) + wav(),
    ):
        np.testing.assert_array_equal(byte_by_byte(data), TONE)


@pytest.mark.parametrize("samples", [1, 2, 3, 4, 5])
def test_a_streamed_wav_may_be_shorter_than_a_chunks_header(samples: int) -> None:
    data = riff(form(), chunk(b"data", pcm(TONE[1 : 1 + samples]), 0), size=0)
    np.testing.assert_array_equal(byte_by_byte(data), TONE[1 : 1 + samples])


@settings(deadline=None)
@given(st.integers(0, 9000), CUTS)
def test_a_body_cut_off_anywhere_is_a_shorter_voice_or_a_named_error(
    length: int, cuts: list[int]
) -> None:
    data = (riff(chunk(b"LIST", b"odd"), form(), DATA, chunk(b"LIST", b"end")) + UNKNOWN)[:length]
    try:
        samples, _ = decode(data, cuts)
    except VoiceError as error:
        told = str(error)
    else:
        told = ""
        np.testing.assert_array_equal(samples, np.tile(TONE, 2)[: len(samples)])
    assert re.fullmatch("|.*(before any sound|in the middle of a sample|needs its rate).*", told)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (riff(DATA), "sound before its format"),
        (
            riff(form()[:4] + struct.pack("<I", 14) + form()[8:22], DATA),
            "has 14 bytes, it needs 16",
        ),
        (riff(chunk(b"fmt ", form(sub=1)[8:28]), DATA), "too short for it"),
        (riff(form(), b"\0\1\2\3" + NOISE), "no chunk begins at byte 36"),
        (wav() + riff(DATA), "sound before its format"),
        (riff(form())[:30], "ended before any sound"),
        (riff(form()), "ended before any sound"),
        (riff(chunk(b"JUNK", NOISE, 10**9)), "ended before any sound"),
        (UNKNOWN[:-1], "in the middle of a sample"),
    ],
)
def test_damage_is_told_in_words(data: bytes, expected: str) -> None:
    for cuts in ([], [7], list(range(len(data)))):
        with pytest.raises(VoiceError, match=expected):
            decode(data, cuts)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([form(), form(bits=24), DATA, chunk(b"LIST", b"x"), wav(), UNKNOWN,
                             rf64(), chunk(b"data", b""), ogg(b"OpusHead")]),
            st.binary(max_size=40),
        ),
        max_size=6,
    ),
    CUTS,
)  # fmt: skip
def test_any_chunks_in_any_order_are_a_voice_or_a_named_error(
    parts: list[bytes], cuts: list[int]
) -> None:
    data = riff(*parts)
    told = []
    for places in (cuts, [], list(range(0, len(data), 3))):
        try:
            samples, _ = decode(data, places)
        except VoiceError as error:
            told.append(str(error))
        else:
            told.append(samples.tobytes().hex())
    assert len(set(told)) == 1
