# SPDX-License-Identifier: Apache-2.0
"""Speech of flite with the times of its phones, by its command line tool.

The tool and not its library: a fault in it ends one sentence and not the endpoint, and what a long
text costs in memory (135 MB for 2,000 characters) goes with it. A sentence costs a process of
50 ms and 15 ms of CPU for a second of speech on a desktop machine. The mouth follows flite's phones
and not what the speech model hears: against phones that pocketsphinx aligned with 32 sentences of
slt, the closures of p b m have an F1 of 1.00 that way and 0.66 by the model, the opening a
correlation of 0.93 and 0.73 (rms: 0.99 and 0.85, 0.91 and 0.82).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import unicodedata
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from driving_client.errors import SpeechError
from driving_client.texts import excerpt
from driving_client.utterance import Samples
from driving_client.voices.arpabet import to_phonemes
from driving_client.voices.level import levelled
from driving_client.voices.speech import Phoneme, Speech, SynthesiserMissingError, checked

LANGUAGE: Final = "en-us"
SEXES: Final = {"slt": "female", "rms": "male"}
"""The voices that sound natural; both are Americans, cut from hours of recordings."""

INSTALL: Final = "install it, on Debian with `apt install flite`"
_TIMEOUT_S: Final = 20.0
"""Of a phrase, which takes a tenth of a second: one that hangs holds up all kiosks."""
_LEAD_S: Final = 0.05
"""What is left of the silence of 0.16 to 0.22 s that every utterance begins with."""

_SLT_HZ: Final = 170.0
_MELODY_HZ: Final = 50.0
"""The spread of its pitch that slt is asked for: half of its own is lost to smoothing. It then has
a standard deviation of 14 Hz, 1.3 semitones, where 8 Hz were heard, and spans 150 to 240 Hz."""
_SKEW_HZ: Final = 13.0
"""How far the mean that is asked for lies above the one that is heard, at that spread."""

_SIGNS: Final = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})
_DASHES: Final = re.compile("\\s*[\u2013\u2014]\\s*")


def installed() -> bool:
    """Whether flite can be run here."""
    return shutil.which("flite") is not None


@dataclass(frozen=True, slots=True)
class FliteVoice:
    """Implements choice.Voice. `pitch` in Hz, 0 for its own; only slt's can be moved."""

    name: str
    pitch: float = 0.0
    language: str = LANGUAGE

    def speak(self, text: str) -> Speech:
        """See choice.Voice."""
        settings = {}
        if self.name == "slt":
            mean = (self.pitch or _SLT_HZ) + _SKEW_HZ
            settings = {"int_f0_target_mean": mean, "int_f0_target_stddev": _MELODY_HZ}
        speech = speak_flite(_plain(checked(text)), self.name, **settings)
        if all(phoneme.name == "_" for phoneme in speech.phonemes):
            raise SpeechError(
                f"flite made no sound from this text; it holds nothing that {self.name} can speak"
            )
        return _soon(speech)


def speak_flite(text: str, voice: str, **settings: float) -> Speech:
    """Speak `text` with one of flite's voices (kal16, awb, rms, slt), exactly as it does.

    `settings` are features of flite's, such as duration_stretch. Raises SpeechError where flite is
    missing or fails.
    """
    # In memory: a full disk, or a read-only one, silences nobody
    with os.fdopen(os.memfd_create("speech"), "rb") as file:
        command = [
            "flite",
            "-voice",
            voice,
            "-psdur",
            "-t",
            text,
            "-o",
            f"/proc/self/fd/{file.fileno()}",
        ]
        for name, value in settings.items():
            command += ["--setf", f"{name}={value}"]
        try:
            result = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=True,
                timeout=_TIMEOUT_S,
                pass_fds=[file.fileno()],
            )
            samples, rate = read_wave(file)
        except FileNotFoundError as error:
            raise SynthesiserMissingError(f"flite is missing; {INSTALL}") from error
        except (subprocess.SubprocessError, OSError, EOFError, wave.Error) as error:
            raise SpeechError(
                f"flite did not speak {text!r:.80} with voice {voice}: {_reason(error)}"
            ) from error
    segments, start = [], 0.0
    for phone, end in re.findall(r"(\S+):([\d.]+)", result.stdout):
        segments.append((phone, start, float(end)))
        start = float(end)
    return Speech(samples, rate, to_phonemes(segments))


def read_wave(source: Path | BinaryIO) -> tuple[Samples, int]:
    """Samples and rate of a mono WAV file of 16 bits."""
    with wave.open(str(source) if isinstance(source, Path) else source) as file:
        if file.getnchannels() != 1 or file.getsampwidth() != 2:
            raise SpeechError(f"{source} is not 16-bit mono; convert it first")
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
        return samples, file.getframerate()


def _reason(error: Exception) -> str:
    """Why flite failed, without its command, which holds the whole text."""
    if isinstance(error, subprocess.CalledProcessError):
        told = excerpt(str(error.stderr).strip(), 120)
        how = f"signal {-error.returncode}" if error.returncode < 0 else f"{error.returncode}"
        return f"it ended with {how}" + (f" ({told})" if told else "")
    if isinstance(error, subprocess.TimeoutExpired):
        return f"it took longer than {_TIMEOUT_S:g} s"
    return f"it gave no sound ({error!r:.120})"


def _plain(text: str) -> str:
    """The text in ASCII, beyond which flite reads bytes: "café" as "cafe", a dash as a pause."""
    text = _DASHES.sub(", ", text.translate(_SIGNS))
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _soon(speech: Speech) -> Speech:
    """The speech without most of the silence before it, at the level of all voices."""
    first = next(each for each in speech.phonemes if each.name != "_")
    cut = max(round((first.start - _LEAD_S) * speech.sample_rate), 0)
    samples, earlier = speech.samples[cut:], cut / speech.sample_rate
    length = len(samples) / speech.sample_rate
    moved = [
        Phoneme(each.name, max(each.start - earlier, 0.0), min(each.end - earlier, length))
        for each in speech.phonemes
        if each.end > earlier
    ]
    moved[-1] = Phoneme(moved[-1].name, moved[-1].start, length)
    return Speech(levelled(samples, speech.sample_rate), speech.sample_rate, tuple(moved))
