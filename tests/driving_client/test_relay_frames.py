# SPDX-License-Identifier: Apache-2.0
"""The relay's framing: what goes in comes out, and damage is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from wire_strategies import messages, same

from driving_client.errors import ProtocolError
from driving_client.wire.microphone_frame import (
    MicrophoneFrame,
    decode_microphone_frame,
    encode_microphone_frame,
)
from driving_client.wire.relay_frames import (
    AudioFrame,
    ErrorFrame,
    MetadataFrame,
    MotionFrame,
    RelayFrame,
    decode_frame,
    encode_frame,
)

samples = hnp.arrays(np.int16, st.integers(0, 50))
printable = st.text(max_size=40).filter(str.isprintable)
relay_frames: st.SearchStrategy[RelayFrame] = st.one_of(
    st.builds(AudioFrame, samples, st.booleans()),
    st.builds(MotionFrame, st.lists(messages, max_size=3).map(tuple), st.booleans()),
    st.builds(
        MetadataFrame, st.sampled_from([8000, 16000, 48000]), printable, printable, printable
    ),
    st.builds(ErrorFrame, printable, printable, st.none() | st.integers(0, 5000)),
)


@given(relay_frames)
def test_every_relay_frame_comes_back_as_it_was(frame: RelayFrame) -> None:
    decoded = decode_frame(encode_frame(frame))
    match frame, decoded:
        case AudioFrame(), AudioFrame():
            assert np.array_equal(frame.samples, decoded.samples)
            assert frame.last == decoded.last
        case MotionFrame(), MotionFrame():
            assert frame.last == decoded.last
            assert all(map(same, frame.messages, decoded.messages))
            assert len(frame.messages) == len(decoded.messages)
        case _:
            assert decoded == frame


@given(st.integers(0, 2**64 - 1), st.binary(min_size=1, max_size=4096))
def test_what_the_microphone_heard_comes_back_as_it_was(position: int, sound: bytes) -> None:
    frame = MicrophoneFrame(position, sound)
    data = encode_microphone_frame(frame)
    assert decode_microphone_frame(data) == frame
    assert decode_frame(data) is None, "a kiosk ignores its own kind"


@pytest.mark.parametrize("data", [b"", b"\x05", b"\x05\x00" + bytes(8), b"\x05" + bytes(5000)])
def test_a_bad_microphone_frame_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError, match=r"microphone frame of \d+ bytes"):
        decode_microphone_frame(data)


def test_a_newer_kiosks_frame_is_none_of_the_microphone() -> None:
    assert decode_microphone_frame(b"\x06\x00whatever") is None


BAD_FRAMES = {
    "nothing": b"",
    "a type alone": b"\x01",
    "half a sample": b"\x01\x00abc",
    "too much audio": b"\x01\x00" + bytes(1024 * 1024 + 2),
    "motion without a count": b"\x02\x00\x00\x00",
    "fewer messages than said": b"\x02\x00\x00\x00\x00\x02\x00\x00\x00\x00",
    "a message longer than the frame": b"\x02\x00\x00\x00\x00\x01\xff\xff\xff\xffx",
    "bytes left over": b"\x02\x00\x00\x00\x00\x00x",
    "four thousand million messages": b"\x02\x00\xff\xff\xff\xff",
    "a damaged message": b"\x02\x00\x00\x00\x00\x01\x00\x00\x00\x02\x08\x05",
    "metadata that is not JSON": b"\x03\x00{",
    "metadata that is not text": b"\x03\x00\xff\xfe\xfd",
    "metadata that is a list": b"\x03\x00[]",
    "metadata nested without end": b"\x03\x00" + b"[" * 60000,
    "no sample rate": b"\x03\x00{}",
    "a rate that nobody has": b'\x03\x00{"sample_rate": 12345}',
    "a rate in words": b'\x03\x00{"sample_rate": "16000"}',
    "a rate that is true": b'\x03\x00{"sample_rate": true}',
    "stereo": b'\x03\x00{"sample_rate": 16000, "channels": 2}',
    "an id that is a number": b'\x03\x00{"sample_rate": 16000, "req_id": 7}',
    "an endless id": b'\x03\x00{"sample_rate": 16000, "req_id": "' + b"x" * 5000 + b'"}',
    "too much metadata": b"\x03\x00" + b" " * 70000,
    "an error that is not an object": b'\x04\x00"error"',
    "an error code in words": b'\x04\x00{"error": "x", "code": "14"}',
}


@pytest.mark.parametrize("data", BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_a_bad_relay_frame_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_frame(data)


def test_a_relay_frame_of_a_newer_relay_is_ignored() -> None:
    assert decode_frame(b"\x09\x00anything") is None
    assert decode_frame(b'\x04\x00{"error": {"deep": 1}}') == ErrorFrame('{"deep": 1}')
