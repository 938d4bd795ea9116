# SPDX-License-Identifier: Apache-2.0
"""`python -m driving_client`: what a recording of the wire holds, and how late its motion is."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from driving_client.align_command import alignment_lines
from driving_client.errors import DrivingError
from driving_client.motion import FLAME_SLICES, FRAME_RATE
from driving_client.recording import Recording, read_recording
from driving_client.retarget import load_retarget
from driving_client.texts import printable


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m driving_client",
        description="Look at what the driving endpoint's wire carries.",
        epilog="The embedded endpoint is `python -m driving_client.endpoint`, the fit of a "
        "retarget file `python -m driving_client.retarget`.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
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
    align = commands.add_parser(
        "align",
        help="measure the offset between a recording's motion and audio",
        description="Compare the mouth that the speech model hears in the audio with the mouth "
        "of the motion, and print the endpoint's offset as the setting of a kiosk's "
        "configuration. Fails where there is too little speech, or no clear agreement.",
        epilog="example: python -m driving_client align driveningress_16k.json",
    )
    align.add_argument("file", type=Path, help="a recording (JSON) with at least 2 s of speech")
    align.add_argument("--retarget", type=Path, help="a retarget file other than the packaged one")
    options = parser.parse_args(arguments)
    try:
        recording = read_recording(options.file)
        if options.command == "align":
            lines = alignment_lines(recording, load_retarget(options.retarget))
        else:
            lines = description(recording)
        for line in lines:
            print(printable(line), flush=True)
    except DrivingError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: cannot print what is in {options.file}: {error.strerror}", file=sys.stderr)
        # What is still buffered would fail again when the interpreter ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def description(recording: Recording) -> Iterator[str]:
    """The lines that `decode` prints."""
    yield f"{recording.name}: request {recording.request_id}"
    seconds = len(recording.audio) / recording.sample_rate
    yield f"audio: {seconds:.2f} s at {recording.sample_rate} Hz, mono s16le"
    total = sum(len(message.frames) for message in recording.messages)
    yield (
        f"motion: {total} keyframes in {len(recording.messages)} messages, "
        f"{total / FRAME_RATE:.2f} s at {FRAME_RATE:g} frames a second"
    )
    yield ""
    yield "message  keyframes  dropped  from s  end"
    start = 0
    for number, message in enumerate(recording.messages, 1):
        yield (
            f"{number:7d}  {len(message.frames):9d}  {message.dropped:7d}  "
            f"{start / FRAME_RATE:6.2f}  {'end' if message.end else '-'}"
        )
        start += len(message.frames)
    if total:
        frames = np.concatenate([message.frames for message in recording.messages])
        yield ""
        yield "field        values  moving      min      max"
        for name, part in FLAME_SLICES.items():
            values = frames[:, part]
            moving = int((np.ptp(values, axis=0) > 1e-6).sum())
            yield (
                f"{name:<11s}  {values.shape[1]:6d}  {moving:6d}  "
                f"{values.min():7.3f}  {values.max():7.3f}"
            )


if __name__ == "__main__":
    sys.exit(main())
