# SPDX-License-Identifier: Apache-2.0
"""Blends splats into a picture, and tells how its error changes with each of them.

The definition is the reference's (`splat_gles.reference`): alpha = opacity exp(-d'C^-1 d / 2),
front to back, nothing below 1/255, at most 0.99. Its derivatives are those of Kerbl et al. 2023,
appendix A, and of renderCUDA in diff-gaussian-rasterization's backward.cu, written from the
formula: with what lies behind a splat in a pixel, S, and the light that reaches it, T,

    picture = sum w c + light background,   w = T alpha
    d picture / d alpha = T c - S / (1 - alpha)

Fragments are rows of flat arrays, made and used a tile at a time: then they stay in a core's
cache, and a pixel's number fits the 16 bits for which numpy's stable sort is a radix sort. Left
out on purpose: what gets less than LEAST_LIGHT, which nobody sees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from avatar_maker.source import Floats, Ints

LEAST_ALPHA: Final = 1.0 / 255.0
MOST_ALPHA: Final = 0.99
LEAST_LIGHT: Final = 0.002
TILE: Final = 64
"""Edge of a tile in pixels."""

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Screen:
    """M splats on the screen, nearest first.

    centres (M,2) in pixels from the middle of the top left one, y down; covariances (M,3) as xx,
    xy, yy in square pixels with the low-pass; opacities (M,); colors (M,3).
    """

    centres: Floats
    covariances: Floats
    opacities: Floats
    colors: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """The fragments of a part of a picture, by pixel, nearest first.

    rows (m,) are the splats that reach into it; of each of F fragments splat (F,) counts in
    `rows`, offset (2,F) points from the splat's centre, light (F,) is what reaches it. The pixels
    that have any are P: `pixel` (P,) in the whole picture, `first` (P,) of their fragments, `left`
    (P,) the light that passes all.
    """

    rows: Ints
    splat: Ints
    offset: Float32
    alpha: Float32
    light: Float32
    pixel: Ints
    first: Ints
    left: Float32

    def per_fragment(self, values: Float32) -> Float32:
        """What belongs to pixels (P,) repeated for their fragments (F,)."""
        return np.repeat(values, np.diff(self.first, append=len(self.splat)))


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """How half the squared error changes with each splat; shapes as in `Screen`.

    That of a covariance's xy counts both of its places in the matrix.
    """

    centres: Floats
    covariances: Floats
    opacities: Floats
    colors: Floats


def compare(screen: Screen, wanted: Float32, background: Floats) -> tuple[float, Slopes]:
    """The sum of squared errors against a picture (H,W,3) and its derivatives."""
    height, width = wanted.shape[:2]
    flat = wanted.reshape(-1, 3)
    behind = background.astype(np.float32)
    colors = screen.colors.astype(np.float32)
    count = len(screen.opacities)
    sums = np.zeros((count, 9))
    touched = np.zeros(len(flat), np.bool_)
    error = 0.0
    for tile in tiles(screen, (width, height)):
        own = colors[tile.rows].T.copy()
        weight = tile.light * tile.alpha
        differences = []
        worth = np.zeros(len(weight), np.float32)
        reached = len(tile.rows)
        found = np.empty((9, reached))
        for channel in range(3):
            shade = own[channel][tile.splat]
            value = np.add.reduceat(weight * shade, tile.first)
            difference = value + tile.left * behind[channel] - flat[tile.pixel, channel]
            differences.append(difference)
            pull = tile.per_fragment(difference)
            found[channel] = np.bincount(tile.splat, weight * pull, minlength=reached)
            worth += shade * pull
        error += float(sum((d.astype(np.float64) ** 2).sum() for d in differences))
        touched[tile.pixel] = True
        rest = np.stack(differences, axis=1) @ behind
        slope = _by_alpha(tile, weight, worth, rest)
        slope *= tile.alpha
        dx, dy = tile.offset
        by_x, by_y = slope * dx, slope * dy
        for place, values in enumerate((slope, by_x, by_y, by_x * dx, by_x * dy, by_y * dy), 3):
            found[place] = np.bincount(tile.splat, values, minlength=reached)
        sums[tile.rows] += found.T
    bare = ~touched
    error += float(((flat[bare] - behind).astype(np.float64) ** 2).sum())
    return error, _slopes(screen, sums)


def largest_weights(screen: Screen, size: tuple[int, int]) -> Floats:
    """The largest weight (M,) that each splat gets in any pixel of a picture of `size`."""
    best = np.zeros(len(screen.opacities))
    for tile in tiles(screen, size):
        found = np.zeros(len(tile.rows), np.float32)
        np.maximum.at(found, tile.splat, tile.light * tile.alpha)
        best[tile.rows] = np.maximum(best[tile.rows], found)
    return best


def tiles(screen: Screen, size: tuple[int, int]) -> Iterator[Tile]:
    """The fragments of a picture of `size` (width, height), tile by tile."""
    width, height = size
    extents = np.sqrt(2 * np.log(np.maximum(screen.opacities / LEAST_ALPHA, 1.0)))
    xx, _, yy = screen.covariances.T
    reach = extents[:, None] * np.sqrt(np.stack([xx, yy], axis=1))
    first = np.clip(np.ceil(screen.centres - reach), 0, [width, height]).astype(np.int64)
    last = np.clip(np.floor(screen.centres + reach) + 1, 0, [width, height]).astype(np.int64)
    shown = np.flatnonzero((last > first).all(axis=1))
    low, high = first[shown] // TILE, (last[shown] - 1) // TILE
    across, down = (high - low + 1).T
    across_all = (width + TILE - 1) // TILE
    which, index = _spread(across * down)
    row, column = np.divmod(index, across[which])
    number = ((row + low[which, 1]) * across_all + column + low[which, 0]).astype(np.uint16)
    order = np.argsort(number, kind="stable")
    number, splats = number[order], shown[which[order]]
    starts = np.flatnonzero(np.diff(number, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(number)], strict=True):
        top, left = np.divmod(int(number[start]), across_all)
        box = np.array([left, top]) * TILE
        corner = np.minimum(box + TILE, [width, height])
        tile = _tile(screen, splats[start:end], extents, (box, corner), width)
        if tile is not None:
            yield tile


def _spread(counts: Ints) -> tuple[Ints, Ints]:
    """For each of `counts` its number, count times, and 0 to count-1."""
    which = np.repeat(np.arange(len(counts)), counts)
    index = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    return which, index


def _tile(
    screen: Screen, rows: Ints, extents: Floats, box: tuple[Ints, Ints], width: int
) -> Tile | None:
    """The fragments of the splats `rows` between two corners of the picture."""
    low, high = box
    xx, xy, yy = screen.covariances[rows].T
    centre_x, centre_y = screen.centres[rows].T
    square = extents[rows] ** 2
    reach = np.sqrt(square * yy)
    top = np.maximum(np.ceil(centre_y - reach), low[1]).astype(np.int64)
    bottom = np.minimum(np.floor(centre_y + reach) + 1, high[1]).astype(np.int64)
    # Along a line of pixels d'C^-1 d = dy^2 / yy + (dx - xy/yy dy)^2 / (xx - xy^2/yy)
    line, step = _spread(np.maximum(bottom - top, 0))
    y = top[line] + step
    dy = y - centre_y[line]
    narrow = (xx - xy * xy / yy)[line]
    power = dy * dy / yy[line]
    middle = centre_x[line] + (xy / yy)[line] * dy
    half = np.sqrt(np.maximum(square[line] - power, 0) * narrow)
    start = np.maximum(np.ceil(middle - half), low[0]).astype(np.int64)
    counts = np.maximum(
        np.minimum(np.floor(middle + half) + 1, high[0]).astype(np.int64) - start, 0
    )
    fragment, step = _spread(counts)
    if not len(fragment):
        return None
    step32 = step.astype(np.float32)
    away = step32 + np.repeat((start - middle).astype(np.float32), counts)
    alpha = np.exp(np.repeat((-0.5 / narrow).astype(np.float32), counts) * away * away)
    peak = screen.opacities[rows][line] * np.exp(-0.5 * power)
    alpha *= np.repeat(peak.astype(np.float32), counts)
    np.minimum(alpha, np.float32(MOST_ALPHA), out=alpha)
    place = np.repeat(((y - low[1]) * TILE + start - low[0]).astype(np.uint16), counts)
    place += step.astype(np.uint16)
    order = np.argsort(place, kind="stable")
    place, alpha = place[order], alpha[order]
    passed = np.log1p(-alpha).astype(np.float64)
    through = np.cumsum(passed)
    first = np.flatnonzero(np.diff(place.astype(np.int32), prepend=-1))
    lengths = np.diff(first, append=len(place))
    light = np.exp(through - passed - np.repeat((through - passed)[first], lengths))
    left = np.exp(np.add.reduceat(passed, first))
    lit = np.flatnonzero(light > LEAST_LIGHT)
    order, place = order[lit], place[lit]
    first = np.flatnonzero(np.diff(place.astype(np.int32), prepend=-1))
    row, column = np.divmod(place[first].astype(np.int64), TILE)
    offset_x = step32 + np.repeat((start - centre_x[line]).astype(np.float32), counts)
    owner = fragment[order]
    return Tile(
        rows=rows,
        splat=line[owner],
        offset=np.stack([offset_x[order], dy.astype(np.float32)[owner]]),
        alpha=alpha[lit],
        light=light[lit].astype(np.float32),
        pixel=(row + low[1]) * width + column + low[0],
        first=first,
        left=left.astype(np.float32),
    )


def _by_alpha(tile: Tile, weight: Float32, worth: Float32, rest: Float32) -> Float32:
    """The error's derivative (F,) by each alpha; `rest` (P,) is the background's worth."""
    share = (weight * worth).astype(np.float64)
    through = np.cumsum(share)
    ends = np.add.reduceat(share, tile.first) + tile.left * rest
    ends += (through - share)[tile.first]
    behind = (tile.per_fragment(ends) - through).astype(np.float32)
    slope = tile.light * worth - behind / (1.0 - tile.alpha)
    # Where alpha is held at its most, nothing that a splat does changes it
    slope[tile.alpha >= MOST_ALPHA] = 0.0
    return slope


def _slopes(screen: Screen, sums: Floats) -> Slopes:
    """From moments (M,9) of the slopes by log alpha to derivatives by the splats.

    With q = d'C^-1 d: d alpha / d q = -alpha / 2; v = C^-1 d gives dq/d centre = -2 v (d points
    from the centre), dq/dC = -v v'.
    """
    xx, xy, yy = screen.covariances.T
    inverse = np.stack([yy, -xy, -xy, xx], axis=1) / (xx * yy - xy * xy)[:, None]
    inverse = inverse.reshape(-1, 2, 2)
    moment = sums[:, [6, 7, 7, 8]].reshape(-1, 2, 2)
    centres = np.einsum("nij,nj->ni", inverse, sums[:, 4:6])
    matrix = 0.5 * inverse @ moment @ inverse
    covariances = np.stack([matrix[:, 0, 0], 2 * matrix[:, 0, 1], matrix[:, 1, 1]], axis=1)
    opacities = sums[:, 3] / np.maximum(screen.opacities, 1e-6)
    return Slopes(centres, covariances, opacities, sums[:, :3])
