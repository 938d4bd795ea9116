# SPDX-License-Identifier: Apache-2.0
"""How much each splat adds to a picture, for what it costs: its mean weight in its pixels.

A splat's weight in a pixel is its alpha times what the splats before it let through, as in the
INRIA rasteriser (diff-gaussian-rasterization, forward.cu: renderCUDA). What leaving a splat out
does to the picture goes with the sum of its squared weights, and what it saves with the pixels
that it takes; so the root of their ratio, the root mean square weight, tells which splats to
leave out first. Against the largest weight it saves as many pixels with 3 to 4 dB less loss.

Computed in numpy over a grid of at most 32,768 points of the picture instead of all its pixels:
point numbers then fit 16 bits, for which numpy's stable sort is a radix sort. A view of 18,000
splats takes 0.1 s. What a grid misses of splats smaller than its mesh is found by the other
views, in which they lie elsewhere between its points.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from splat_gles.avatar import Float32
from splat_gles.reference import LEAST_ALPHA, MAX_ALPHA, Projected

_MOST_POINTS: Final = 32_768


def mean_weights(projected: Projected) -> Float32:
    """The root mean square (M,), 0 to 1, of each splat's weights where its alpha is over 1/255.

    The grid lies over all splats, whatever the camera's picture cuts off.
    """
    weights = np.zeros(len(projected.index), np.float32)
    splats, points, alphas = _fragments(projected)
    if not len(points):
        return weights
    # Splats come front to back; a stable sort by point keeps that order within each point
    by_point = np.argsort(points, kind="stable")
    alphas = alphas[by_point]
    logs = np.log1p(-alphas.astype(np.float64))
    before = np.cumsum(logs) - logs
    sorted_points = points[by_point]
    starts = np.flatnonzero(np.diff(sorted_points, prepend=np.int64(-1)))
    lengths = np.diff(starts, append=len(points))
    through = np.exp(before - np.repeat(before[starts], lengths))
    found = np.empty(len(points), np.float32)
    found[by_point] = alphas * through
    firsts = np.flatnonzero(np.diff(splats, prepend=np.int64(-1)))
    counts = np.diff(firsts, append=len(splats))
    weights[splats[firsts]] = np.sqrt(np.add.reduceat(found * found, firsts) / counts)
    return weights


def _fragments(
    projected: Projected,
) -> tuple[NDArray[np.int32], NDArray[np.uint16], Float32]:
    """Splat, point and alpha of everything above 1/255, nearest splat first."""
    centres, extents = projected.centres, projected.extents
    xx, xy, yy = projected.covariances.T
    reach = extents[:, None] * np.sqrt(np.stack([xx, yy], axis=1))
    low, high = (centres - reach).min(axis=0), (centres + reach).max(axis=0)
    mesh = float(np.sqrt((high - low).prod() / _MOST_POINTS))
    # Rounding down both ways keeps the number of points within its limit
    columns, rows = np.maximum(1, ((high - low) / mesh).astype(np.int64))
    first = np.ceil((centres - reach - low) / mesh - 0.5).astype(np.int64)
    last = np.floor((centres + reach - low) / mesh - 0.5).astype(np.int64)
    first = np.maximum(first, 0)
    last = np.minimum(last, [columns - 1, rows - 1])
    widths, heights = np.maximum(last - first + 1, 0).T
    counts = widths * heights
    # 32-bit numbers throughout: millions of them are moved, and half the bytes is half the time
    splat = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    within = np.arange(len(splat), dtype=np.int32)
    within -= np.repeat((np.cumsum(counts) - counts).astype(np.int32), counts)
    down, column = np.divmod(within, widths.astype(np.int32)[splat])
    column += first[:, 0].astype(np.int32)[splat]
    row = down + first[:, 1].astype(np.int32)[splat]
    start = (low + 0.5 * mesh - centres).astype(np.float32)
    dx = column * np.float32(mesh) + start[splat, 0]
    dy = row * np.float32(mesh) + start[splat, 1]
    inverse = (np.stack([yy, -xy, xx]) / (xx * yy - xy * xy)).astype(np.float32)
    power = inverse[0, splat] * dx * dx + inverse[2, splat] * dy * dy
    power += 2.0 * inverse[1, splat] * dx * dy
    alphas = projected.opacities.astype(np.float32)[splat] * np.exp(-0.5 * power)
    np.minimum(alphas, np.float32(MAX_ALPHA), out=alphas)
    kept = np.flatnonzero(alphas >= LEAST_ALPHA)
    points = (row[kept] * np.int32(columns) + column[kept]).astype(np.uint16)
    return splat[kept], points, alphas[kept]
