# SPDX-License-Identifier: Apache-2.0
"""Each target's share of the long run, one after the other, from the corpus and back to it."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fuzzing.corpus import FAULT, FAULTS, ROOT, kept, name_of
from fuzzing.target import MAX_INPUT_BYTES, Target

LONGEST_INPUT_S: Final = 10
_MEMORY_MB: Final = 2048
_RUNS: Final = re.compile(r"number_of_executed_units: *(\d+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a target's run brought: inputs tried, seconds, inputs worth keeping, a fault or none."""

    inputs: int
    seconds: float
    found: tuple[bytes, ...]
    fault: str = ""


def run_guided(target: Target, runs: int, seed: int) -> Outcome:
    """Feed a target about `runs` inputs; ends at the first fault, whose input is kept."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        corpus, words = Path(folder) / "corpus", Path(folder) / "words"
        corpus.mkdir()
        for data in kept(target):
            (corpus / name_of(data)).write_bytes(data)
        words.write_text(
            "".join(f'"{_escaped(word)}"\n' for word in (*target.words, b"\0")), "ascii"
        )
        begin = time.monotonic()
        command = [sys.executable, "-m", "fuzzing.guided", target.name]
        command += [f"-runs={runs}", f"-seed={seed}", f"-max_len={MAX_INPUT_BYTES}"]
        command += [f"-timeout={LONGEST_INPUT_S}", f"-rss_limit_mb={_MEMORY_MB}", f"-dict={words}"]
        command += [f"-artifact_prefix={_faults(target)}/", "-print_final_stats=1", "-verbosity=0"]
        process = subprocess.run(
            [*command, str(corpus)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        found = tuple(file.read_bytes() for file in sorted(corpus.iterdir()))
    seconds = time.monotonic() - begin
    told = process.stdout + process.stderr
    counted = _RUNS.search(told)
    # Without a Python exception it was too slow or too large, which libFuzzer tells at its end
    why = told.partition(FAULT)[2][:4000].strip() or told[-4000:]
    fault = "" if process.returncode == 0 and counted else why
    return Outcome(int(counted[1]) if counted else 0, seconds, found, fault)


def _faults(target: Target) -> Path:
    place = FAULTS / target.name
    place.mkdir(parents=True, exist_ok=True)
    return place


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)
