# SPDX-License-Identifier: Apache-2.0
"""An avatar's arrays as they are stored: few bytes, errors below what a display can show.

Positions are 16-bit steps over the bounding box (5 µm for a bust) and deltas 16-bit steps of
at least 1 µm; at 0.40 m across 1080 pixels a pixel is 370 µm. Covariances are stored as their
Cholesky factors in millimetres and float16: the product L L^T is positive semi-definite
whatever the rounding, which six rounded covariance entries of a thin disc are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splat_gles.avatar import Avatar, Float32

MILLIMETRE = 1e-3
# Standard deviation in metres below which a splat is treated as flat.
_THINNEST = 1e-6
_DELTA_STEP = 1e-6


@dataclass(frozen=True, slots=True)
class Encoded:
    """Stored numbers, and the line back to units: value = stored * scale + offset."""

    stored: NDArray[Any]
    scale: float
    offset: tuple[float, ...] = ()


def encode_parts(avatar: Avatar) -> dict[str, Encoded]:
    """Every array of a valid avatar, by part name."""
    low = avatar.positions.min(axis=0).astype(np.float64)
    extent = float((avatar.positions.max(axis=0) - low).max())
    step = max(extent, 1e-3) / 0xFFFF
    delta_step = max(_DELTA_STEP, float(np.abs(avatar.deltas).max(initial=0.0)) / 0x7FFF)
    factors = cholesky(avatar.covariances) / MILLIMETRE
    parts = {
        "positions": Encoded(
            np.rint((avatar.positions - low) / step).astype("<u2"), step, tuple(low.tolist())
        ),
        "cholesky": Encoded(np.clip(factors, -6e4, 6e4).astype("<f2"), MILLIMETRE),
        "colors": Encoded(np.rint(avatar.colors * 255.0).astype("u1"), 1.0 / 255.0),
        "deltas": Encoded(np.rint(avatar.deltas / delta_step).astype("<i2"), delta_step),
        "skin_joints": Encoded(avatar.skin_joints.astype("u1"), 1.0),
        "skin_weights": Encoded(_whole_weights(avatar.skin_weights), 1.0 / 0xFFFF),
    }
    for name, clip in avatar.clips.items():
        parts[f"clips/{name}/weights"] = Encoded(clip.weights.astype("<f2"), 1.0)
        parts[f"clips/{name}/rotations"] = Encoded(clip.rotations.astype("<f2"), 1.0)
    return parts


def decode_part(stored: NDArray[Any], scale: float, offset: tuple[float, ...]) -> Float32:
    """Back to units, in float32."""
    values: Float32 = np.multiply(stored, np.float32(scale), dtype=np.float32)
    if offset:
        values += np.asarray(offset, dtype=np.float32)
    return values


def cholesky(covariances: Float32) -> NDArray[np.float64]:
    """Lower factors (N,6) as l00, l10, l11, l20, l21, l22 of (N,6) xx, xy, xz, yy, yz, zz."""
    xx, xy, xz, yy, yz, zz = covariances.astype(np.float64).T
    least = _THINNEST**2
    l00 = np.sqrt(np.maximum(xx, least))
    l10, l20 = xy / l00, xz / l00
    l11 = np.sqrt(np.maximum(yy - l10 * l10, least))
    l21 = (yz - l20 * l10) / l11
    l22 = np.sqrt(np.maximum(zz - l20 * l20 - l21 * l21, least))
    return np.stack([l00, l10, l11, l20, l21, l22], axis=1)


def covariances_of(factors: Float32) -> Float32:
    """(N,6) covariances xx, xy, xz, yy, yz, zz of the lower factors that `cholesky` gives."""
    l00, l10, l11, l20, l21, l22 = factors.T
    return np.stack(
        [
            l00 * l00,
            l00 * l10,
            l00 * l20,
            l10 * l10 + l11 * l11,
            l10 * l20 + l11 * l21,
            l20 * l20 + l21 * l21 + l22 * l22,
        ],
        axis=1,
    )


def _whole_weights(weights: Float32) -> NDArray[np.uint16]:
    """16-bit weights whose sum is exactly one for each splat."""
    stored = np.rint(weights.astype(np.float64) * 0xFFFF).astype(np.int64)
    rows = np.arange(len(stored))
    stored[rows, stored.argmax(axis=1)] += 0xFFFF - stored.sum(axis=1)
    return stored.astype("<u2")
