# SPDX-License-Identifier: Apache-2.0
"""What a frame costs on the machine that it is measured on, stage by stage.

Frames are drawn one after the other and waited for; none is shown or read back. Costs are
CPU time and not the clock's, because the clock also counts what other programs do: the whole
process with all its threads (with Mesa's software driver the "GPU" is in it), and of the
rendering thread alone for the stages in Python and numpy. The clock's frame times come along
for machines with a GPU.

Stages are timed by wrapping the functions they consist of, in passes of their own, so that
the renderer knows nothing of being measured.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from splat_gles import camera
from splat_gles.avatar import Avatar, Clip
from splat_gles.bundle import read_bundle
from splat_gles.camera import Camera, Size
from splat_gles.fragments import count_fragments, project_avatar
from splat_gles.gl.api import gl
from splat_gles.gl.buffers import BufferRing
from splat_gles.offscreen import offscreen_renderer
from splat_gles.reference import masked_psnr, rasterise
from splat_gles.renderer import Renderer
from splat_gles.rig import Pose, Rig, RigParameters
from splat_gles.scene import pose_scene
from splat_gles.sorting import DepthSorter

_WARM_UP = 5
_COUNTED = 12
"""Frames whose calls into OpenGL are counted, and whose fragments are."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One measurement.

    `cpu_ms_per_frame` is the process's CPU time, a mean over the frames; it is made of
    `python_ms_per_frame` (pose, sort and parameters), `upload_ms` and `draw_ms` (all the rest:
    the driver, and with a software driver its drawing). `pose_ms` and `sort_ms` are parts of
    Python's; these stages are medians over the frames. `frame_ms_*` are by the clock, from the
    start of a frame until the GPU is done with it. `fragments` are computed, not counted.
    `psnr_db` is one frame's, over the avatar's pixels, against the float64 reference.
    `load_cpu_s` is the process's CPU time from its start until the first frame was finished,
    `rss_mb` its resident memory after the last one.
    """

    avatar: str
    splats: int
    width: int
    height: int
    camera: str
    clip: str
    frames: int
    driver: str
    cpu_ms_per_frame: float
    python_ms_per_frame: float
    pose_ms: float
    sort_ms: float
    upload_ms: float
    draw_ms: float
    frame_ms_p50: float
    frame_ms_p99: float
    fragments: int
    upload_bytes: int
    gl_calls: int
    psnr_db: float
    load_cpu_s: float
    rss_mb: float


def measure(
    bundle: Path,
    *,
    view: str,
    size: Size,
    frames: int,
    clip: Callable[[Avatar], Clip] | None,
    begins: Callable[[str], None] = lambda _step: None,
) -> Figures:
    """Measure one avatar. `view` is "bust" or "lam"; without `clip` a made-up talk is drawn.

    `begins` is told each step before it is taken: with a software driver one may take a minute.
    Call it in a fresh process: the load time counts from the process's start.
    """
    avatar = read_bundle(bundle)
    rig = Rig(avatar)
    eye = camera.bust(avatar.framing, size) if view == "bust" else camera.lam(size)
    with offscreen_renderer(avatar, size) as renderer:
        renderer.draw(rig.pose(rig.neutral()), eye)
        renderer.wait()
        load_cpu_s = time.process_time()
        recorded = clip(avatar) if clip else None
        moves = [_frame(rig, recorded, number) for number in range(frames)]
        begins(f"drawing {frames} frames")
        cpu_ms, walls = _whole_frames(renderer, rig, eye, moves)
        begins("drawing them again, stage by stage")
        stages = _stages(renderer, rig, eye, moves)
        gl_calls = _gl_calls(renderer, rig, eye, moves)
        # Before the arrays of fragments and reference, which no renderer has
        rss_mb = _resident_bytes() / 1e6
        begins("counting fragments")
        chosen = [rig.pose(move) for move in moves[:: max(1, len(moves) // _COUNTED)]]
        fragments = [count_fragments(project_avatar(avatar, pose, eye), eye) for pose in chosen]
        begins("comparing a frame with the float64 reference")
        psnr_db = _psnr(renderer, avatar, chosen[len(chosen) // 2], eye)
        python_ms = stages["pose"] + stages["prepare"]
        return Figures(
            avatar=avatar.name,
            splats=avatar.splats,
            width=size[0],
            height=size[1],
            camera=view,
            clip=recorded.name if recorded else "made-up talk",
            frames=frames,
            driver=renderer.gl_strings["renderer"],
            cpu_ms_per_frame=round(cpu_ms, 2),
            python_ms_per_frame=round(python_ms, 3),
            pose_ms=round(stages["pose"], 3),
            sort_ms=round(stages["sort"], 3),
            upload_ms=round(stages["upload"], 3),
            draw_ms=round(max(0.0, cpu_ms - python_ms - stages["upload"]), 2),
            frame_ms_p50=round(float(np.percentile(walls, 50)), 2),
            frame_ms_p99=round(float(np.percentile(walls, 99)), 2),
            fragments=round(float(np.mean(fragments))),
            upload_bytes=renderer.upload_bytes,
            gl_calls=gl_calls,
            psnr_db=round(psnr_db, 1),
            load_cpu_s=round(load_cpu_s, 3),
            rss_mb=round(rss_mb, 1),
        )


def _whole_frames(
    renderer: Renderer, rig: Rig, eye: Camera, moves: list[RigParameters]
) -> tuple[float, list[float]]:
    """Milliseconds of CPU for a frame, and every frame's time by the clock."""
    for move in moves[:_WARM_UP]:
        _draw(renderer, rig, eye, move)
    walls = []
    cpu = time.process_time()
    for move in moves:
        started = time.perf_counter()
        _draw(renderer, rig, eye, move)
        walls.append((time.perf_counter() - started) * 1e3)
    return (time.process_time() - cpu) / len(moves) * 1e3, walls


def _stages(
    renderer: Renderer, rig: Rig, eye: Camera, moves: list[RigParameters]
) -> dict[str, float]:
    """Median milliseconds of this thread's CPU time in each stage of a frame."""
    spent: dict[str, list[float]] = {}
    with (
        timed(Rig, "pose", spent, "pose"),
        timed(Renderer, "prepare", spent, "prepare"),
        timed(DepthSorter, "order", spent, "sort"),
        timed(BufferRing, "write", spent, "upload"),
    ):
        for move in moves:
            _draw(renderer, rig, eye, move)
    return {stage: float(np.median(seconds)) * 1e3 for stage, seconds in spent.items()}


def _gl_calls(renderer: Renderer, rig: Rig, eye: Camera, moves: list[RigParameters]) -> int:
    """The most calls into OpenGL that any of some frames made, its wait not counted."""
    calls = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            nonlocal calls
            calls += 1
            return function(*arguments)

        return call

    functions = {name: value for name, value in vars(gl).items() if name.startswith("gl")}
    most = 0
    try:
        for name, function in functions.items():
            setattr(gl, name, counted(function))
        for move in moves[:_COUNTED]:
            pose = rig.pose(move)
            calls = 0
            renderer.draw(pose, eye)
            most = max(most, calls)
            renderer.wait()
    finally:
        for name, function in functions.items():
            setattr(gl, name, function)
    return most


def _draw(renderer: Renderer, rig: Rig, eye: Camera, move: RigParameters) -> None:
    renderer.draw(rig.pose(move), eye)
    renderer.wait()


def _psnr(renderer: Renderer, avatar: Avatar, pose: Pose, eye: Camera) -> float:
    renderer.draw(pose, eye)
    scene = pose_scene(avatar, pose, eye, renderer.background)
    return masked_psnr(renderer.read_pixels(), rasterise(scene))


@contextmanager
def timed(owner: type, method: str, spent: dict[str, list[float]], stage: str) -> Iterator[None]:
    """While it is entered, note in `spent` the thread's CPU seconds of every call of a method."""
    original = getattr(owner, method)
    seconds = spent[stage] = []

    @functools.wraps(original)
    def measured(*arguments: Any) -> Any:
        started = time.thread_time()
        try:
            return original(*arguments)
        finally:
            seconds.append(time.thread_time() - started)

    setattr(owner, method, measured)
    try:
        yield
    finally:
        setattr(owner, method, original)


def _frame(rig: Rig, clip: Clip | None, number: int) -> RigParameters:
    if clip is None:
        return talking(rig, number / 25)
    place = number % clip.frames
    return RigParameters(clip.weights[place], clip.rotations[place])


def talking(rig: Rig, seconds: float) -> RigParameters:
    """A face with 31 blendshapes at work, the median of LAM's recorded clip, and a moving head."""
    parameters = rig.neutral()
    count = len(parameters.weights)
    active = np.arange(0, count, 5 / 3).astype(int)[:31]
    waves = np.sin(2 * math.pi * (1 + active / max(1, count)) * seconds + active)
    parameters.weights[active] = 0.25 + 0.25 * waves
    for joint, share in (("neck", 0.4), ("head", 0.6)):
        if joint in rig.joint_index:
            # 15 degrees to either side, 0.4 times a second
            turn = math.radians(15) * share * math.sin(2 * math.pi * 0.4 * seconds)
            parameters.rotations[rig.joint_index[joint]] = [0.0, turn, 0.0]
    return parameters


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * 4096
