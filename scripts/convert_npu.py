#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make convert-npu`: the mouth's model for an RK3576's NPU, checked in the vendor's simulator.

Speaks a few sentences, puts their windows through numpy, onnxruntime and the simulator, and
refuses the result where any two differ by more than LARGEST_DIFFERENCE. The file goes to
out/npu/; with --ship into the package, with a note of what it was built from. Two builds of
one model differ in some thousand bytes (the compiler's doing), so the file is shipped as it
was checked and is never built anew in passing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

from driving_client.errors import DrivingError
from driving_client.lipsync.log_mel import log_mel
from driving_client.lipsync.mouth_net import MODEL_FOLDER, WINDOW_MELS, load_net
from driving_client.lipsync.npu import RKNN_MODEL
from driving_client.voices.espeak import synthesise

ROOT: Final = Path(__file__).resolve().parent.parent
ONNX: Final = MODEL_FOLDER / "mouth.onnx"
NOTE: Final = RKNN_MODEL.with_suffix(".json")
CONVERTER: Final = ROOT / "out/npu-venv/bin/python"
TARGET: Final = "rk3576"
LARGEST_DIFFERENCE: Final = 0.005
SENTENCES: Final = (
    ("en-us", "My baby put five maps beneath the blue shoes; Vera found the fourth."),
    ("en-us+f3", "Good morning! How may I help you, and who should I say is waiting?"),
    ("de", "Bitte folgen Sie der blauen Linie, und warten Sie vor dem Aufzug."),
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ship", action="store_true", help=f"write {RKNN_MODEL.name} and its note")
    options = parser.parse_args(arguments)
    folder = ROOT / "out/npu"
    try:
        found = convert(folder)
    except (DrivingError, OSError, subprocess.CalledProcessError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    made = folder / RKNN_MODEL.name
    print(f"{made}: {made.stat().st_size:,} bytes; {found['windows']} windows, differences up to")
    worst = 0.0
    for pair in ("simulator_to_onnx", "simulator_to_numpy", "onnx_to_numpy"):
        print(f"  {pair.replace('_', ' '):20s} {found[pair]:.6f}")
        worst = max(worst, found[pair])
    if not worst < LARGEST_DIFFERENCE:
        print(f"error: more than {LARGEST_DIFFERENCE}; do not use this file", file=sys.stderr)
        return 1
    if options.ship:
        shutil.copyfile(made, RKNN_MODEL)
        NOTE.write_text(json.dumps(note(made, found), indent=1) + "\n")
        print(f"wrote {RKNN_MODEL} and {NOTE.name}")
    return 0


def convert(folder: Path) -> dict[str, Any]:
    """Build into `folder` and compare; the converter's figures. Its log goes beside."""
    if not CONVERTER.is_file():
        raise FileNotFoundError(f"no {CONVERTER}; make it with scripts/make_environment.sh npu")
    folder.mkdir(parents=True, exist_ok=True)
    windows = folder / "windows.npz"
    mel = speech_windows()
    net = load_net()
    np.savez(windows, mel=mel, rows=np.stack([net.window(each) for each in mel]))
    log = folder / "convert.log"
    command: list[str | Path] = [CONVERTER, ROOT / "scripts/rknn_build.py", ONNX, windows]
    command += ["-o", folder / RKNN_MODEL.name, "--target", TARGET]
    print(f"converting, which takes a minute or more; its log will be {log}", flush=True)
    # The converter leaves files where it runs
    done = subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    log.write_text(done.stdout)
    if done.returncode != 0:
        raise ValueError(f"the converter ended with {done.returncode}; see {log}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def speech_windows() -> np.ndarray:
    """Windows, shape (n, 66, 40), one for each 80 ms of a few sentences."""
    windows = []
    for voice, sentence in SENTENCES:
        speech = synthesise(sentence, voice)
        mel = log_mel(speech.samples, speech.sample_rate)
        windows += [mel[i : i + WINDOW_MELS] for i in range(0, len(mel) - WINDOW_MELS, 8)]
    return np.stack(windows).astype(np.float32)


def note(made: Path, found: dict[str, Any]) -> dict[str, Any]:
    """What the shipped file is, for later questions and for the tests."""
    return {
        "made_by": "make convert-npu",
        "target": TARGET,
        "converter": "rknn-toolkit2 2.5.0, half precision",
        "onnx_sha256": hashlib.sha256(ONNX.read_bytes()).hexdigest(),
        "sha256": hashlib.sha256(made.read_bytes()).hexdigest(),
        "bytes": made.stat().st_size,
        "largest_differences": {
            name: round(value, 7) for name, value in found.items() if name != "windows"
        },
        "windows": found["windows"],
        "checked_on": "the vendor's simulator; on a board the program compares it with the CPU",
    }


if __name__ == "__main__":
    sys.exit(main())
