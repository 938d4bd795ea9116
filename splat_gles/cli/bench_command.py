# SPDX-License-Identifier: Apache-2.0
"""`python -m splat_gles bench`: what a frame of an avatar costs on this machine."""

from __future__ import annotations

import argparse
import functools
import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from splat_gles.bench import Figures, measure
from splat_gles.cli.arguments import add_camera, named_clip, picture_size

_MOST_FRAMES = 100_000

_EPILOG = """examples:
  python -m splat_gles bench X.avatar
  python -m splat_gles bench X.avatar --clip speak --camera bust --size 1080x1920
  python -m splat_gles bench X.avatar --clip recording.json --frames 300 --json

Times are CPU time: of the whole process per frame, and of the rendering thread for its stages.
With a software driver (llvmpipe) the process's includes the drawing itself. `make bench`
measures several avatars and sizes.
"""


def add_parser(subparsers: Any) -> None:
    """Add the `bench` command to argparse's subparsers."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "bench",
        help="measure what a frame costs here",
        description="Draw frames of an avatar offscreen and measure what each costs here.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="avatar bundle (*.avatar)")
    parser.add_argument(
        "--clip",
        help="a clip of the bundle, or a JSON file of ARKit weights (a made-up talk)",
    )
    add_camera(parser)
    parser.add_argument(
        "--size", type=picture_size, default=(540, 960), metavar="WxH", help="pixels (540x960)"
    )
    parser.add_argument(
        "--frames", type=_frames, default=120, metavar="N", help="how many to draw (120)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object and nothing else")
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    figures = measure(
        options.bundle,
        view=options.camera,
        size=options.size,
        frames=options.frames,
        clip=functools.partial(named_clip, options.clip) if options.clip else None,
        begins=lambda step: print(f"  {step}", file=sys.stderr, flush=True),
    )
    print(json.dumps(asdict(figures)) if options.json else _for_people(figures))
    return 0


def _for_people(f: Figures) -> str:
    return "\n".join(
        (
            f"{f.avatar}: {f.splats:,} splats, {f.width}x{f.height}, camera {f.camera}, "
            f"{f.clip}, {f.frames} frames, {f.driver}",
            f"  CPU per frame      {f.cpu_ms_per_frame:8.2f} ms   all threads",
            f"    Python and numpy {f.python_ms_per_frame:8.2f} ms   "
            f"pose {f.pose_ms:.2f}, sort {f.sort_ms:.2f}",
            f"    upload           {f.upload_ms:8.2f} ms   {f.upload_bytes:,} bytes",
            f"    draw             {f.draw_ms:8.2f} ms   {f.gl_calls} GL calls, "
            f"{f.fragments / 1e6:.1f} M fragments",
            f"  frame by the clock {f.frame_ms_p50:8.2f} ms   p99 {f.frame_ms_p99:.2f}",
            f"  picture            {f.psnr_db:8.1f} dB   masked, against the float64 reference",
            f"  load to 1st frame  {f.load_cpu_s:8.2f} s    CPU, from the process's start",
            f"  memory             {f.rss_mb:8.0f} MB   resident",
        )
    )


def _frames(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= _MOST_FRAMES:
        raise argparse.ArgumentTypeError(f"{text!r}: write a number from 1 to {_MOST_FRAMES}")
    return int(text)
