# SPDX-License-Identifier: Apache-2.0
"""`python -m driving_client align`: the offset found, what it is worth, the setting."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from driving_client.fitting.align import Agreement, AlignmentError, agreements, speech_seconds
from driving_client.fitting.fit_command import heard_controls
from driving_client.motion import FRAME_RATE
from driving_client.retarget import Retarget, load_retarget
from driving_client.wire.recording import Recording, read_recording

_SHORT_S: Final = 5.0
_BARS: Final = 24
_SHOWN_EVERY: Final = 2
_SHOWN_S: Final = 0.32


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the package's command line."""
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
    align.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> Iterator[str]:
    return alignment_lines(read_recording(options.file), load_retarget(options.retarget))


def alignment_lines(recording: Recording, retarget: Retarget) -> Iterator[str]:
    """The lines of the report, the setting last. Raises AlignmentError where none can be given."""
    frames, controls = recording.utterance().motion_frames(), heard_controls(recording)
    if not len(frames) or not len(controls):
        raise AlignmentError(f"{recording.name} holds no motion or no audio; nothing to compare")
    speech = speech_seconds(controls[: len(frames)])
    seconds = len(recording.audio) / recording.sample_rate
    yield (
        f"{recording.name}: {len(frames) / FRAME_RATE:.1f} s of motion, {seconds:.1f} s of audio, "
        f"{speech:.1f} s of it speech"
    )
    ways = agreements(frames, controls, retarget)
    yield from _curve(ways[0])
    for way in ways:
        yield (
            f"by {way.way}: r {max(way.r):.2f} (by chance up to {way.chance:.2f}) "
            f"at {_ms(way.best_s)} ± {way.error_s * 1000:.0f} ms"
        )
    best = ways[0]
    if not best.clear:
        raise AlignmentError(
            f"{recording.name}: motion and audio do not agree clearly at any offset; use more "
            "speech without music or noise, and check that the motion belongs to this audio"
        )
    yield f"confidence: {_confidence(ways, speech)}"
    yield f"endpoint.motion_offset_ms={best.setting_ms}"


def _confidence(ways: list[Agreement], speech: float) -> str:
    settings = {way.setting_ms for way in ways}
    if len(settings) > 1:
        return f"low, the two ways differ ({', '.join(map(str, sorted(settings)))} ms)"
    if speech < _SHORT_S:
        return f"fair, on {speech:.1f} s of speech it may be one frame (40 ms) off"
    return "good" if len(ways) > 1 else "good, by the packaged mapping alone"


def _curve(way: Agreement) -> Iterator[str]:
    """A small chart of r over the offset: the peak is what people look for."""
    top = max(way.r)
    yield f"agreement by offset, {way.way}:"
    shown = list(zip(way.offsets_s, way.r, strict=True))[::_SHOWN_EVERY]
    for offset, r in shown:
        if abs(offset - way.setting_ms / 1000) <= _SHOWN_S:
            bar = "#" * round(_BARS * max(r, 0.0) / max(top, 1e-9))
            yield f"  {_ms(offset)} ms  {r:5.2f}  {bar}".rstrip()


def _ms(seconds: float) -> str:
    return f"{round(seconds * 1000):+5d}"
