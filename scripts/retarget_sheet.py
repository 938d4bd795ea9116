#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draw a contact sheet of an avatar's mouth while a recording, or a text, is spoken.

Each cell shows the lower face at one instant, with the six mouth controls that the retarget
file reads from the motion as bars, and beside each the control that the audio asks for where
a controls file is given. The strip below shows the loudness, the opening, and the instants.
It is what eyes judge a retarget file by: the mouth has to be shut where the bars of p, b, m or
silence say so, and round or wide where the others do.

  python scripts/retarget_sheet.py X.avatar RECORDING.json -o sheet.png --offset 0.12
  python scripts/retarget_sheet.py X.avatar --text "My baby put five maps." -o sheet.png
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pygame
from numpy.typing import NDArray

from avatar_maker.review.shots import mouth_middle
from driving_client.errors import DrivingError
from driving_client.fitting.fit_command import read_controls
from driving_client.lipsync.coarticulation import mouth_controls
from driving_client.lipsync.flame_performance import perform
from driving_client.motion import ARKIT_NAMES, FRAME_RATE, MotionTrack, ParameterSpace
from driving_client.retarget import CONTROL_NAMES, Retarget, load_retarget
from driving_client.utterance import Samples
from driving_client.voices.espeak import synthesise
from driving_client.wire.recording import read_recording
from splat_gles.bundle import read_bundle
from splat_gles.camera import bust
from splat_gles.errors import SplatError
from splat_gles.offscreen import offscreen_renderer
from splat_gles.rig import Rig

COLUMNS = 8
CELL = 190
BARS = 46
STRIP = 120
COLORS = ((200, 60, 50), (60, 140, 60), (60, 90, 200), (30, 30, 30), (180, 120, 20), (140, 60, 160))
Pixels = NDArray[np.uint8]


def main() -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("avatar", type=Path, help="avatar bundle with ARKit blendshapes")
    parser.add_argument("recording", type=Path, nargs="?", help="recording of the wire")
    parser.add_argument("--text", help="speak this text instead of a recording")
    parser.add_argument("--controls", type=Path, help="controls file to compare with")
    parser.add_argument("--offset", type=float, default=0.0, help="seconds to show motion later")
    parser.add_argument("--start", type=float, default=0.4, help="first instant in s (0.4)")
    parser.add_argument("--step", type=float, default=0.08, help="seconds between instants (0.08)")
    parser.add_argument("--count", type=int, default=24, help="instants (24)")
    parser.add_argument("--zoom", type=float, default=0.1, help="width of a cell in metres (0.1)")
    parser.add_argument("--retarget", type=Path, help="another retarget file")
    parser.add_argument("-o", "--output", type=Path, required=True, help="PNG or JPEG to write")
    options = parser.parse_args()
    if (options.recording is None) == (options.text is None):
        parser.error("give either a recording or --text")
    try:
        sheet(options)
    except (DrivingError, SplatError, OSError, pygame.error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(options.output)
    return 0


def sheet(options: argparse.Namespace) -> None:
    """Gather the motion, draw cells and strip, write the picture."""
    retarget = load_retarget(options.retarget)
    if options.text is not None:
        speech = synthesise(options.text)
        frames = perform(speech, retarget)
        samples, rate = speech.samples, speech.sample_rate
        wanted: NDArray[np.float32] | None = mouth_controls(speech.phonemes, len(frames))
    else:
        recording = read_recording(options.recording)
        frames = recording.utterance().motion_frames()
        samples, rate = recording.audio, recording.sample_rate
        wanted = read_controls(options.controls) if options.controls else None
    track = MotionTrack(ParameterSpace.FLAME)
    track.append(frames)
    # As the player does; it has at least the 50 frames of a first message
    retarget = retarget.for_stream(frames[:50])
    instants = options.start + options.step * np.arange(options.count)
    shown = [motion(track, t - options.offset) for t in instants]
    controls = np.stack([retarget.controls(values) for values in shown])
    targets = None if wanted is None else np.stack([at(wanted, t) for t in instants])
    cells = draw_cells(options, retarget, shown)
    pygame.font.init()
    rows = -(-options.count // COLUMNS)
    canvas = pygame.Surface((COLUMNS * CELL, rows * (CELL + BARS) + STRIP))
    canvas.fill((255, 255, 255))
    font = pygame.font.Font(None, 18)
    for index, (pixels, t) in enumerate(zip(cells, instants, strict=True)):
        left, top = index % COLUMNS * CELL, index // COLUMNS * (CELL + BARS)
        canvas.blit(pygame.surfarray.make_surface(pixels.swapaxes(0, 1)), (left, top))
        canvas.blit(
            font.render(f"{t:.2f} s", True, (40, 40, 40), (255, 255, 255)), (left + 4, top + 3)
        )
        draw_bars(canvas, left, top + CELL, controls[index], targets, index)
    opening = np.array(
        [retarget.controls(motion(track, i / 25 - options.offset))[0] for i in range(len(frames))]
    )
    loudness = levels_of(samples, rate, len(frames))
    draw_strip(canvas, rows * (CELL + BARS), loudness, opening, instants)
    legend = "   ".join(CONTROL_NAMES)
    canvas.blit(
        font.render(legend + "   (left: shown, right: asked for)", True, (60, 60, 60)),
        (6, rows * (CELL + BARS) + 2),
    )
    pygame.image.save(canvas, options.output)


def levels_of(samples: Samples, sample_rate: int, frames: int) -> NDArray[np.float32]:
    """Loudness per frame, shape (frames,), 0 to 1, relative to the loudest of them."""
    edges = np.round(np.arange(frames + 1) * sample_rate / FRAME_RATE).astype(int)
    squares = np.concatenate([[0.0], np.cumsum((samples.astype(np.float64) / 32768.0) ** 2)])
    edges = np.minimum(edges, len(samples))
    width = np.maximum(np.diff(edges), 1)
    rms = np.sqrt((squares[edges[1:]] - squares[edges[:-1]]) / width)
    return np.asarray(rms / max(float(rms.max(initial=0.0)), 1e-3), np.float32)


def motion(track: MotionTrack, seconds: float) -> NDArray[np.float32]:
    """One interpolated FLAME frame."""
    sample = track.sample(seconds)
    assert sample is not None
    return sample.values


def at(values: NDArray[np.float32], seconds: float) -> NDArray[np.float32]:
    """The row of 25 a second that is nearest to this instant."""
    return np.asarray(values[min(max(round(seconds * 25), 0), len(values) - 1)])


def draw_cells(
    options: argparse.Namespace, retarget: Retarget, shown: list[NDArray[np.float32]]
) -> list[Pixels]:
    """The lower face for each frame; the head is kept still so that mouths compare."""
    avatar = read_bundle(options.avatar)
    rig = Rig(avatar)
    x, y, z = mouth_middle(avatar).tolist()
    framing = replace(avatar.framing, target=(x, y, z), width=options.zoom)
    camera = bust(framing, (CELL, CELL))
    # A rig may have shapes of its own, which no motion moves
    known = [name for name in ARKIT_NAMES if name in rig.blendshape_index]
    sources = [ARKIT_NAMES.index(name) for name in known]
    targets = [rig.blendshape_index[name] for name in known]
    cells = []
    with offscreen_renderer(avatar, (CELL, CELL)) as renderer:
        for values in shown:
            parameters = rig.neutral()
            parameters.weights[targets] = retarget.arkit(values)[sources]
            renderer.draw(rig.pose(parameters), camera)
            cells.append(renderer.read_pixels().copy())
    return cells


def draw_bars(
    canvas: pygame.Surface,
    left: int,
    top: int,
    controls: NDArray[np.float32],
    targets: NDArray[np.float32] | None,
    index: int,
) -> None:
    """Six bars, each with its target beside it."""
    width = CELL // len(CONTROL_NAMES)
    for i, color in enumerate(COLORS):
        x, base, full = left + i * width + 4, top + BARS - 4, BARS - 8
        height = round(full * float(controls[i]))
        canvas.fill(color, (x, base - height, 11, height))
        if targets is not None:
            asked = round(full * float(targets[index, i]))
            pygame.draw.rect(canvas, color, (x + 13, base - asked, 8, max(asked, 1)), 1)
    pygame.draw.line(canvas, (160, 160, 160), (left, top + BARS - 3), (left + CELL, top + BARS - 3))


def draw_strip(
    canvas: pygame.Surface,
    top: int,
    loudness: NDArray[np.float32],
    opening: NDArray[np.float64],
    instants: NDArray[np.float64],
) -> None:
    """Loudness filled grey, opening as a line, the instants as ticks, over the shown part."""
    first, last = instants[0] - 0.2, instants[-1] + 0.2
    scale = canvas.get_width() / (last - first)
    base, full = top + STRIP - 6, STRIP - 30

    def x_of(seconds: float) -> int:
        return round(float((seconds - first) * scale))

    step = x_of(first + 0.04) + 1
    for i, level in enumerate(loudness):
        canvas.fill(
            (205, 205, 205),
            (x_of(i / 25), base - round(full * float(level)), step, round(full * float(level))),
        )
    points = [(x_of(i / 25), base - round(full * float(v))) for i, v in enumerate(opening)]
    pygame.draw.lines(canvas, COLORS[0], False, points, 2)
    for t in instants:
        pygame.draw.line(canvas, (90, 90, 90), (x_of(t), base), (x_of(t), base + 5))


if __name__ == "__main__":
    sys.exit(main())
