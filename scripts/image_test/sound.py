# SPDX-License-Identifier: Apache-2.0
"""Finds speech in what the emulated sound card recorded.

The card drops blocks when the host is busy and its level is not calibrated, so loudness and
exact length prove nothing. What must be there is the voice itself: pieces of it are looked for
in the recording by normalised correlation, which is 1 for the same waveform at any loudness.
"""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

RATE: Final = 8000
PIECE_S: Final = 0.1
Samples = NDArray[np.float32]


def read(path: Path) -> Samples:
    """A WAV file's first channel at 8 kHz."""
    with wave.open(str(path)) as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        rate, channels = file.getframerate(), file.getnchannels()
    return at_rate(raw.reshape(-1, channels)[:, 0], rate)


def at_rate(samples: NDArray[np.int16], rate: int) -> Samples:
    """Samples resampled to 8 kHz, -1 to 1."""
    return np.asarray(soxr.resample(samples.astype(np.float32) / 32768, rate, RATE))


def heard_share(recording: Samples, speech: Samples, alike: float = 0.85) -> float:
    """The share of the speech's loud pieces of 0.1 s that are in the recording, 0 to 1.

    Tenths of two vowels of one even voice are alike to 0.8 and more.
    """
    length = int(PIECE_S * RATE)
    pieces = speech[: len(speech) // length * length].reshape(-1, length)
    loud = pieces[np.sqrt(np.mean(pieces**2, axis=1)) > 0.02]
    if not len(loud) or len(recording) < length:
        return 0.0
    squares = np.concatenate([[0.0], np.cumsum(recording.astype(np.float64) ** 2)])
    energy = np.sqrt(np.maximum(squares[length:] - squares[:-length], 1e-4))
    size = 1 << (len(recording) + length).bit_length()
    spectrum = np.fft.rfft(recording, size)
    found = 0
    for piece in loud:
        product = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece, size)), size)
        likeness = product[: len(energy)] / (energy * np.linalg.norm(piece))
        found += bool(likeness.max() >= alike)
    return found / len(loud)
