# SPDX-License-Identifier: Apache-2.0
"""Ogg Opus made by ffmpeg, decoded here: the same voice, in any chunking; damage is told."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import shutil
import struct
import subprocess

import numpy as np
import pytest
from endpoint_rig import endpoint, receive
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from driving_client.errors import ProtocolError
from driving_client.lipsync.coarticulation import mouth_controls
from driving_client.retarget import load_retarget
from driving_client.retarget.mouth import OPEN
from driving_client.voice_formats import VoiceDecoder, VoiceError, VoiceFormatError, opus
from driving_client.voice_formats.ogg_opus import OggOpusDecoder
from driving_client.voice_formats.opus import OPUS_RATE, OpusMissingError
from driving_client.voices.espeak import synthesise
from driving_client.wire.codec import decode_message, encode_message
from driving_client.wire.messages import AudioInput, ConfigureSession, ServerError

try:
    OggOpusDecoder()
except OpusMissingError as error:
    pytest.skip(str(error), allow_module_level=True)

SPEECH = synthesise("My baby, put five maps on the table.")


def ffmpeg(*arguments: str, data: bytes) -> bytes:
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg, which `make setup` brings, to encode the streams of these tests")
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
    peer = ffmpeg(
        "-i", "-", "-ac", "1", "-ar", "16000", "-f", "s16le", "-", data=encoded(channels, *options)
    )
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


def test_a_voice_in_opus_is_a_voice_over_http_too() -> None:
    for declared in ("", "audio/ogg", "audio/opus", "application/ogg", "video/webm"):
        decoder = VoiceDecoder(declared, None)
        samples = np.concatenate([decoder.feed(encoded()), decoder.finish()])
        np.testing.assert_array_equal(samples, decoded(encoded(), []))
        assert decoder.sample_rate == OPUS_RATE
    with pytest.raises(VoiceError, match="Ogg Opus: "):
        VoiceDecoder("", None).feed(encoded() + b"no page")


def test_what_is_no_stream_is_told() -> None:
    good = encoded()
    head = good[:28] + good[28:47]
    for data, reason in (
        (b"RIFF", "no page begins here"),
        (b"OggS\x01" + bytes(22), "version 1"),
        (good[:28] + b"OpusSome" + good[36:], "not OpusHead"),
        (head[:37] + b"\x06" + good[38:], "6 channels"),
        (good + page(0, [b"\x18"]), "after the last"),
    ):
        with pytest.raises(ProtocolError, match=reason):
            OggOpusDecoder().feed(data)
    decoder = OggOpusDecoder()
    decoder.feed(good[:-5])
    with pytest.raises(ProtocolError, match="in the middle of a page"):
        decoder.finish()


def test_streams_one_after_the_other_are_one_voice() -> None:
    once = decoded(encoded(), [])
    for cuts in ([], list(range(0, 20000, 101))):
        np.testing.assert_array_equal(decoded(encoded() + encoded(), cuts), np.tile(once, 2))
    # A recorder that is stopped may not mark its last page
    unmarked = bytearray(encoded())
    unmarked[unmarked.rindex(b"OggS") + 5] = 0
    samples = decoded(bytes(unmarked) + encoded(), [])
    np.testing.assert_array_equal(samples[-len(once) :], once)


def page(flags: int, packets: list[bytes]) -> bytes:
    table = bytes(map(len, packets))
    header = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, -1, 7, 0, 0, len(packets))
    return header + table + b"".join(packets)


def test_a_small_message_cannot_stand_for_hours() -> None:
    head = b"OpusHead\x01\x01" + struct.pack("<HIHB", 0, 16000, 0, 0)
    stream = page(2, [head]) + page(0, [b"OpusTags"]) + 60 * page(0, [b"\x18"] * 255)
    with pytest.raises(ProtocolError, match="more than 600 s"):
        OggOpusDecoder().feed(stream)


async def session(client: object, url: str) -> object:
    socket = await client.ws_connect(f"{url}/websocket?id=x")  # type: ignore[attr-defined]
    await socket.send_bytes(encode_message(ConfigureSession(48000, 32000, audio_format=1)))
    return socket


def test_a_packet_without_end_is_told_before_it_fills_the_memory() -> None:
    # Segments of 255 bytes go on in the next page, and a page may hold nothing else
    endless = struct.pack("<4sBBqIIIB", b"OggS", 0, 1, 0, 1, 9, 0, 255) + b"\xff" * 255
    decoder = OggOpusDecoder()
    decoder.feed(page(0, [b"OpusHead" + struct.pack("<BBHIHB", 1, 1, 0, 48000, 0, 0)]))
    decoder.feed(endless.replace(b"\0\1", b"\0\0", 1) + bytes(255 * 255))
    with pytest.raises(ProtocolError, match="a packet of more than"):
        decoder.feed((endless + bytes(255 * 255)) * 100)


def test_a_voice_in_opus_gets_the_motion_of_its_words() -> None:
    async def story() -> None:
        data = encoded()
        async with endpoint() as (url, client):
            socket = await session(client, url)
            decode_message(await receive(socket))
            for start in range(0, len(data), 700):
                await socket.send_bytes(encode_message(AudioInput("r", data[start : start + 700])))
            await socket.send_bytes(encode_message(AudioInput("r", b"", True)))
            frames, ended = [], False
            while not ended:
                message = decode_message(await receive(socket))
                frames += list(message.frames)
                ended = message.end
            assert len(frames) == int(25 * SPEECH.seconds)
            retarget = load_retarget()
            shown = [retarget.controls(frame)[OPEN] for frame in frames]
            asked = mouth_controls(SPEECH.phonemes, len(frames))[:, OPEN]
            assert np.corrcoef(shown, asked)[0, 1] > 0.6
            for request_id, bad in (("odd", b"RIFF"), ("cut", data[:-3])):
                await socket.send_bytes(encode_message(AudioInput(request_id, bad, True)))
                answer = decode_message(await receive(socket))
                while not isinstance(answer, ServerError):
                    answer = decode_message(await receive(socket))
                assert (answer.code, answer.request_id) == (3, request_id)
                assert answer.message.startswith("Ogg Opus: ")

    asyncio.run(story())


def test_without_libopus_the_client_is_told_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with endpoint() as (url, client):
            socket = await session(client, url)
            error = decode_message(await receive(socket))
            assert isinstance(error, ServerError)
            assert "install it, on Debian with `apt install libopus0`, or send PCM" in error.message

    monkeypatch.setattr(opus, "_LIBRARY", "libabsent.so.0")
    opus._library.cache_clear()
    try:
        asyncio.run(story())
        with pytest.raises(
            VoiceFormatError, match="Ogg Opus, which is not accepted here: libabsent"
        ):
            VoiceDecoder("", None).feed(encoded())
    finally:
        opus._library.cache_clear()
