# SPDX-License-Identifier: Apache-2.0
"""Speech of flite with the times of its phones, by its command line tool."""

from __future__ import annotations

import re
import subprocess
import tempfile
import wave
from pathlib import Path
from typing import Final

import numpy as np

from driving_client.errors import SpeechError
from driving_client.utterance import Samples
from driving_client.voices.arpabet import to_phonemes
from driving_client.voices.speech import Speech

_TIMEOUT_S: Final = 60.0


def speak_flite(text: str, voice: str, stretch: float = 1.0) -> Speech:
    """Speak `text` with one of flite's voices (kal16, awb, rms, slt).

    `stretch` lengthens all durations. Raises SpeechError where flite is missing or fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        command = ["flite", "-voice", voice, "--setf", f"duration_stretch={stretch}"]
        command += ["-psdur", "-t", text, "-o", str(path)]
        try:
            result = subprocess.run(
                command, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S
            )
        except FileNotFoundError as error:
            raise SpeechError(
                "flite is missing; install it, on Debian with `apt install flite`"
            ) from error
        except subprocess.SubprocessError as error:
            raise SpeechError(
                f"flite did not speak {text!r} with voice {voice}: {error}"
            ) from error
        samples, rate = read_wave(path)
    segments, start = [], 0.0
    for phone, end in re.findall(r"(\S+):([\d.]+)", result.stdout):
        segments.append((phone, start, float(end)))
        start = float(end)
    return Speech(samples, rate, to_phonemes(segments))


def read_wave(path: Path) -> tuple[Samples, int]:
    """Samples and rate of a mono WAV file of 16 bits."""
    with wave.open(str(path)) as file:
        if file.getnchannels() != 1 or file.getsampwidth() != 2:
            raise SpeechError(f"{path} is not 16-bit mono; convert it first")
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
        return samples, file.getframerate()
