# SPDX-License-Identifier: Apache-2.0
"""Measures on the GPU at hand what the cost model otherwise assumes: fill and vertex rates.

The real renderer draws three made-up sets of splats: hardly anything, a few large quads, many
tiny ones. Frames follow each other without waiting, as on a screen, and the clock is read once
they are done; several rounds tell how steady the rates are. Other programs on the same GPU, or
on the same cores where a software driver draws, spoil it: stop the kiosk first. With Mesa's
llvmpipe an estimate from such rates came within 20 % of the frame times that `bench` measured
in the same minute in two of three pairs; in the third, on a busy machine, it was off by half.
"""

from __future__ import annotations

import math
import time
from typing import Final

import numpy as np

from splat_gles import camera
from splat_gles.avatar import Avatar, Framing, Joint
from splat_gles.camera import Size
from splat_gles.display import open_display
from splat_gles.estimate import Rates
from splat_gles.fragments import count_fragments, project_avatar
from splat_gles.gl.api import gl
from splat_gles.offscreen import offscreen_renderer
from splat_gles.renderer import Renderer
from splat_gles.rig import Rig

_ROUNDS: Final = 5
ROUND_S: Final = 0.15
_MOST_FRAMES: Final = 200

_LARGE_QUADS: Final = 300
_LARGE_SIDE: Final = 256.0
"""Pixels; helper pixels at the edges of such quads are 2 % of them."""
_TINY_QUADS: Final = 50_000
# A talking face has some 31 blendshapes at work, which touch about half of its splats
_TARGETS: Final = 16
_WIDTH: Final = 0.4
# An opaque splat ends where it has fallen to 1/255
_EXTENT: Final = math.sqrt(2 * math.log(255))


def calibrate(size: Size) -> tuple[Rates, Rates, Rates]:
    """Measure at `size`: the slowest, the middle and the fastest of some rounds.

    Takes some seconds. Raises DisplayError where there is no OpenGL ES.
    """
    with open_display("offscreen", size):
        return measure_rates(size)


def measure_rates(size: Size, round_s: float = ROUND_S) -> tuple[Rates, Rates, Rates]:
    """As `calibrate`, in the context that is current: that of a display of `size` pixels.

    Each of five rounds of three pictures takes about `round_s` seconds, or two frames where those
    take longer. Raises RenderError.
    """
    nothing = _frame_seconds(_splats(1, 1.0, size), size, round_s)
    tiny_set, large_set = _splats(_TINY_QUADS, 1.0, size), large_quads(size)
    tiny = _frame_seconds(tiny_set, size, round_s)
    large = _frame_seconds(large_set, size, round_s)
    painted = _fragments(large_set, size) * (1.0 + 4.0 / _LARGE_SIDE)
    found = []
    # Rounds are sorted, slowest first; what is taken off them is the middle round's
    fixed = nothing[_ROUNDS // 2]
    for tiny_s, large_s in zip(tiny, large, strict=True):
        found.append(
            Rates(
                fill=painted / max(1e-9, large_s - fixed),
                splats=_TINY_QUADS / max(1e-9, tiny_s - fixed),
                fixed_s=fixed,
            )
        )
    return found[0], found[_ROUNDS // 2], found[-1]


def driver(size: Size) -> str:
    """What draws on this device, in its driver's words: it may be a software rasteriser."""
    with open_display("offscreen", size):
        return gl.string(gl.GL_RENDERER)


def measure_cpu(avatar: Avatar, size: Size, frames: int = 50) -> float:
    """Seconds that pose, sort and parameters of an avatar take here for a frame."""
    rig = Rig(avatar)
    eye = camera.bust(avatar.framing, size)
    parameters = rig.neutral()
    parameters.weights[:31] = 0.3
    with offscreen_renderer(avatar, size) as renderer:
        renderer.prepare(rig.pose(parameters), eye)
        started = time.thread_time()
        for _ in range(frames):
            renderer.prepare(rig.pose(parameters), eye)
        return (time.thread_time() - started) / frames


def large_quads(size: Size) -> Avatar:
    """A few quads that cover much of a picture: what they cost is filling."""
    return _splats(_LARGE_QUADS, _LARGE_SIDE, size)


def _splats(count: int, side: float, size: Size) -> Avatar:
    """Splats all over the picture whose quads are about `side` pixels wide."""
    random = np.random.default_rng(0)
    metres = _WIDTH / min(size)
    deviation = side * metres / (2 * _EXTENT)
    spread = (np.array(size) * metres / 2 - side * metres / 2).clip(0.0)
    positions = np.zeros((count, 3))
    positions[:, :2] = random.uniform(-spread, spread, (count, 2))
    variance = deviation**2
    return Avatar(
        name="calibration",
        licence="Apache-2.0",
        parameter_space="arkit",
        framing=Framing((0.0, 0.0, 0.0), _WIDTH),
        positions=positions.astype(np.float32),
        covariances=np.tile(
            np.array([variance, 0, 0, variance, 0, variance], np.float32), (count, 1)
        ),
        colors=np.full((count, 4), 1.0, np.float32),
        blendshapes=tuple(f"shape{n}" for n in range(_TARGETS)),
        deltas=np.full((_TARGETS, count, 3), 1e-6, np.float32),
        joints=(Joint("root", -1, (0.0, 0.0, 0.0)),),
        skin_joints=np.zeros((count, 4), np.uint8),
        skin_weights=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        clips={},
    )


def _fragments(avatar: Avatar, size: Size) -> float:
    rig = Rig(avatar)
    eye = camera.bust(avatar.framing, size)
    return count_fragments(project_avatar(avatar, rig.pose(rig.neutral()), eye), eye)


def _frame_seconds(avatar: Avatar, size: Size, round_s: float) -> list[float]:
    """Seconds of a frame in each round, slowest round first."""
    rig = Rig(avatar)
    eye = camera.bust(avatar.framing, size)
    parameters = rig.neutral()
    parameters.weights[:] = 0.5
    pose = rig.pose(parameters)
    with Renderer(avatar, size) as renderer:

        def draw(frames: int) -> float:
            started = time.perf_counter()
            for _ in range(frames):
                renderer.draw(pose, eye)
            renderer.wait(60.0)
            return (time.perf_counter() - started) / frames

        draw(2)
        frames = min(_MOST_FRAMES, max(2, math.ceil(round_s / draw(2))))
        return sorted((draw(frames) for _ in range(_ROUNDS)), reverse=True)
