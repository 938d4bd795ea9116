# SPDX-License-Identifier: Apache-2.0
"""How many words a recogniser loses to the canceller: pocketsphinx, in its own environment."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from ears_bench.measures import Double, Sound
from ears_bench.stage import HEARD_RATE

ROOT: Final = Path(__file__).resolve().parents[2]
PYTHON: Final = ROOT / "out/ears-words/bin/python"
_PEAK: Final = 0.5


class WordsError(Exception):
    """The recogniser does not run."""


def words_lost(found: Sequence[Double], python: Path) -> tuple[float, str]:
    """Points by which fewer of the sentences' words are found after the canceller than before.

    Raises WordsError.
    """
    with tempfile.TemporaryDirectory(prefix="words-") as folder:
        files = []
        for number, each in enumerate(found):
            for name in ("alone", "clean"):
                path = Path(folder) / f"{number}-{name}.wav"
                _write(path, getattr(each, name))
                files.append(str(path))
        command = [str(python), "-m", "ears_bench.recognise", *files]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            told = getattr(error, "stderr", "") or str(error)
            raise WordsError(f"pocketsphinx did not run: {told.strip()[-300:]}") from error
    texts: list[str] = json.loads(done.stdout)
    wanted = right_before = right_after = 0
    for each, alone, clean in zip(found, texts[::2], texts[1::2], strict=True):
        words = _words(each.visit.sentence.text)
        wanted += len(words)
        right_before += words_found(words, _words(alone))
        right_after += words_found(words, _words(clean))
    before, after = (100 * right / max(wanted, 1) for right in (right_before, right_after))
    return before - after, f"{wanted} words, {before:.0f} % to {after:.0f} %"


def words_found(wanted: Sequence[str], heard: Sequence[str]) -> int:
    """How many of the words are heard, in their order."""
    best = [0] * (len(heard) + 1)
    for word in wanted:
        row = [0]
        for place, other in enumerate(heard):
            row.append(max(best[place] + (word == other), best[place + 1], row[-1]))
        best = row
    return best[-1]


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def _write(path: Path, sound: Sound) -> None:
    scaled = sound * (_PEAK / max(float(np.abs(sound).max()), 1e-6))
    with wave.open(os.fspath(path), "wb") as file:
        file.setparams((1, 2, HEARD_RATE, 0, "NONE", ""))
        file.writeframes(np.round(scaled * 32767).astype("<i2").tobytes())
