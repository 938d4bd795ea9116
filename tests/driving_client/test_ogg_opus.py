# SPDX-License-Identifier: Apache-2.0
"""Ogg Opus made by ffmpeg, decoded here: the same voice, in any chunking; damage is told."""

from __future__ import annotations

import contextlib
import functools
import itertools
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from driving_client.errors import ProtocolError
from driving_client.lipsync.espeak import synthesise
from driving_client.ogg_opus import OPUS_RATE, OggOpusDecoder, OpusMissingError

try:
    OggOpusDecoder()
except OpusMissingError as error:
    pytest.skip(str(error), allow_module_level=True)

SPEECH = synthesise("My baby, put five maps on the table.")


def ffmpeg(*arguments: str, data: bytes) -> bytes:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed: it encodes the streams of these tests")
    command = ["ffmpeg", "-v", "error", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


@functools.cache
def encoded(channels: int = 1, *options: str) -> bytes:
    raw = ["-f", "s16le", "-ar", str(SPEECH.sample_rate), "-ac", "1", "-i", "-"]
    output = ["-ac", str(channels), "-c:a", "libopus", "-b:a", "32k", *options, "-f", "ogg", "-"]
    return ffmpeg(*raw, *output, data=SPEECH.samples.astype("<i2").tobytes())


def decoded(data: bytes, cuts: list[int]) -> np.ndarray:
    decoder = OggOpusDecoder()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [decoder.feed(data[a:b]) for a, b in itertools.pairwise(edges)]
    decoder.finish()
    return np.concatenate(pieces)


@pytest.mark.parametrize(
    ("channels", "options"),
    [(1, ()), (2, ()), (1, ("-frame_duration", "60")), (1, ("-page_duration", "20000"))],
)
def test_the_voice_comes_out_as_it_went_in(channels: int, options: tuple[str, ...]) -> None:
    samples = decoded(encoded(channels, *options), [])
    assert len(samples) / OPUS_RATE == pytest.approx(SPEECH.seconds, abs=0.0005)
    # What ffmpeg makes of the same stream, at the same rate: with its own decoder
    peer = ffmpeg("-i", "-", "-ac", "1", "-ar", "16000", "-f", "s16le", "-",
                  data=encoded(channels, *options))  # fmt: skip
    reference = np.frombuffer(peer, "<i2").astype(float)
    count = min(len(reference), len(samples))
    r = np.corrcoef(reference[:count], samples[:count].astype(float))[0, 1]
    # Of two channels libopus takes the sum that was coded, ffmpeg adds up the two decoded
    assert r > (0.97 if channels == 1 else 0.85)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 1 << 16), max_size=40))
def test_any_chunking_gives_the_same_samples(cuts: list[int]) -> None:
    np.testing.assert_array_equal(decoded(encoded(), cuts), decoded(encoded(), []))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1 << 16), st.binary(max_size=8), st.integers(0, 64))
def test_damage_is_a_named_error_or_other_samples_and_nothing_else(
    place: int, noise: bytes, cut: int
) -> None:
    data = bytearray(encoded())
    place %= len(data)
    data[place : place + cut] = noise
    decoder = OggOpusDecoder()
    with contextlib.suppress(ProtocolError):
        assert decoder.feed(bytes(data)).dtype == np.int16
        decoder.finish()


def test_what_is_no_stream_is_told() -> None:
    good = encoded()
    head = good[:28] + good[28:47]
    for data, reason in (
        (b"RIFF", "no page begins here"),
        (b"OggS\x01" + bytes(22), "version 1"),
        (good[:28] + b"OpusSome" + good[36:], "not OpusHead"),
        (head[:37] + b"\x06" + good[38:], "6 channels"),
        (good + good, "after the last"),
    ):
        with pytest.raises(ProtocolError, match=reason):
            OggOpusDecoder().feed(data)
    decoder = OggOpusDecoder()
    decoder.feed(good[:-5])
    with pytest.raises(ProtocolError, match="amid a page"):
        decoder.finish()
