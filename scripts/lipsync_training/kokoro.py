# SPDX-License-Identifier: Apache-2.0
"""Speech of Kokoro-82M with the times of its signs: natural voices, and any number of them.

A speaker is a table of styles, and what lies between two speakers' tables is a third speaker. The
net generalises to voices that it never heard as far as its training has many natural ones; Debian's
own are five or six people. All speak English here, whatever their own language. One core makes
three to four seconds of speech in a second, the same samples each time.
"""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import functools
import re
import unicodedata
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from driving_client.errors import SpeechError
from driving_client.utterance import Samples
from driving_client.voices.espeak import in_ipa
from driving_client.voices.ipa import to_phonemes
from driving_client.voices.speech import Speech
from lipsync_training.kokoro_files import model_bytes, styles, vocabulary

RATE: Final = 24000
_STYLE: Final = 256
_LONGEST: Final = 480
"""Signs; the model takes 510."""

_LENGTHS: Final = "/encoder/Clip_output_0"
"""What the model keeps to itself: how many frames of 25 ms each sign lasts."""

_CLAUSE: Final = re.compile(r"([^.,;:!?]+)([.,;:!?]*)")
_REPLACED: Final = str.maketrans({"ʲ": "j", "r": "ɹ", "x": "k", "ɬ": "l"})
"""What the model's own front end makes of espeak-ng's signs."""

_BEHIND_S: Final = 0.065
"""How far the model's times lie behind its sound, where half of a blank's time is counted to the
sounds on either side. Against phones that pocketsphinx aligned with 46 sentences of 18 speakers,
closures of p b m then have an F1 of 0.99, and r of the opening is 0.89; 0.35 and 0.58 without
this."""


def speak_kokoro(
    text: str, speaker: str, other: str = "", share: float = 0.0, speed: float = 1.0
) -> Speech:
    """Speak English `text` as `speaker`, or as one `share` of the way to `other`.

    Raises SpeechError for text without a sound and where the model or a speaker is missing.
    """
    signs = _signs(text)
    table = styles(speaker)
    if other:
        table = (1.0 - share) * table + share * styles(other)
    style = table[min(len(signs), len(table)) - 1].astype(np.float32)
    known = vocabulary()
    feed = {
        "tokens": np.array([[0, *(known[sign] for sign in signs), 0]], np.int64),
        "style": style.reshape(1, _STYLE),
        "speed": np.array([speed], np.float32),
    }
    sound, frames = (np.asarray(each, np.float64).ravel() for each in _session().run(None, feed))
    samples: Samples = np.rint(np.clip(sound, -1.0, 1.0) * 32767.0).astype(np.int16)
    lengths = frames * (len(sound) / RATE / frames.sum())
    return Speech(samples, RATE, tuple(to_phonemes(_timed(["^", *signs, "$"], lengths))))


def _signs(text: str) -> list[str]:
    """What the model is given for a text: signs of the IPA, blanks and punctuation."""
    signs: list[str] = []
    for clause, stop in _CLAUSE.findall(text):
        spoken = unicodedata.normalize("NFD", in_ipa(clause, "en-us").translate(_REPLACED))
        signs += [sign for sign in spoken if sign in vocabulary()]
        signs += [stop[0], " "] if stop and signs else []
    while signs and signs[-1] == " ":
        signs.pop()
    if not signs:
        raise SpeechError(f"nothing in {text[:40]!r} can be spoken")
    return signs[:_LONGEST]


def _timed(signs: list[str], lengths: NDArray[np.float64]) -> list[tuple[str, float]]:
    """Signs without blanks, and their seconds in the sound."""
    kept: list[str] = []
    ends: list[float] = []
    now = 0.0
    for sign, length in zip(signs, lengths, strict=True):
        now += float(length)
        if sign == " ":
            ends[-1] += 0.5 * float(length)
        else:
            kept.append(sign)
            ends.append(now)
    places = np.array(ends)
    places[:-1] = np.maximum(places[:-1] - _BEHIND_S, 0.0)
    return list(zip(kept, np.diff(places, prepend=0.0).tolist(), strict=True))


@functools.cache
def _session() -> Any:
    """The model with the lengths of its signs as a second output, on one thread."""
    import onnx
    import onnxruntime

    model = onnx.load_from_string(model_bytes())
    model.graph.output.append(onnx.helper.make_tensor_value_info(_LENGTHS, 1, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
