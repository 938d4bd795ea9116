#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Label real recorded speech with phones, by forced alignment; runs in the peers' environment.

The prompts of Debian's asterisk-core-sounds-en-g722 (one real speaker, 16 kHz) come without
transcripts. pocketsphinx recognises the words first, then aligns the phones of what it
recognised: about nine words in ten are right by ear. So these labels are noisy, and figures
taken on them compare candidates; they are no absolute measure. Prompts that it is unsure of
are left out by its own score, before any candidate is looked at.

Prints one JSON line a prompt: {"file", "text", "score", "phones": [[phone, start, end], …]} with
times in seconds. Takes about a third of the audio's length on a desktop core.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pocketsphinx import Decoder

from bench_lipsync.prompts import RATE, decode

FRAMES = 100
"""Frames a second of pocketsphinx's alignment."""
SHORTEST_S, LONGEST_S = 1.8, 9.0
LEAST_SCORE = -13.5
"""Mean acoustic score a frame below which a transcript is taken for wrong."""
QUIET = 0.02
"""Share of a prompt's peak level that counts as its silence."""


def main() -> int:
    """Label prompts until there is enough of them; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the .g722 files lie")
    parser.add_argument("--seconds", type=float, default=180.0, help="how much to label (180)")
    options = parser.parse_args()
    files = sorted(options.folder.glob("*.g722"))
    if not files:
        print(f"error: no .g722 file in {options.folder}", file=sys.stderr)
        return 1
    done = 0.0
    # Spread over the alphabet: neighbours share their words ("conf-...")
    for file in _spread(files):
        samples = decode(file)
        if not SHORTEST_S <= len(samples) / RATE <= LONGEST_S:
            continue
        labelled = label(samples)
        if labelled is None:
            continue
        print(json.dumps({"file": file.name, **labelled}), flush=True)
        done += len(samples) / RATE
        if done >= options.seconds:
            break
    return 0


def _spread(files: list[Path]) -> list[Path]:
    return [files[i] for start in range(7) for i in range(start, len(files), 7)]


def label(samples: NDArray[np.int16]) -> dict[str, Any] | None:
    """Text, score and phones with times; None where the recogniser is lost."""
    sound = samples.tobytes()
    decoder = Decoder(samprate=RATE, loglevel="FATAL", bestpath=True)
    _pass(decoder, sound)
    heard = decoder.hyp()
    if heard is None or len(heard.hypstr.split()) < 2:
        return None
    try:
        decoder.set_align_text(heard.hypstr)
        _pass(decoder, sound)
        decoder.set_alignment()
        _pass(decoder, sound)
        alignment = decoder.get_alignment()
    except RuntimeError:
        return None
    if alignment is None:
        return None
    phones, total, frames = [], 0.0, 0
    for phone in alignment.phones():
        start, end = phone.start / FRAMES, (phone.start + phone.duration) / FRAMES
        phones.append([phone.name, start, end])
        if phone.name != "SIL":
            total += phone.score
            frames += phone.duration
    score = total / max(frames, 1)
    if score < LEAST_SCORE:
        return None
    return {"text": heard.hypstr, "score": round(score, 2), "phones": trimmed(phones, samples)}


def _pass(decoder: Decoder, sound: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(sound, full_utt=True)
    decoder.end_utt()


def trimmed(phones: list[list[Any]], samples: NDArray[np.int16]) -> list[list[Any]]:
    """Phones without the silence that the aligner gives to the first and last; gaps are SIL."""
    size = RATE // FRAMES
    frames = samples[: len(samples) // size * size].astype(np.float64).reshape(-1, size)
    loud = np.flatnonzero(np.sqrt((frames**2).mean(axis=1)) > QUIET * np.abs(samples).max())
    begin, stop = max(loud[0] - 2, 0) / FRAMES, (loud[-1] + 3) / FRAMES
    kept: list[list[Any]] = []
    reached = 0.0
    for name, start, end in phones:
        start, end = max(start, begin), min(end, stop)
        if end - start > 0.005 and name != "SIL":
            if start > reached + 0.005:
                kept.append(["SIL", round(reached, 3), round(start, 3)])
            kept.append([name, round(start, 3), round(end, 3)])
            reached = end
    return [*kept, ["SIL", round(reached, 3), round(len(samples) / RATE, 3)]]


if __name__ == "__main__":
    sys.exit(main())
