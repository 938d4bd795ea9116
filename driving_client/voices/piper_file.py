# SPDX-License-Identifier: Apache-2.0
"""A voice in Piper's format: `voice.onnx` with `voice.onnx.json` beside it, read and checked.

onnxruntime runs it and is asked for only here, so that nobody needs it who brings no such voice.
The model computes how long each sign sounds and keeps it to itself. A protobuf message may be
given in parts that are merged when it is read, so a part that only adds one output is appended
to the file's bytes; where a model has no such value, it is loaded as it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

from driving_client.errors import SpeechError
from driving_client.regular_file import open_regular
from driving_client.voices.espeak import languages

MAXIMUM_MODEL: Final = 512 * 1024 * 1024
MAXIMUM_SETTINGS: Final = 1024 * 1024
_INSTALL: Final = "install it with `.venv/bin/pip install '.[piper]'`"
_DURATIONS: Final = "/Ceil_output_0"
"""What every model exported by Piper's own script calls the lengths, in frames."""
_MARKS: Final = ("^", "_", "$")
_MOST_SIGNS: Final = 65536
_MOST_SCALE: Final = 10.0
"""Ten times as slow or as noisy as it was trained: no settings of a voice."""


class VoiceFileError(SpeechError):
    """A voice's file cannot be used; says why and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class PiperFile:
    """The loaded model and what its settings say.

    `ids` has the model's numbers for each sign; `espeak_voice` turns text into signs; `scales` are
    noise, length and noise of the lengths; `speakers` counts them; `times` tells whether the
    model's second output are lengths.
    """

    name: str
    language: str
    espeak_voice: str
    sample_rate: int
    scales: tuple[float, float, float]
    speakers: int
    ids: dict[str, list[int]]
    session: Any
    times: bool


def load_piper(path: Path) -> PiperFile:
    """Read and check both files; raises VoiceFileError. Takes about a second."""
    settings_path = path.with_name(path.name + ".json")
    try:
        document = json.loads(_read(settings_path, MAXIMUM_SETTINGS))
        if document.get("phoneme_type", "espeak") != "espeak":
            raise VoiceFileError(
                f"{settings_path}: phoneme_type is {document['phoneme_type']!r:.40}; only voices "
                "that read espeak's phonemes can be used"
            )
        espeak_voice = str(document["espeak"]["voice"])
        language = document.get("language", {}).get("code") or espeak_voice
        inference = document.get("inference", {})
        scales = tuple(
            float(inference.get(key, default))
            for key, default in (("noise_scale", 0.667), ("length_scale", 1.0), ("noise_w", 0.8))
        )
        ids = {sign: [int(i) for i in found] for sign, found in document["phoneme_id_map"].items()}
        sample_rate, speakers = document["audio"]["sample_rate"], document.get("num_speakers", 1)
        good = all(ids.get(mark) for mark in _MARKS) and isinstance(language, str)
        if not good or type(sample_rate) is not int or not 8000 <= sample_rate <= 48000:
            raise ValueError("marks, language or sample_rate")
        if type(speakers) is not int or not all(0 <= i < _MOST_SIGNS for i in chain(*ids.values())):
            raise ValueError("num_speakers or phoneme_id_map")
        if not (all(0.0 <= scale <= _MOST_SCALE for scale in scales) and scales[1] > 0.0):
            raise ValueError("inference")
    except VoiceFileError:
        raise
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise VoiceFileError(
            f"{settings_path}: these are not the settings of a Piper voice ({error!r:.80}); take "
            "the file that came with the model"
        ) from error
    session, times = _session(path)
    noise, length, noise_w = scales
    return PiperFile(
        path.name.removesuffix(".onnx"),
        language.lower().replace("_", "-"),
        languages().get(espeak_voice.lower(), espeak_voice),
        sample_rate,
        (noise, length, noise_w),
        speakers,
        ids,
        session,
        times,
    )


def _read(path: Path, most: int) -> bytes:
    try:
        with open_regular(path) as file:
            data = file.read(most + 1)
    except OSError as error:
        raise VoiceFileError(
            f"{path}: {error.strerror}; a Piper voice is FILE.onnx with FILE.onnx.json beside it"
        ) from error
    if len(data) > most:
        raise VoiceFileError(f"{path}: over {most:,} bytes; that is no voice")
    return data


def _session(path: Path) -> tuple[Any, bool]:
    """A session of onnxruntime, and whether it tells the lengths."""
    try:
        import onnxruntime
    except ImportError as error:
        raise VoiceFileError(
            f"{path}: a Piper voice needs onnxruntime, which is missing; {_INSTALL}"
        ) from error
    model = _read(path, MAXIMUM_MODEL)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    told: Exception | None = None
    for data, times in ((model + _one_more_output(_DURATIONS), True), (model, False)):
        try:
            session = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # noqa: BLE001 - onnxruntime's own, of no common root
            told = error
            continue
        return session, times
    raise VoiceFileError(f"{path}: not a model that onnxruntime can run ({told!s:.120})")


def _one_more_output(name: str) -> bytes:
    """The part of an ONNX ModelProto (graph: 7, output: 12, name: 1) that adds an output."""
    part = name.encode()
    for field in (1, 12, 7):
        part = bytes([field << 3 | 2, len(part)]) + part
    return part
