# SPDX-License-Identifier: Apache-2.0
"""The peers: where their environment is, how they are run, and the real speech with labels."""

from __future__ import annotations

import json
import os
import subprocess
import wave
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import soxr

from bench_lipsync.contest import Answer
from bench_lipsync.prompts import RATE, decode
from driving_client.errors import DrivingError
from driving_client.voices.arpabet import to_phonemes
from driving_client.voices.speech import Speech

ROOT: Final = Path(__file__).resolve().parents[2]
HERE: Final = Path(__file__).resolve().parent
ENVIRONMENT: Final = ROOT / "out/lipsync-peers"
PYTHON: Final = ENVIRONMENT / "bin/python"
MODULES: Final = ENVIRONMENT / "node_modules"
REAL_SPEECH: Final = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
PEERS: Final = ("pylipsync", "openfacefx", "wawa-lipsync", "headaudio")
BROWSER_RATE: Final = 48000
LEAST_RATE: Final = 16000

Tell = Callable[[str], None]


class PeerError(DrivingError):
    """A peer, or its environment, is missing or failed."""


def answers(peer: str, speeches: Sequence[Speech], folder: Path) -> list[Answer]:
    """What `peer` says to each piece of speech; `folder` takes what goes to it and comes back."""
    folder.mkdir(parents=True, exist_ok=True)
    clips, out = folder / "clips.json", folder / "answers.json"
    if peer in ("pylipsync", "openfacefx"):
        files = [_write_wave(folder / f"{i}.wav", each) for i, each in enumerate(speeches)]
        command: list[str | Path] = [PYTHON, "-m", "bench_lipsync.python_peers", peer, clips, out]
    else:
        files = [_write_floats(folder / f"{i}.f32", each) for i, each in enumerate(speeches)]
        command = ["node", HERE / "node_peers.mjs", peer, MODULES, clips, out]
    clips.write_text(json.dumps([str(file) for file in files]))
    done = _run(command, peer)
    found = [Answer.of(document) for document in json.loads(out.read_text())]
    if len(found) != len(speeches):
        raise PeerError(f"{peer} answered {len(found)} of {len(speeches)} clips: {done[-500:]}")
    return found


def real_speech(tell: Tell) -> list[Speech]:
    """Recorded speech with phones by forced alignment, kept in out/; [] where there is none."""
    if not any(REAL_SPEECH.glob("*.g722")):
        tell(f"no recorded speech: {REAL_SPEECH} (Debian's asterisk-core-sounds-en-g722)")
        return []
    kept = ENVIRONMENT / "real_speech.jsonl"
    if not kept.is_file():
        tell("labelling recorded speech with pocketsphinx (a minute or two, once)")
        lines = _run([PYTHON, "-m", "bench_lipsync.align_real_speech", REAL_SPEECH], "pocketsphinx")
        kept.write_text(lines)
    speeches = []
    for line in kept.read_text().splitlines():
        entry = json.loads(line)
        phones = [(str(name), float(start), float(end)) for name, start, end in entry["phones"]]
        samples = decode(REAL_SPEECH / entry["file"]).astype(np.int16)
        speeches.append(Speech(samples, RATE, to_phonemes(phones)))
    return speeches


def _run(command: Sequence[str | Path], what: str) -> str:
    one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **one_thread}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=1800, env=environment
        )
    except FileNotFoundError as error:
        raise PeerError(
            f"{what} is not installed; run scripts/make_environment.sh lipsync-peers "
            f"({error.filename})"
        ) from error
    except subprocess.CalledProcessError as error:
        raise PeerError(f"{what} failed: {error.stderr.strip()[-800:]}") from error
    return done.stdout


def _write_wave(path: Path, speech: Speech) -> Path:
    """At 16 kHz at least: pylipsync expects no less and would not resample upwards."""
    if speech.sample_rate < LEAST_RATE:
        samples = soxr.resample(speech.samples, speech.sample_rate, LEAST_RATE)
        speech = replace(speech, samples=samples, sample_rate=LEAST_RATE)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(speech.sample_rate)
        file.writeframes(speech.samples.astype("<i2").tobytes())
    return path


def _write_floats(path: Path, speech: Speech) -> Path:
    floats = speech.samples.astype(np.float32) / 32768
    soxr.resample(floats, speech.sample_rate, BROWSER_RATE).astype("<f4").tofile(path)
    return path
