#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train the model that turns a voice into mouth controls; `make train-lipsync` runs it.

Speaks some thousand sentences with flite, festival and espeak-ng, goes on with the network
`lipsync_training/base.npz` on them, and writes mouth.npz, mouth.onnx and provenance.json. Under
20 minutes on two free cores. It needs the environment of
`scripts/make_environment.sh lipsync` and the Debian packages of `scripts/install_packages.sh
lipsync`. `make convert-npu SHIP=1` then makes the NPU's file from the new model.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

# One thread for each worker's algebra: the pool itself fills the cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from driving_client.errors import SpeechError
from driving_client.lipsync.mouth_net import MODEL_FOLDER, load_net, load_weights
from lipsync_training.corpus import VOICES, Voice, make_corpus
from lipsync_training.evaluation import held_out_table
from lipsync_training.provenance import (
    corpus_facts,
    onnx_difference,
    sha256_of,
    write_provenance,
)

BASE: Final = Path(__file__).parent / "lipsync_training/base.npz"
"""A net of the same shape that knows the closures of speech; see the model's README."""


def main() -> int:
    """Run the whole of it; the exit status."""
    options = _options()
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"error: --out {options.out}: {error.strerror}", file=sys.stderr)
        return 1
    try:
        import onnxruntime

        from lipsync_training.export import rounded, save_npz, save_onnx
        from lipsync_training.trainer import Settings, refining, train
    except ImportError as error:
        print(
            f"error: {error}; run `make train-lipsync`, which makes the environment it needs",
            file=sys.stderr,
        )
        return 1
    began = time.monotonic()
    settings, base = Settings(seed=options.seed), None
    if not options.anew:
        try:
            base = load_weights(BASE)
        except SpeechError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        settings = refining(options.seed, sha256_of(BASE))
    if options.steps:
        settings = dataclasses.replace(settings, steps=options.steps)
    try:
        corpus = make_corpus(options.seed, options.jobs, _report, options.voices)
        weights = rounded(train(corpus, settings, _report, base).weights())
        print(file=sys.stderr)
        save_npz(weights, options.out / "mouth.npz")
        save_onnx(weights, options.out / "mouth.onnx")
        print("measuring with the held-out voice", file=sys.stderr)
        net = load_net(options.out / "mouth.npz")
        scores = held_out_table(net)
        write_provenance(
            options.out,
            difference=onnx_difference(onnxruntime, options.out / "mouth.onnx", net),
            settings=dataclasses.asdict(settings),
            corpus=corpus_facts(corpus, options.voices),
            scores=scores,
            seconds=time.monotonic() - began,
        )
    except (SpeechError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    _print_table(scores)
    print(f"written to {options.out} in {time.monotonic() - began:.0f} s")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=MODEL_FOLDER, help="folder for the model (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=_number(0), default=20, help="of all random numbers (%(default)s)"
    )
    parser.add_argument(
        "--jobs", type=_number(1), default=2, help="processes that make the data (%(default)s)"
    )
    parser.add_argument(
        "--anew", action="store_true", help="begin with random weights and train five times longer"
    )
    parser.add_argument("--steps", type=_number(1), help="of training, for trials (default: all)")
    parser.add_argument(
        "--voices",
        type=_voices,
        default=VOICES,
        metavar="NAME:SENTENCES,...",
        help="of the corpus, for trials (default: all, with all their sentences)",
    )
    options = parser.parse_args()
    if options.out == MODEL_FOLDER and (options.steps or options.voices is not VOICES):
        parser.error("a trial would overwrite the package's model; name another folder with --out")
    return options


def _number(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} on")
        return int(text)

    return number


def _voices(text: str) -> list[Voice]:
    known = {voice.name: voice for voice in VOICES}
    chosen = []
    for part in text.split(","):
        name, _, count = part.partition(":")
        if name not in known or not count.isdecimal() or int(count) == 0:
            raise argparse.ArgumentTypeError(
                f"{part!r} is not a voice with a number, as in rms:20; there are {', '.join(known)}"
            )
        chosen.append(dataclasses.replace(known[name], sentences=int(count)))
    return chosen


def _report(text: str) -> None:
    """One line that is written over and over, or a line each where nobody watches."""
    watched = sys.stderr.isatty()
    print(f"\r\033[K{text}" if watched else text, end="" if watched else "\n", file=sys.stderr)
    sys.stderr.flush()


def _print_table(scores: dict[str, dict[str, float]]) -> None:
    names = list(next(iter(scores.values())))
    print(f"{'held-out voice':18}" + "".join(f"{name:>9}" for name in names))
    for disturbance, figures in scores.items():
        print(f"{disturbance:18}" + "".join(f"{figures[name]:9.3f}" for name in names))


if __name__ == "__main__":
    sys.exit(main())
