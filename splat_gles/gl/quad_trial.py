# SPDX-License-Identifier: Apache-2.0
"""Which way of drawing quads (gl/quad_pass.py) this driver draws as it should: it is tried.

Two splats are drawn into 32x16 pixels and compared with what they must look like. The first and
the last of as many instances as the avatar has, all between them empty: a driver that computes
16-bit fragments wrongly spoils both, one that stops after so many instances loses the last.
Then the next way is tried: 32-bit fragments, another exp2, instances in batches. With
its shaders compiled it takes 7 to 10 ms of a start (llvmpipe, 20,000 splats).

A driver that draws no way right draws with the plainest that it compiles: its picture may be good
enough, and where it is none, whoever watches the screen sees that.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from splat_gles.errors import RenderError
from splat_gles.gl.api import gl
from splat_gles.gl.projection_pass import QUAD_BYTES
from splat_gles.gl.quad_pass import QuadPass, QuadWay
from splat_gles.gl.target import OffscreenTarget, Region

logger = logging.getLogger(__name__)

BATCHES: Final = (16384, 4096, 1024)
"""Instances of a call, where a driver stops before the last of them all."""
_SIZE: Final = (32, 16)
_STRENGTH: Final = 7.0
_AXES: Final = (0.4, 0.0, 0.8)
"""In clip space: a circle of 12.8 pixels across in one half of the picture."""
_REGION: Final = Region(_SIZE, (0, 0, *_SIZE), (-1, -1, 1, 1), (1, 1, *_SIZE))
_TOLERANCE: Final = 4
"""Of 255. 16-bit fragments that are right are within 1, and so is rounding; what is seen as wrong
is far beyond."""


def choose_pass(buffer: int, splats: int, wanted: QuadWay) -> QuadPass:
    """A pass over `buffer` that was seen to draw right, in the wanted way or the next that does.

    The buffer's content is the trial's afterwards. Blending must be set as for drawing. Raises
    RenderError where the driver refuses the shaders of every way.
    """
    if splats < 2:
        return QuadPass(buffer, splats, wanted)
    try:
        target = OffscreenTarget(_SIZE, int(gl.GL_RGBA8))
    except RenderError as error:
        logger.warning("quads are not tried: %s", error, extra={"code": "quads_not_tried"})
        return QuadPass(buffer, splats, wanted)
    try:
        _fill(buffer, splats)
        return _first_right(buffer, splats, _ways(wanted), target)
    finally:
        target.delete()


def _ways(wanted: QuadWay) -> list[QuadWay]:
    exact = replace(wanted, precision="highp")
    return list(dict.fromkeys((wanted, exact, replace(exact, cubic_exp2=True))))


def _first_right(
    buffer: int, splats: int, ways: list[QuadWay], target: OffscreenTarget
) -> QuadPass:
    refusals: list[str] = []
    tried: list[QuadWay] = []
    while ways:
        way = ways.pop(0)
        try:
            quads = QuadPass(buffer, splats, way)
        except RenderError as error:
            refusals.append(str(error))
            continue
        first, last = _draws_right(quads, target)
        if first and last:
            if refusals or tried:
                told = dict.fromkeys([*refusals, *(f"{each}, is drawn wrongly" for each in tried)])
                logger.warning(
                    "quads are drawn in %s: %s", way, "; ".join(told), extra={"code": "quads_drawn"}
                )
            return quads
        quads.delete()
        tried.append(way)
        if first and not way.batch:
            # It is the number of instances, whatever the fragments' precision
            ways = [replace(way, batch=batch) for batch in BATCHES if batch < splats]
    if not tried:
        raise RenderError("; ".join(refusals))
    plainest = tried[-1]
    logger.warning(
        "no way of drawing quads gives the pixels that it should; drawing in %s. Update the GPU "
        "driver where the picture is wrong",
        plainest,
        extra={"code": "quads_wrong"},
    )
    return QuadPass(buffer, splats, plainest)


def _fill(buffer: int, splats: int) -> None:
    quads = np.zeros(splats, [("centre", "<f4", 2), ("axes", "<f2", 4), ("color", np.uint8, 4)])
    quads["centre"] = 2.0
    quads["color"] = 255, 128, 64, 255
    for place, (x, axes) in {0: (-0.5, _AXES), splats - 1: (0.5, _AXES)}.items():
        quads["centre"][place] = x, 0.0
        quads["axes"][place] = *axes, _STRENGTH
    assert quads.itemsize == QUAD_BYTES
    gl.glBindBuffer(gl.GL_ARRAY_BUFFER, buffer)
    gl.glBufferSubData(gl.GL_ARRAY_BUFFER, 0, quads.nbytes, quads.ctypes.data)


def _draws_right(quads: QuadPass, target: OffscreenTarget) -> tuple[bool, bool]:
    """Whether the first splat looks as it should, and whether the last does."""
    width, height = _SIZE
    drawn = np.zeros((height, width, 4), np.uint8)
    gl.glClearColor(0.0, 0.0, 0.0, 1.0)
    target.begin(_REGION)
    quads.draw()
    gl.glPixelStorei(gl.GL_PACK_ALIGNMENT, 4)
    gl.glReadPixels(0, 0, width, height, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, drawn.ctypes.data)
    target.end(_SIZE)
    # A refused call shows in the pixels
    gl.glGetError()
    half = width // 2
    left, right = (
        bool((np.abs(each[:, :, :3] - _expected()) <= _TOLERANCE).all())
        for each in (drawn[:, :half].astype(np.float64), drawn[:, half:].astype(np.float64))
    )
    return left, right


def _expected() -> NDArray[np.float64]:
    """One splat of the two, (16,16,3), 0 to 255: what splat.frag says, over black."""
    middles = (np.arange(_SIZE[1]) + 0.5) / _SIZE[1] * 2 - 1
    x, y = middles[None, :] / (2 * _AXES[0]), middles[:, None] / _AXES[2]
    squared = x * x + y * y
    alpha = np.where(squared > 1, 0.0, np.minimum(0.99, 2.0 ** (-_STRENGTH * squared)))
    return np.asarray(alpha[:, :, None] * np.array([255.0, 128.0, 64.0]))
