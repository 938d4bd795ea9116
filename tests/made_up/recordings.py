# SPDX-License-Identifier: Apache-2.0
"""Recordings of the wire, made by the embedded endpoint's own parts.

What real recordings are like, and so are these: 20.3 s of speech at 16 kHz answered by 507
frames in bursts of 50, 100 and the rest; motion three frames (120 ms) ahead of its sound; a
rotation, eyes and lids that never move; expressions of which half moves, and not by the mouth
alone; floats packed, and from some peers not. A second one is of another face, aligned, and
spelled out as keyframes with its voice beside it. The voice is espeak-ng's, the truth its
phonemes.
"""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from driving_client.endpoint.batches import MotionBatches
from driving_client.lipsync.coarticulation import mouth_controls
from driving_client.lipsync.flame_performance import frame_count
from driving_client.motion import ARKIT_NAMES, FLAME_SLICES
from driving_client.retarget import CONTROL_NAMES, load_retarget
from driving_client.voices.espeak import synthesise
from driving_client.voices.speech import Speech
from driving_client.wire.codec import Animation, encode_message

TEXT = (
    "Few people ever saw a happier bamboo farmer. We fly over warm water, and you may be the "
    "first to find out how much fun five brave puppies have. Would you open the big brown box, "
    "or shall we all move to the other room first? Every summer my father used to paint a "
    "wooden boat, and above its bow he wrote the name of some famous woman of the village. "
    "Pay no more than four pounds for a good pair of woollen gloves."
)
SECONDS, RATE, LEAD = 20.3, 16000, 3
SHORT_SECONDS, SHORT_RATE = 3.685, 24000
REST = {
    "rotation": (0.06, -0.02, 0.03),
    "eye_pose": (0.01, -0.02, 0.0) * 2,
    "eye_lid": (0.02, 0.03),
}
RETARGET = load_retarget()
FV = CONTROL_NAMES.index("fv")

Floats = NDArray[np.float32]


def write_recordings(folder: Path) -> None:
    """Write long.json with long_controls.json, short.json with its voice, and arkit.json."""
    speech = synthesise(TEXT)
    voice = _cut(speech, RATE, SECONDS)
    count = frame_count(len(voice), RATE)
    controls = mouth_controls(speech.phonemes, count + LEAD)
    frames = _frames(voice, RATE, controls, np.random.default_rng(5))
    _write(folder / "long.json", _wire(voice, frames[LEAD:]))
    truth = {"fps": 25, "names": list(CONTROL_NAMES), "frames": controls[:count].tolist()}
    _write(folder / "long_controls.json", truth)
    _write(folder / "arkit.json", arkit_clip(frames[:count], 20.0))

    other = synthesise("Good morning! May I offer you a warm cup of coffee, before we move on?")
    voice = _cut(other, SHORT_RATE, SHORT_SECONDS)
    count = frame_count(len(voice), SHORT_RATE)
    controls = mouth_controls(other.phonemes, count)
    frames = _frames(voice, SHORT_RATE, controls, np.random.default_rng(6))
    frames[:, FLAME_SLICES["expression"]][:, :50] += _bitten_lip()
    _write(folder / "short.json", {"reqId": "short", "keyframes": [_keyframe(f) for f in frames]})
    (folder / "short_24k.pcm").write_bytes(voice.astype("<i2").tobytes())


def _write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document))


def _cut(speech: Speech, rate: int, seconds: float) -> NDArray[np.int16]:
    """The first seconds at another rate."""
    samples = soxr.resample(speech.samples, speech.sample_rate, rate)[: round(seconds * rate)]
    assert len(samples) == round(seconds * rate), "the text is too short for that"
    found: NDArray[np.int16] = samples.astype(np.int16)
    return found


def _frames(
    voice: NDArray[np.int16], rate: int, controls: Floats, random: np.random.Generator
) -> Floats:
    """FLAME frames (n, 120) of a face that does more than speak."""
    frames = RETARGET.frames(controls, _nodding(voice, rate, len(controls)))
    smooth = np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0
    moods = random.normal(0.0, 0.25, (len(frames) + 4, 50))
    mood = np.stack([np.convolve(column, smooth, "valid") for column in moods.T], axis=1)
    expression = frames[:, FLAME_SLICES["expression"]]
    expression[:, :50] = (expression[:, :50] + mood).clip(-7.9, 7.9)
    for name, values in REST.items():
        frames[:, FLAME_SLICES[name]] = values
    return frames


def _nodding(voice: NDArray[np.int16], rate: int, count: int) -> Floats:
    """A neck (n, 3) that sways and nods with the loudness, by 0.02 to 0.03 rad as recorded ones."""
    times = np.arange(count) / 25
    sway = [a * np.sin(2 * np.pi * times / p) for a, p in ((0.01, 3.7), (0.022, 5.3), (0.01, 6.7))]
    step = rate // 25
    rows = np.zeros(count * step)
    rows[: len(voice)] = voice[: count * step].astype(np.float64) ** 2
    level = np.sqrt(rows.reshape(count, step).mean(axis=1))
    level = np.convolve(level / max(level.max(), 1.0), np.ones(6) / 6, "same")
    sway[0] = sway[0] + 0.09 * (level - np.convolve(level, np.ones(30) / 30, "same"))
    return np.stack(sway, axis=1).astype(np.float32)


def _bitten_lip() -> Floats:
    """What a neutral face adds to expressions that the packaged mapping takes for an f."""
    weights = RETARGET.weights[FV, 1:]
    found: Floats = (6.0 * RETARGET.spread[FV] * weights / (weights @ weights)).astype(np.float32)
    return found


def _wire(voice: NDArray[np.int16], frames: Floats) -> dict[str, object]:
    """The document of a recording; every second burst has its floats unpacked."""
    bursts: list[tuple[Floats, bool]] = []

    async def collect(batch: Floats, end: bool) -> None:
        bursts.append((batch, end))

    async def burst() -> None:
        batches = MotionBatches(collect, speed=1e6)
        batches.push(frames)
        batches.end()
        await batches.run()

    asyncio.run(burst())
    messages = [
        unpacked_animation("long", batch, end)
        if number % 2
        else encode_message(Animation("long", batch, end, "connection"))
        for number, (batch, end) in enumerate(bursts)
    ]
    return {
        "sample_rate": RATE,
        "audio_format": "pcm_s16le_mono",
        "audio_base64": base64.b64encode(voice.astype("<i2").tobytes()).decode(),
        "connection_id": "connection",
        "req_id": "long",
        "animation_messages_base64": [base64.b64encode(m).decode() for m in messages],
    }


def unpacked_animation(request_id: str, frames: Floats, end: bool) -> bytes:
    """A `Message` with an animation, each float of it with a tag of its own."""
    keyframes = b"".join(
        _field(
            1,
            b"".join(
                bytes([number << 3 | 5]) + struct.pack("<f", value)
                for number, name in enumerate(FLAME_SLICES, 1)
                for value in frame[FLAME_SLICES[name]]
            ),
        )
        for frame in frames
    )
    response = _field(2, request_id.encode()) + (b"\x18\x01" if end else b"") + _field(4, keyframes)
    return b"\x08\x05" + _field(6, response)


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    length, size = b"", len(content)
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def _keyframe(frame: Floats) -> dict[str, list[float]]:
    names = {
        "translation": "translation", "rotation": "rotation", "neckPose": "neck_pose",
        "jawPose": "jaw_pose", "eyePose": "eye_pose", "eyeLid": "eye_lid",
        "expression": "expression",
    }  # fmt: skip
    return {key: frame[FLAME_SLICES[name]].tolist() for key, name in names.items()}


def arkit_clip(frames: Floats, seconds: float) -> dict[str, object]:
    """ARKit weights at 30 a second, as face capture writes them, of FLAME frames at 25."""
    mapping = RETARGET.for_stream(frames[:50])
    rows = np.stack([mapping.arkit(frame) for frame in frames])
    at = np.arange(round(seconds * 30)) / 30
    columns = [np.interp(at, np.arange(len(rows)) / 25, column) for column in rows.T]
    rows = np.stack(columns, axis=1).round(6)
    weights, turns = rows[:, : len(ARKIT_NAMES)], rows[:, len(ARKIT_NAMES) :]
    return {
        "names": list(ARKIT_NAMES),
        "frames": [
            {"weights": row.tolist(), "time": round(time, 6), "rotation": []}
            for row, time in zip(weights, at.tolist(), strict=True)
        ],
        "head_pose": turns.tolist(),
    }
