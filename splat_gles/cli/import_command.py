# SPDX-License-Identifier: Apache-2.0
"""`python -m splat_gles import`: another format's avatar in, a bundle out."""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from pathlib import Path
from typing import Any

from splat_gles.bake import bake
from splat_gles.bundle import read_bundle, write_bundle
from splat_gles.cli.progress import ProgressBar
from splat_gles.errors import ImportSourceError
from splat_gles.importers.lam import import_lam

_EPILOG = """examples:
  python -m splat_gles import p2-1.zip -o p2-1.avatar
  python -m splat_gles import james.zip -o james.avatar --name James --licence Apache-2.0

SOURCE is a zip as LAM exports it, with skin.glb, offset.ply and animation.glb in a folder.
Scenes of splats (.ply, .splat, .spz, .ksplat, .sog) have no rig, models (.glb, .vrm) no splats:
they are refused, as is all else.
Splats that are never seen from in front, 30 degrees to the sides and 15 up and down, are left
out: the picture loses nothing that one sees, and costs a tenth less.
The bundle is read back and verified before the command reports success.
"""


def add_parser(subparsers: Any) -> None:
    """Add the `import` command to argparse's subparsers."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "import",
        help="make an avatar bundle from a LAM zip",
        description="Make an avatar bundle (*.avatar) from a LAM zip.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help="LAM zip file")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="bundle to write (the name of SOURCE with .avatar, in this folder)",
    )
    parser.add_argument("--name", type=_text, help="name shown to people (the file's name)")
    parser.add_argument(
        "--licence",
        type=_text,
        default="unknown",
        metavar="SPDX",
        help="licence of the avatar, such as MIT; LAM zips do not say (unknown)",
    )
    parser.set_defaults(func=run)


def _text(text: str) -> str:
    if not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!a} contains characters that are not text")
    return text


def run(options: argparse.Namespace) -> int:
    """Import, write, verify; prints what is done as it is done."""
    started = time.monotonic()
    source: Path = options.source
    output: Path = options.output or Path(f"{source.stem}.avatar")
    if output.exists() and source.exists() and output.samefile(source):
        raise ImportSourceError(f"{output}: the bundle would replace its source; choose another -o")
    avatar = import_lam(
        source, name=options.name or source.stem, licence=options.licence, progress=_say
    )
    with ProgressBar("looking for splats that are never seen") as bar:
        baked = bake(avatar, bar.show)
    _say(f"seen from in front: {baked.splats:,} splats of {avatar.splats:,}")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    write_bundle(baked, output, source=f"LAM avatar {source.name}, sha256 {digest}")
    read_bundle(output)
    size = output.stat().st_size
    print(f"{output}: {size / 1e6:.2f} MB, verified, {time.monotonic() - started:.1f} s")
    return 0


def _say(line: str) -> None:
    # Progress is no result: it stays out of standard output's way, and appears at once.
    print(f"  {line}", file=sys.stderr, flush=True)
