#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds what is flashed on a board: `make overlay BOARD=rk3576`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from firmware.board_keys import schema
from firmware.boards import ROOT, board_names, load_board
from firmware.build import Request, build, check
from firmware.extras import chosen_extras, extra_names
from firmware.steps import Progress, exit_status
from kioskd.errors import KioskError

SCHEMA_PATH: Final = ROOT / "board/board.schema.json"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    names = ", ".join(board_names())
    parser = argparse.ArgumentParser(
        description="Build a board's image and what carries it: out/<board>/ gets the signed "
        "image kiosk-<board>-<version>.img (for `kioskctl install`), the partition image "
        "kiosk-overlay.img (to flash), rootfs-overlay.tar (to unpack over a root), SHA256SUMS "
        "with its signature, sbom.spdx.json and the licences. No root is needed.",
        epilog="Without --key a development key is made once in out/keys. A release key: "
        "openssl ecparam -name prime256v1 -genkey -noout -out release.pem",
    )
    parser.add_argument("board", nargs="?", help=f"one of {names}, in either case")
    parser.add_argument("--key", type=Path, help="release key, ECDSA P-256 in PEM")
    parser.add_argument(
        "--extras",
        default="",
        metavar="NAMES",
        help=f"what else the image carries: {', '.join(extra_names())} (default: nothing)",
    )
    parser.add_argument(
        "--out", type=Path, default=ROOT / "out", help="where to build (default: %(default)s)"
    )
    parser.add_argument(
        "--refresh",
        action="store_true",
        help="ask for the newest Debian packages (else once a week)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="only check board, key and extras, which needs none of the build's tools",
    )
    parser.add_argument(
        "--board-schema",
        action="store_true",
        help=f"only write {SCHEMA_PATH.relative_to(ROOT)}, the JSON schema of board.yaml",
    )
    options = parser.parse_args(arguments)
    if options.board_schema:
        SCHEMA_PATH.write_text(json.dumps(schema(), indent=2) + "\n", "utf-8")
        return 0
    if not options.board:
        parser.error(f"name a board: {names}")
    return exit_status(lambda: _make(options), KioskError)


def _make(options: argparse.Namespace) -> int:
    progress = Progress()
    board = load_board(options.board)
    extras = chosen_extras(options.extras)
    request = Request(board, options.out, options.key, options.refresh, extras)
    if options.check:
        check(request)
        return 0
    for path in build(request, progress):
        size = f"{path.stat().st_size / 1e6:8.1f} MB" if path.is_file() else "          "
        print(f"{size}  {path}")
    progress.say("ready")
    return 0


if __name__ == "__main__":
    sys.exit(main())
