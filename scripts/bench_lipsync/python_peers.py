#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs PyPI's lip-sync libraries on WAV files; in the environment of the peers.

  python_peers.py PEER CLIPS.json OUT.json

PEER is pylipsync or openfacefx, CLIPS a list of WAV files. OUT holds, for each, the library's
weights 60 times a second, as node_peers.mjs writes them, and the CPU milliseconds it took.
"""

from __future__ import annotations

import json
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FRAMES = 60


def main() -> int:
    """Run one library on all clips; returns the exit status."""
    peer, clips, out = sys.argv[1:4]
    files: list[str] = json.loads(Path(clips).read_text())
    run = {"pylipsync": pylipsync, "openfacefx": openfacefx}[peer]()
    if files:
        run(files[0])  # caches and compiled code are made before it is measured
    found = []
    for file in files:
        began = time.process_time()
        rows = run(file)
        found.append({**rows, "cpu_ms": (time.process_time() - began) * 1000})
    Path(out).write_text(json.dumps(found))
    return 0


def pylipsync() -> Callable[[str], dict[str, Any]]:
    """uLipSync's templates in Python: six phonemes, each window centred on its frame."""
    from pylipsync import PhonemeAnalyzer

    analyzer = PhonemeAnalyzer()

    def run(file: str) -> dict[str, Any]:
        with wave.open(file) as source:
            rate = source.getframerate()
            samples = np.frombuffer(source.readframes(source.getnframes()), "<i2")
        segments = analyzer.extract_phoneme_segments(
            samples.astype(np.float32) / 32768, rate, fps=FRAMES, return_seconds=True
        )
        names = [phoneme.name for phoneme in segments[0].phonemes]
        values = [[phoneme.target for phoneme in segment.phonemes] for segment in segments]
        hop = (16000 // FRAMES) / 16000
        return {"rate": 1 / hop, "first_s": hop / 2, "names": names, "values": values}

    return run


def openfacefx() -> Callable[[str], dict[str, Any]]:
    """Its way without a text: loudness to openness."""
    from openfacefx.energy import energy_envelope

    def run(file: str) -> dict[str, Any]:
        times, envelope = energy_envelope(file, fps=FRAMES)
        return {
            "rate": FRAMES,
            "first_s": float(times[0]),
            "names": ["openness"],
            "values": [[float(value)] for value in envelope],
        }

    return run


if __name__ == "__main__":
    sys.exit(main())
