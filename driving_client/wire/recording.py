# SPDX-License-Identifier: Apache-2.0
"""Recordings of the wire: a request's voice and the motion that answered it.

Two forms of JSON: with the binary messages as they came (`animation_messages_base64` and
`audio_base64`), and with the keyframes spelled out (`keyframes`), whose voice lies beside it
as `<name>_<kHz>k.pcm` (s16le mono). They pass the same checks as what comes from the network.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from driving_client.errors import ProtocolError, RecordingError
from driving_client.motion import FRAME_RATE
from driving_client.regular_file import read_regular
from driving_client.sample_rates import rate_fault
from driving_client.utterance import MAX_SECONDS, Samples, Utterance
from driving_client.wire import driveningress_pb2 as pb
from driving_client.wire.animation import add_animation
from driving_client.wire.codec import Animation, decode_message, encode_message
from driving_client.wire.keyframes import read_keyframes

MAX_FILE_BYTES: Final = 128 * 1024 * 1024

_SILENT_RATE: Final = 16000
_FIELDS: Final = {
    "translation": "translation",
    "rotation": "rotation",
    "neckPose": "neck_pose",
    "jawPose": "jaw_pose",
    "eyePose": "eye_pose",
    "eyeLid": "eye_lid",
    "expression": "expression",
}


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One request: `audio` mono int16 at `sample_rate` Hz, and its motion messages in order."""

    name: str
    request_id: str
    audio: Samples
    sample_rate: int
    messages: tuple[Animation, ...]

    def utterance(self, motion_offset_s: float = 0.0) -> Utterance:
        """All of it as an utterance that has arrived already."""
        utterance = Utterance(self.request_id, self.sample_rate, motion_offset_s=motion_offset_s)
        utterance.append_audio(self.audio)
        utterance.end_audio()
        for message in self.messages:
            add_animation(utterance, message)
        utterance.end_motion()
        return utterance


def read_recording(path: Path) -> Recording:
    """Read a recording in either form; raises RecordingError naming the file."""
    try:
        document = _document(path)
        if "animation_messages_base64" in document:
            recording = _of_messages(path, document)
        elif "keyframes" in document:
            recording = _of_keyframes(path, document)
        else:
            raise RecordingError("holds neither animation_messages_base64 nor keyframes")
        if len(recording.audio) > MAX_SECONDS * recording.sample_rate:
            raise RecordingError(f"is longer than {MAX_SECONDS:.0f} s")
    except (RecordingError, ProtocolError) as error:
        raise RecordingError(f"recording {path}: {error}") from error
    return recording


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_regular(path, MAX_FILE_BYTES))
    except OSError as error:
        raise RecordingError(f"cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"is not JSON ({error})") from error
    if not isinstance(document, dict):
        raise RecordingError("is not a JSON object")
    return document


def _of_messages(path: Path, document: dict[str, Any]) -> Recording:
    encoded = document["animation_messages_base64"]
    if not isinstance(encoded, list):
        raise RecordingError("animation_messages_base64 is not a list")
    messages = [decode_message(_bytes(item, "animation_messages_base64")) for item in encoded]
    animations = tuple(message for message in messages if isinstance(message, Animation))
    return Recording(
        path.name,
        _request_id(document, "req_id", path),
        _samples(_bytes(document.get("audio_base64"), "audio_base64")),
        _sample_rate(document.get("sample_rate")),
        animations,
    )


def _of_keyframes(path: Path, document: dict[str, Any]) -> Recording:
    keyframes = document["keyframes"]
    if not isinstance(keyframes, list) or not all(isinstance(item, dict) for item in keyframes):
        raise RecordingError("keyframes is not a list of objects")
    try:
        flames = [
            pb.Flame(**{field: item.get(key) or [] for key, field in _FIELDS.items()})
            for item in keyframes
        ]
    except (TypeError, ValueError) as error:
        raise RecordingError(f"a keyframe holds something other than numbers ({error})") from error
    frames, dropped = read_keyframes(flames)
    request_id = _request_id(document, "reqId", path)
    audio, rate = _voice_beside(path)
    if audio is None:
        # Without a voice the motion still wants a clock: silence of its length
        audio = np.zeros(int(len(frames) / FRAME_RATE * rate), np.int16)
    animation = Animation(request_id, frames, end=True, dropped=dropped)
    encode_message(animation)  # the limits of the wire hold here as well
    return Recording(path.name, request_id, audio, rate, (animation,))


def _voice_beside(path: Path) -> tuple[Samples | None, int]:
    """Samples and rate of `<name>_<kHz>k.pcm` beside the file; None where there is none."""
    for candidate in sorted(path.parent.glob(f"{_escaped(path.stem)}_*k.pcm")):
        found = re.fullmatch(r"(\d{1,3})k", candidate.stem[len(path.stem) + 1 :])
        if found:
            rate = _sample_rate(int(found[1]) * 1000)
            try:
                return _samples(read_regular(candidate, MAX_FILE_BYTES)), rate
            except OSError as error:
                reason = error.strerror
                raise RecordingError(f"{candidate.name} cannot be read ({reason})") from error
    return None, _SILENT_RATE


def _escaped(stem: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", stem)


def _request_id(document: dict[str, Any], key: str, path: Path) -> str:
    value = document.get(key)
    return value if isinstance(value, str) and value else path.stem


def _sample_rate(value: Any) -> int:
    if fault := rate_fault(value):
        raise RecordingError(fault)
    return int(value)


def _bytes(value: object, key: str) -> bytes:
    if not isinstance(value, str):
        raise RecordingError(f"{key} is not base64 text")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RecordingError(f"{key} is not base64 text ({error})") from error


def _samples(raw: bytes) -> Samples:
    if len(raw) % 2:
        raise RecordingError(f"the audio of {len(raw)} bytes holds half a sample")
    return np.frombuffer(raw, "<i2").astype(np.int16)
