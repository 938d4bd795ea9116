# SPDX-License-Identifier: Apache-2.0
"""FLAME keyframes of the wire to rows of numbers and back.

A frame that is damaged (NaN, infinity, a pose vector of the wrong length) or implausible is
dropped and counted, and its place in time is kept by showing its neighbour again: frames
carry no time, so without that every later frame would move ahead of its voice. Real streams
stay far inside the ranges: expression within -2.9 to 2.4, angles within 0.5 rad.
"""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from driving_client.motion import FLAME_SLICES, FloatArray, ParameterSpace
from driving_client.wire import driveningress_pb2 as pb

logger = logging.getLogger(__name__)

_SIZE: Final = ParameterSpace.FLAME.size
_EXPRESSION: Final = FLAME_SLICES["expression"]
_POSES: Final = tuple((name, part) for name, part in FLAME_SLICES.items() if name != "expression")
_MAGNITUDES: Final = {"translation": 10.0, "eye_lid": 8.0, "expression": 8.0}
"""Largest plausible magnitude; every other field is an angle of at most pi."""


def _limits() -> FloatArray:
    limits = np.empty(_SIZE, np.float32)
    for name, part in FLAME_SLICES.items():
        limits[part] = _MAGNITUDES.get(name, np.nextafter(np.float32(math.pi), np.float32(4)))
    return limits


_LIMITS: Final = _limits()


def read_keyframes(keyframes: Sequence[pb.Flame]) -> tuple[FloatArray, int]:
    """Frames, shape (n, 120) in the order of FLAME_SLICES, and how many were dropped.

    Places of dropped frames are filled; if no frame is usable the shape is (0, 120).
    """
    frames = np.full((len(keyframes), _SIZE), np.nan, np.float32)
    for row, keyframe in zip(frames, keyframes, strict=True):
        _fill_row(row, keyframe)
    usable: NDArray[np.bool_] = np.all(np.abs(frames) <= _LIMITS, axis=1)
    dropped = len(frames) - int(usable.sum())
    return (_hold_neighbours(frames, usable) if dropped else frames), dropped


def write_keyframes(frames: FloatArray, animation: pb.FlameAnimation) -> None:
    """Add frames, shape (n, 120), as keyframes."""
    for row in frames:
        keyframe = animation.keyframes.add()
        for name, part in FLAME_SLICES.items():
            getattr(keyframe, name).extend(row[part].tolist())


def _fill_row(row: FloatArray, keyframe: pb.Flame) -> None:
    """One keyframe into its row, which stays NaN (to be dropped) if a pose has a wrong length."""
    for name, part in _POSES:
        values = getattr(keyframe, name)
        if not values:
            row[part] = 0.0
        elif len(values) == part.stop - part.start:
            row[part] = values
    expression = keyframe.expression
    width = _EXPRESSION.stop - _EXPRESSION.start
    if len(expression) > width:
        _warn_long_expression(len(expression))
    taken = min(len(expression), width)
    row[_EXPRESSION] = 0.0
    row[_EXPRESSION.start : _EXPRESSION.start + taken] = expression[:taken]


@functools.lru_cache(maxsize=16)
def _warn_long_expression(length: int) -> None:
    """Once per length: it is a property of the endpoint, not of a frame."""
    logger.warning(
        "motion frames hold %d expression values, only the first 100 are used",
        length,
        extra={"code": "expression_too_long"},
    )


def _hold_neighbours(frames: FloatArray, usable: NDArray[np.bool_]) -> FloatArray:
    """Unusable rows replaced by the usable one before them, or by the first; none: (0, 120)."""
    if not usable.any():
        return np.zeros((0, _SIZE), np.float32)
    source = np.maximum.accumulate(np.where(usable, np.arange(len(frames)), -1))
    source[source < 0] = int(np.argmax(usable))
    held: FloatArray = frames[source]
    return held
