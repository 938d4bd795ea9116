# SPDX-License-Identifier: Apache-2.0
"""The relay's binary frames `[u8 type][u8 flags][payload]`, both ways.

Only the framing and its limits; what the frames mean together: driving_client/wire/README.md, Relay
dialect. Frames of unknown types decode to None: they are ignored, not refused.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from driving_client.errors import ProtocolError
from driving_client.sample_rates import rate_fault
from driving_client.texts import excerpt
from driving_client.utterance import Samples
from driving_client.wire.allowance import Allowance
from driving_client.wire.codec import (
    MAX_MESSAGE_BYTES,
    MAX_TEXT_LENGTH,
    WireMessage,
    decode_message,
    encode_message,
)

MAX_AUDIO_BYTES: Final = 1024 * 1024
MAX_MESSAGES: Final = 256
MAX_JSON_BYTES: Final = 64 * 1024

_AUDIO, _MOTION, _METADATA, _ERROR = 0x01, 0x02, 0x03, 0x04
_LAST: Final = 0x01
_LENGTH: Final = struct.Struct(">I")


@dataclass(frozen=True, slots=True, eq=False)
class AudioFrame:
    """Mono samples of the utterance that began last; `last` ends its audio."""

    samples: Samples
    last: bool = False


@dataclass(frozen=True, slots=True)
class MotionFrame:
    """Whole messages of the wire; `last` ends the motion of the utterance."""

    messages: tuple[WireMessage, ...]
    last: bool = False


@dataclass(frozen=True, slots=True)
class MetadataFrame:
    """Begins an utterance if it has a request id; otherwise describes the connection."""

    sample_rate: int
    request_id: str = ""
    avatar_id: str = ""
    connection_id: str = ""


@dataclass(frozen=True, slots=True)
class ErrorFrame:
    """The backend's error; `code` as in the wire's ServerError, None if it has none."""

    message: str
    request_id: str = ""
    code: int | None = None


RelayFrame = AudioFrame | MotionFrame | MetadataFrame | ErrorFrame


def decode_frame(data: bytes) -> RelayFrame | None:
    """One binary frame, None for a type of a newer relay; raises only ProtocolError."""
    if len(data) < 2:
        raise ProtocolError(
            f"relay frame of {len(data)} bytes: type and flags alone are 2; "
            "check that the URL is the backend's relay"
        )
    payload = memoryview(data)[2:]
    last = bool(data[1] & _LAST)
    match data[0]:
        case 0x01:
            return AudioFrame(_samples(payload), last)
        case 0x02:
            return MotionFrame(_messages(payload), last)
        case 0x03:
            return _metadata(json_object(payload, "metadata"))
        case 0x04:
            return _error(json_object(payload, "error"))
        case _:
            return None


def encode_frame(frame: RelayFrame) -> bytes:
    """A frame to its bytes; raises ProtocolError beyond the limits."""
    match frame:
        case AudioFrame(samples, last):
            payload = samples.astype("<i2").tobytes()
            if len(payload) > MAX_AUDIO_BYTES:
                raise ProtocolError(_too_large("audio", len(payload), MAX_AUDIO_BYTES))
            return bytes((_AUDIO, last)) + payload
        case MotionFrame(messages, last):
            return bytes((_MOTION, last)) + _pack_messages([encode_message(m) for m in messages])
        case MetadataFrame():
            document: dict[str, Any] = {
                "sample_rate": frame.sample_rate,
                "channels": 1,
                "avatar_id": frame.avatar_id,
                "connection_id": frame.connection_id,
            }
            if frame.request_id:
                document["req_id"] = frame.request_id
            return bytes((_METADATA, 0)) + json.dumps(document).encode()
        case ErrorFrame(message, request_id, code):
            document = {"error": message}
            if request_id:
                document["req_id"] = request_id
            if code is not None:
                document["code"] = code
            return bytes((_ERROR, 0)) + json.dumps(document).encode()


def _too_large(what: str, size: int, limit: int) -> str:
    return f"relay {what} frame of {size} bytes: at most {limit} are accepted; send smaller frames"


def _samples(payload: memoryview) -> Samples:
    if len(payload) > MAX_AUDIO_BYTES:
        raise ProtocolError(_too_large("audio", len(payload), MAX_AUDIO_BYTES))
    if len(payload) % 2:
        raise ProtocolError(
            f"relay audio frame of {len(payload)} bytes holds half a sample; "
            "send s16le mono in whole samples"
        )
    return np.frombuffer(payload, "<i2").astype(np.int16, copy=False)


def _pack_messages(messages: Sequence[bytes]) -> bytes:
    if len(messages) > MAX_MESSAGES:
        raise ProtocolError(
            f"relay motion frame of {len(messages)} messages: at most {MAX_MESSAGES} are accepted"
        )
    parts = [_LENGTH.pack(len(messages))]
    for message in messages:
        parts += (_LENGTH.pack(len(message)), message)
    packed = b"".join(parts)
    if len(packed) > MAX_MESSAGE_BYTES:
        raise ProtocolError(_too_large("motion", len(packed), MAX_MESSAGE_BYTES))
    return packed


def _messages(payload: memoryview) -> tuple[WireMessage, ...]:
    if len(payload) > MAX_MESSAGE_BYTES:
        raise ProtocolError(_too_large("motion", len(payload), MAX_MESSAGE_BYTES))
    damaged = ProtocolError(
        f"relay motion frame of {len(payload)} bytes: its lengths do not add up; it is damaged"
    )
    if len(payload) < _LENGTH.size:
        raise damaged
    (count,) = _LENGTH.unpack_from(payload)
    if count > MAX_MESSAGES:
        raise ProtocolError(
            f"relay motion frame says {count} messages: at most {MAX_MESSAGES} are accepted"
        )
    messages = []
    allowance = Allowance()
    position = _LENGTH.size
    for _ in range(count):
        if position + _LENGTH.size > len(payload):
            raise damaged
        (length,) = _LENGTH.unpack_from(payload, position)
        position += _LENGTH.size
        if position + length > len(payload):
            raise damaged
        messages.append(decode_message(bytes(payload[position : position + length]), allowance))
        position += length
    if position != len(payload):
        raise damaged
    return tuple(messages)


def json_object(payload: bytes | memoryview | str, what: str) -> dict[str, Any]:
    """A frame that is a JSON object; raises ProtocolError, which says of `what` frame."""
    if len(payload) > MAX_JSON_BYTES:
        raise ProtocolError(_too_large(what, len(payload), MAX_JSON_BYTES))
    try:
        document = json.loads(payload if isinstance(payload, str) else bytes(payload))
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"relay {what} frame is not JSON ({error})") from error
    if not isinstance(document, dict):
        raise ProtocolError(f"relay {what} frame is not a JSON object: send {{…}}")
    return document


def _string(document: dict[str, Any], key: str, what: str) -> str:
    value = document.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MAX_TEXT_LENGTH or not value.isprintable():
        raise ProtocolError(
            f"relay {what} frame: {key} must be a string of at most {MAX_TEXT_LENGTH} characters, "
            "all of them printable"
        )
    return value


def _metadata(document: dict[str, Any]) -> MetadataFrame:
    rate: Any = document.get("sample_rate")
    if fault := rate_fault(rate):
        raise ProtocolError(f"relay metadata frame: {fault}")
    channels = document.get("channels", 1)
    if channels != 1:
        raise ProtocolError(f"relay metadata frame: channels {channels!r:.40}: send mono, 1")
    return MetadataFrame(
        rate,
        _string(document, "req_id", "metadata"),
        _string(document, "avatar_id", "metadata"),
        _string(document, "connection_id", "metadata"),
    )


def _error(document: dict[str, Any]) -> ErrorFrame:
    code = document.get("code")
    if code is not None and not (type(code) is int and abs(code) < 2**31):
        raise ProtocolError(f"relay error frame: code {code!r:.40} must be a whole number")
    message = document.get("error")
    return ErrorFrame(
        excerpt(message if isinstance(message, str) else json.dumps(message), MAX_TEXT_LENGTH),
        _string(document, "req_id", "error"),
        code,
    )
