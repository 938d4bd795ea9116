#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make fuzz`: ten million inputs over every parser that the network reaches, with atheris.

Ends with a table of inputs and branches for each parser, written to tests/results/fuzz.md, and
with the corpus made small again in tests/fuzz/corpus. A parser that raises what it must not, takes
ten seconds or two gigabytes fails the run; its input lies in out/fuzz/faults, and
`scripts/fuzz.py TARGET --input FILE` tries it alone.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

from fuzzing.corpus import keep
from fuzzing.long_run import Outcome, run_guided
from fuzzing.target import Target, attempt
from fuzzing.targets import TARGETS, chosen
from test_result import write_result

ENOUGH = 0.95
ABOUT = (
    "Every parser that the network reaches, fed with inputs that atheris makes, and the share of "
    "its branches that the corpus in tests/fuzz/corpus takes."
)


def main(arguments: list[str] | None = None) -> int:
    """Run; exit status 1 for a fault or too few branches, 2 for a wrong command line."""
    options = _arguments(arguments)
    logging.disable()
    targets = chosen(options.targets)
    if options.input is not None:
        attempt(targets[0], options.input.read_bytes())
        print(f"{targets[0].name} takes it or refuses it as it should")
        return 0
    begin = time.monotonic()
    rows = [
        _try(target, options.share, options.seed, f"{number} of {len(targets)}")
        for number, target in enumerate(targets, 1)
    ]
    passed = all(not outcome.fault and share >= ENOUGH for _, outcome, share in rows)
    table = _table(rows)
    print(table)
    if not options.targets:
        total = sum(outcome.inputs for _, outcome, _ in rows)
        faults = [target.name for target, outcome, _ in rows if outcome.fault]
        path = write_result(
            "fuzz",
            ABOUT,
            passed=passed,
            seconds=time.monotonic() - begin,
            figures={
                "inputs": f"{total:,}",
                "seed": options.seed,
                "faults": ", ".join(faults) or "none",
            },
        )
        path.write_text(f"{path.read_text('utf-8')}\n{table}", "utf-8")
        print(f"written to {path}")
    return 0 if passed else 1


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    names = [target.name for target in TARGETS]
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"one of {', '.join(names)} (default: all)"
    )
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the ten million inputs (default: 1)"
    )
    parser.add_argument("--seed", type=int, default=int(time.time()) % 2**31, help="of chance")
    parser.add_argument("--input", type=Path, metavar="FILE", help="only this input, in one target")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.targets) - set(names)):
        parser.error(f"unknown target {unknown[0]!r}; there are {', '.join(names)}")
    if options.input is not None and len(options.targets) != 1:
        parser.error("--input needs exactly one TARGET")
    return options


def _try(target: Target, share: float, seed: int, which: str) -> tuple[Target, Outcome, float]:
    # coverage.py and atheris both trace: the first stays out of the guided process
    from fuzzing.branches import reached, smallest

    inputs = max(1, round(1000 * share * target.inputs))
    print(f"{target.name} ({which}): feeding {inputs:,} inputs", file=sys.stderr, flush=True)
    outcome = run_guided(target, inputs, seed)
    corpus = smallest(target, outcome.found)
    keep(target, corpus)
    seen = reached(target, [*target.written, *corpus])
    print(
        f"{target.name}: {outcome.inputs:,} inputs in {outcome.seconds:.0f} s, "
        f"{len(seen.all)} branches, {seen.share:.1%}, {len(corpus)} kept",
        flush=True,
    )
    for branch in seen.missing:
        print(f"  not taken: {branch}")
    if outcome.fault:
        print(f"  FAULT\n{outcome.fault}", flush=True)
    return target, outcome, seen.share


def _table(rows: list[tuple[Target, Outcome, float]]) -> str:
    lines = ["| parser | inputs | seconds | branches taken | result |", "|---|---|---|---|---|"]
    for target, outcome, share in rows:
        result = "FAULT" if outcome.fault else "held" if share >= ENOUGH else "too few branches"
        cells = (
            target.name,
            f"{outcome.inputs:,}",
            f"{outcome.seconds:.0f}",
            f"{share:.1%}",
            result,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
