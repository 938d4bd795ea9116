#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws an avatar's contact sheet: what to look at before it is shown to anybody.

Seven visemes as the speech driver sends them; neutral, smile, surprise, blink, mixes, a gaze
aside; three yaws, two pitches, and close-ups of eyes and mouth.

  make sheet AVATAR=config/avatars/default.avatar
  python scripts/contact_sheet.py X.avatar -o out/sheet.png --full out/sheet
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from avatar_maker.review.sheet import Pixels, contact_sheet
from avatar_maker.review.shots import Shot, sheet_shots
from splat_gles.avatar import Avatar
from splat_gles.bundle import read_bundle
from splat_gles.errors import SplatError
from splat_gles.picture import encode_png

ROOT: Final = Path(__file__).resolve().parent.parent
WHITE: Final = (1.0, 1.0, 1.0)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "avatar",
        type=Path,
        nargs="?",
        default=ROOT / "config/avatars/default.avatar",
        help="bundle with ARKit's face units (default: %(default)s)",
    )
    parser.add_argument(
        "-o", "--output", type=Path, help="PNG to write (default: out/sheet-NAME.png)"
    )
    parser.add_argument(
        "--full", type=Path, metavar="FOLDER", help="also write every picture there, 1080x1920"
    )
    chosen = parser.parse_args(arguments)
    output: Path = chosen.output or ROOT / "out" / f"sheet-{chosen.avatar.stem}.png"
    if output.suffix.lower() != ".png":
        parser.error(f"{output}: sheets are PNG; give a name that ends in .png")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        if chosen.full:
            chosen.full.mkdir(parents=True, exist_ok=True)
        avatar = read_bundle(chosen.avatar)
        sheet = draw(avatar, chosen.full)
        output.write_bytes(encode_png(sheet))
    except (SplatError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{output}: {sheet.shape[1]}x{sheet.shape[0]}, {avatar.splats:,} splats")
    return 0


def draw(avatar: Avatar, folder: Path | None) -> Pixels:
    """The sheet; with a folder, each picture becomes a file of it as well."""
    shots = sheet_shots()
    if missing := sorted({unit for shot in shots for unit in shot.units} - {*avatar.blendshapes}):
        raise SplatError(
            f"{avatar.name} has no {', '.join(missing)}; a sheet needs ARKit's face units"
        )

    def seen(shot: Shot, pixels: Pixels) -> None:
        print(f"[{shots.index(shot) + 1}/{len(shots)}] {shot.name}", file=sys.stderr, flush=True)
        if folder:
            name = shot.name.replace(",", "").replace(" ", "-")
            (folder / f"{name}.png").write_bytes(encode_png(pixels))

    return contact_sheet(avatar, shots, WHITE, seen)


if __name__ == "__main__":
    sys.exit(main())
