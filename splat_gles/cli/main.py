# SPDX-License-Identifier: Apache-2.0
"""Dispatch of `python -m splat_gles` and what all its commands share: errors without tracebacks."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from typing import NoReturn

from splat_gles.cli import (
    bench_command,
    estimate_command,
    import_command,
    info_command,
    render_command,
)
from splat_gles.errors import SplatError

_COMMANDS = (import_command, info_command, render_command, bench_command, estimate_command)

_EPILOG = """examples:
  python -m splat_gles import p2-1.zip -o p2-1.avatar
  python -m splat_gles info p2-1.avatar
  python -m splat_gles render p2-1.avatar --set jawOpen=0.7 --yaw 20 -o open.png
  python -m splat_gles render p2-1.avatar --clip speak --video speak.mp4
  python -m splat_gles bench p2-1.avatar --clip speak --size 1080x1920
  python -m splat_gles estimate p2-1.avatar --board rk3576
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line in the form of all our errors, instead of argparse's usage dump."""
        self.exit(2, f"error: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, or 1 for input that cannot be used."""
    parser = _Parser(
        prog="python -m splat_gles",
        description="Avatars made of 3D Gaussian splats: import, inspect, render and measure them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_parser(subparsers)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        return int(options.func(options))
    except SplatError as error:
        print(f"error: {error}", file=sys.stderr)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 130
    return 1
