#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a frame costs in CPU time here: the whole process, and the Python and numpy part of it.

    python scripts/bench_frame.py X.avatar [--size 540x960] [--camera lam] [--frames 120]

The avatar talks and turns its head; every frame is drawn and waited for, none is read back.
Measured in CPU time and not on the clock, because the clock also counts what others do:

* `cpu_ms_per_frame`: the process with all its threads; with Mesa's llvmpipe the "GPU" is in it.
* `python_ms_per_frame`: pose, order and parameters. The calls into OpenGL come on top with about
  0.4 µs each (`gl_calls`), but what the driver does inside them is not Python's.

`--most-cpu` and `--most-python` set limits, in milliseconds, above which it exits with status 1.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

# Before numpy: its threads would be measured, not the renderer
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from splat_gles import camera
from splat_gles.bundle import read_bundle
from splat_gles.errors import SplatError
from splat_gles.offscreen import offscreen_renderer
from splat_gles.rig import Rig, RigParameters

_WARM_UP = 5


def main() -> int:
    """Measure, print one JSON object, and hold the figures against the limits."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("avatar", type=Path, help="avatar bundle (*.avatar)")
    parser.add_argument("--size", default="540x960", help="WxH in pixels (540x960)")
    parser.add_argument("--camera", choices=("bust", "lam"), default="lam", help="(lam)")
    parser.add_argument("--frames", type=int, default=120, help="how many to draw (120)")
    parser.add_argument("--most-cpu", type=float, default=math.inf, metavar="MS")
    parser.add_argument("--most-python", type=float, default=math.inf, metavar="MS")
    options = parser.parse_args()
    try:
        result = _measure_avatar(options)
    except (SplatError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(result))
    too_slow = (
        result["cpu_ms_per_frame"] > options.most_cpu
        or result["python_ms_per_frame"] > options.most_python
    )
    return 1 if too_slow else 0


def _measure_avatar(options: argparse.Namespace) -> dict[str, object]:
    width, height = (int(side) for side in options.size.split("x"))
    avatar = read_bundle(options.avatar)
    rig = Rig(avatar)
    if options.camera == "lam":
        view = camera.lam((width, height))
    else:
        view = camera.bust(avatar.framing, (width, height))
    frames = [_talking(rig, number / 25) for number in range(max(1, options.frames))]
    with offscreen_renderer(avatar, (width, height)) as renderer:

        def draw(parameters: RigParameters) -> None:
            renderer.draw(rig.pose(parameters), view)
            renderer.wait()

        def prepare(parameters: RigParameters) -> None:
            renderer.prepare(rig.pose(parameters), view)

        return {
            "avatar": avatar.name,
            "splats": renderer.splats,
            "size": options.size,
            "camera": options.camera,
            "driver": renderer.gl_strings["renderer"],
            "cpu_ms_per_frame": round(_measure(draw, frames, time.process_time), 1),
            "python_ms_per_frame": round(_measure(prepare, frames, time.thread_time), 2),
            "upload_bytes": renderer.upload_bytes,
        }


def _talking(rig: Rig, seconds: float) -> RigParameters:
    """A face with 31 blendshapes at work, the median of LAM's recorded clip, and a moving head."""
    parameters = rig.neutral()
    count = len(parameters.weights)
    active = np.arange(0, count, 5 / 3).astype(int)[:31]
    waves = np.sin(2 * math.pi * (1 + active / count) * seconds + active)
    parameters.weights[active] = 0.25 + 0.25 * waves
    for joint, share in (("neck", 0.4), ("head", 0.6)):
        if joint in rig.joint_index:
            # 15 degrees to either side, 0.4 times a second
            turn = math.radians(15) * share * math.sin(2 * math.pi * 0.4 * seconds)
            parameters.rotations[rig.joint_index[joint]] = [0.0, turn, 0.0]
    return parameters


def _measure(
    work: Callable[[RigParameters], None],
    frames: list[RigParameters],
    clock: Callable[[], float],
) -> float:
    """Milliseconds of `clock` for each frame."""
    for parameters in frames[:_WARM_UP]:
        work(parameters)
    started = clock()
    for parameters in frames:
        work(parameters)
    return (clock() - started) / len(frames) * 1e3


if __name__ == "__main__":
    sys.exit(main())
