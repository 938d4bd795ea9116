# SPDX-License-Identifier: Apache-2.0
"""A frame of a real avatar stays affordable: in CPU time, of a core that nothing slows down."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from machine_speed import times_slower, times_slower_now, work_s
from made_up.plugin import LAM_NAMES

from splat_gles import camera
from splat_gles.bundle import read_bundle
from splat_gles.offscreen import offscreen_renderer
from splat_gles.rig import Rig

SIZE = (90, 160)


def bench(bundle: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "splat_gles", "bench", str(bundle), *options, "--json"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


@pytest.mark.slow("bakes an avatar, and measures three times")
@pytest.mark.parametrize("name", LAM_NAMES)
def test_a_frame_of_a_lam_avatar_stays_within_its_cost(baked_bundle, name) -> None:
    """Limits are loose; measured of a real one were 39 ms, 0.7 ms, 0.3 s and 162 MB."""
    bundle = baked_bundle(name)
    limits = {"cpu_ms_per_frame": 60.0, "python_ms_per_frame": 2.0, "load_cpu_s": 0.5}
    costs = dict.fromkeys(limits, math.inf)
    for _ in range(3):
        slower = times_slower_now()
        figures = bench(bundle, "--camera", "lam", "--frames", "40")
        slower = max(slower, times_slower_now())
        costs = {name: min(cost, figures[name] / slower) for name, cost in costs.items()}
        print(f"{slower:.2f} times slower: {costs}")
        if all(costs[name] < limit for name, limit in limits.items()):
            break
    assert all(costs[name] < limit for name, limit in limits.items()), costs
    assert figures["rss_mb"] < 200
    assert figures["gl_calls"] <= 30
    assert figures["upload_bytes"] <= 4 * figures["splats"] + 4096
    assert figures["fragments"] < 5e6


@pytest.mark.parametrize(("copies", "most_ms"), [(1, 2.0), (5, 5.0)], ids=["20k", "100k"])
def test_python_and_numpy_take_little_of_a_frame(root, copies, most_ms) -> None:
    """A talking face on a turning head; it goes with the splats, not with the pixels."""
    one = read_bundle(root / "config" / "avatars" / "default-20k.avatar")
    avatar = replace(
        one,
        positions=np.repeat(one.positions, copies, axis=0),
        covariances=np.repeat(one.covariances, copies, axis=0),
        colors=np.repeat(one.colors, copies, axis=0),
        deltas=np.repeat(one.deltas, copies, axis=1),
        skin_joints=np.repeat(one.skin_joints, copies, axis=0),
        skin_weights=np.repeat(one.skin_weights, copies, axis=0),
    )
    rig = Rig(avatar)
    view = camera.bust(avatar.framing, SIZE)
    parameters = rig.neutral()
    parameters.weights[:31] = 0.3
    seconds, beside = [], []
    with offscreen_renderer(avatar, SIZE) as renderer:
        for frame in range(30):
            angle = math.radians(15) * math.sin(2 * math.pi * 0.4 * frame / 25)
            parameters.rotations[rig.joint_index["head"]] = [0.0, angle, 0.0]
            started = time.thread_time()
            renderer.prepare(rig.pose(parameters), view)
            seconds.append(time.thread_time() - started)
            # As between two frames of a kiosk: the driver takes the caches for itself
            renderer.draw(rig.pose(parameters), view)
            renderer.wait()
            beside.append(work_s())
    milliseconds, slower = float(np.median(seconds)) * 1e3, times_slower(beside)
    print(f"{avatar.splats} splats: {milliseconds:.2f} ms, {slower:.2f} times slower")
    assert milliseconds < most_ms * slower
