# SPDX-License-Identifier: Apache-2.0
"""`python -m driving_client`: looks at recordings of the wire, and makes retarget files.

For a person at a desk: a board's image has neither this file nor `driving_client.fitting`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from driving_client.errors import DrivingError
from driving_client.fitting import align_command, fit_command
from driving_client.retarget import load_retarget
from driving_client.texts import printable
from driving_client.wire.description import recording_lines
from driving_client.wire.recording import read_recording


def _decode(options: argparse.Namespace) -> Iterator[str]:
    return recording_lines(read_recording(options.file))


def _provenance(options: argparse.Namespace) -> Iterator[str]:
    yield json.dumps(load_retarget(options.file).provenance, indent=2)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m driving_client",
        description="Inspect recordings of the driving endpoint's wire, and make the file that "
        "maps its FLAME motion onto an avatar's rig.",
        epilog="The embedded endpoint is `python -m driving_client.endpoint`.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    decode = commands.add_parser(
        "decode",
        help="print what a recording holds",
        description="Print the messages of a recording, its durations, and the ranges of its "
        "motion. A recording is a JSON file with the messages as they came "
        "(animation_messages_base64, audio_base64) or with keyframes spelled out, the voice "
        "beside it as NAME_24k.pcm.",
        epilog="example: python -m driving_client decode driveningress_16k.json",
    )
    decode.add_argument("file", type=Path, help="a recording (JSON)")
    decode.set_defaults(run=_decode)
    align_command.add_parser(commands)
    fit_command.add_parser(commands)
    provenance = commands.add_parser(
        "provenance",
        help="print what a retarget file was fitted on, as JSON",
        description="Print what a retarget file was fitted on, and how well, as JSON.",
    )
    provenance.add_argument("file", nargs="?", metavar="FILE", help="default: the packaged file")
    provenance.set_defaults(run=_provenance)
    options = parser.parse_args(arguments)
    try:
        for line in options.run(options):
            print(printable(line), flush=True)
    except DrivingError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: cannot print the result: {error.strerror}", file=sys.stderr)
        # What is still buffered would fail again when the interpreter ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
