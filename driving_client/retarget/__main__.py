# SPDX-License-Identifier: Apache-2.0
"""`python -m driving_client.retarget`: fit a retarget file, or show what is in one."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator

from driving_client.errors import DrivingError
from driving_client.retarget import fit_command
from driving_client.retarget.storage import load_retarget
from driving_client.texts import printable


def _info(arguments: argparse.Namespace) -> Iterator[str]:
    yield json.dumps(load_retarget(arguments.file).provenance, indent=2)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m driving_client.retarget",
        description="FLAME motion to ARKit rigs: fit the mapping, or show where one comes from.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    fit_command.add_parser(commands)
    info = commands.add_parser("info", help="print a retarget file's provenance")
    info.add_argument("file", nargs="?", metavar="FILE", help="default: the packaged file")
    info.set_defaults(run=_info)
    arguments = parser.parse_args(argv)
    try:
        for line in arguments.run(arguments):
            print(line, flush=True)
    except DrivingError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
