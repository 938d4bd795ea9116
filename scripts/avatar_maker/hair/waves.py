# SPDX-License-Identifier: Apache-2.0
"""Long soft hair with a side parting: the strands' waves, layered cut, colours and splats.

Neighbouring locks keep step in their waves, more or less. Where hair bends, its splats are half as
long as on top of the head: a long one would stick out of the bend.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from avatar_maker.hair.growth import LOCKS, STEP, THICK, Strands, grown_strands
from avatar_maker.hair.hairline import head_axis
from avatar_maker.hair.hull import Hull
from avatar_maker.hair.strands import Pieces, hair_splats, highlight
from avatar_maker.hair.wisps import wisps
from avatar_maker.recipe import Look
from avatar_maker.source import Floats
from avatar_maker.splats.cloud import HEAD, NECK, ROOT, Cloud, joined
from avatar_maker.splats.density import Density
from avatar_maker.splats.mesh import smoothstep, unit

STRANDS: Final = 410
"""At spacing 1; narrower ones the more there are, and more of them than of other hairs."""
BENT_BELOW: Final = 0.035
"""Height above the eyes in metres below which hair waves."""

CURLED: Final = 0.050
CURL: Final = 0.011
"""How long a piece of each strand turns in at the tip, and how far, in metres."""


def waves(skin: Cloud, eyes: Floats, hull: Hull, look: Look, density: Density) -> Cloud:
    """The splats of long hair, bound to the head and, at the tips, to neck and shoulders."""
    axis = head_axis(eyes)
    strands = grown_strands(skin, eyes, hull, look, density.hairs(STRANDS / density.spacing**0.4))
    tips = axis[1] - look.number("length") + _layers(strands, axis)
    strands = replace(strands, points=_curled(_waved(strands, axis, look), tips, axis))
    fine = _pieces(strands, 1, axis, tips, density.spacing)
    coarse = _pieces(strands, 2, axis, tips, density.spacing)
    bent = (fine.starts + fine.ends)[..., 1] / 2 < axis[1] + BENT_BELOW
    # a pair of pieces is one where its first is straight; roots bend
    bent[1::2] = bent[::2]
    bent[:2] = True
    fine = replace(fine, there=fine.there & bent)
    coarse = replace(coarse, there=coarse.there & ~bent[::2])
    clouds = [_core(strands, fine, axis, look), wisps(skin, eyes, hull, look, density)]
    for pieces in (fine, coarse):
        albedo = _colors(pieces, strands, look)
        middle = (pieces.starts + pieces.ends) / 2
        # tips fade: ends as solid as the rest would be thorns
        opacity = 0.95 - 0.40 * smoothstep(0.012, 0.0, middle[..., 1] - tips)
        hairs = hair_splats(pieces, albedo, opacity, _weights(middle, axis))
        clouds.append(replace(hairs, least_share=np.array(0.14), least_light=np.array(0.30)))
    return joined(clouds)


def _waved(strands: Strands, axis: Floats, look: Look) -> Floats:
    """The points at half steps (2s+1,n,3), in waves that widen below the eyes."""
    points = strands.points
    ends = np.concatenate([points[:1] * 2 - points[1:2], points, points[-1:] * 2 - points[-2:-1]])
    middle = (9 * (points[1:] + points[:-1]) - ends[:-3] - ends[3:]) / 16
    smooth = np.empty((2 * len(points) - 1, *points.shape[1:]))
    smooth[::2], smooth[1::2] = points, middle
    along = unit(np.gradient(smooth, axis=0))
    out = unit((smooth - axis) * np.array([1.0, 0.25, 1.0]))
    across = unit(np.cross(along, out))
    grown: Floats = np.arange(len(smooth), dtype=np.float64)[:, None] * STEP / 2
    height = smooth[..., 1] - axis[1]
    root = points[0, strands.lock] - axis
    phase = 2.2 * np.sin(2.3 * np.arctan2(root[:, 0], root[:, 2])) - root[:, 1] * 40
    phase = phase + 1.7 * strands.choice(4, 0.93)
    size = look.number("wave") * (0.0045 + 0.0035 * strands.choice(5, 0.9))
    size = size * smoothstep(0.07, -0.06, height) * smoothstep(0.02, 0.09, grown)
    turn = 2 * np.pi * grown / (0.074 + 0.018 * strands.choice(6, 0.97)) + phase
    smooth = smooth + across * (size * np.sin(turn))[..., None]
    values: Floats = smooth + out * (0.4 * size * (1 + np.cos(turn)))[..., None]
    return values


def _curled(points: Floats, tips: Floats, axis: Floats) -> Floats:
    """The points with the tips' last centimetres turned in, towards the neck."""
    near = np.clip(1 - (points[..., 1] - tips) / CURLED, 0, 1.2)
    out = unit((points - axis) * np.array([1.0, 0.0, 1.0]))
    values: Floats = points - out * (CURL * near**2)[..., None]
    return values


def _layers(strands: Strands, axis: Floats) -> Floats:
    """How far above the hair's length each strand ends (n,): shortest beside the face."""
    front = smoothstep(0.02, 0.08, strands.points[0, :, 2] - axis[2])
    values: Floats = (
        0.046 * front * strands.choice(7, 0.8)
        + 0.026 * (strands.choice(8, 0.6) - 0.4)
        + 0.010 * strands.choice(9) ** 2
    )
    return values


def _pieces(strands: Strands, stride: int, axis: Floats, tips: Floats, spacing: float) -> Pieces:
    """The strands' pieces, each `stride` half steps long."""
    points = strands.points[::stride]
    middle = (points[1:] + points[:-1]) / 2
    there = np.logical_and.accumulate(middle[..., 1] > tips, axis=0)
    left = np.clip((middle[..., 1] - tips) / 0.035, 0, 1)
    width = spacing**0.85 * (0.00075 + 0.0006 * strands.choice(10)) * (0.40 + 0.60 * left)
    width = np.where(strands.stray, 0.5, 1.0) * width
    outward = unit((middle - axis) * np.array([1.0, 0.6, 1.0]))
    outward = unit(outward + 0.25 * strands.inner / THICK)
    return Pieces(points[:-1], points[1:], outward, width, there)


def _core(strands: Strands, pieces: Pieces, axis: Floats, look: Look) -> Cloud:
    """Wide dark splats within each lock, which close what its strands leave open."""
    pairs = slice(0, len(pieces.starts) // 2 * 2, 2), slice(0, LOCKS)
    points = strands.points[::2, :LOCKS]
    outward = pieces.outward[pairs]
    inward = -0.0070 * outward
    wide = np.where(points[0, :, 2] < axis[2], 0.0066, 0.0050)
    slim = pieces.width[pairs] / pieces.width[0, :LOCKS]
    body = Pieces(
        points[:-1] + inward,
        points[1:] + inward,
        outward,
        wide * slim,
        pieces.there[pairs] & (slim > 0.5) & (points[:-1, :, 1] < axis[1] + 0.06),
    )
    dark = np.broadcast_to(look.colors("colors").mean(axis=0) * 0.55, body.starts.shape)
    weights = _weights(body.starts, axis)
    whole = hair_splats(body, dark, np.full(body.width.shape, 0.98), weights)
    return replace(whole, least_share=np.array(0.02), least_light=np.array(0.50))


def _colors(pieces: Pieces, strands: Strands, look: Look) -> Floats:
    """Albedo (s,n,3): locks and strands differ, tips are lighter, and the sheen."""
    chosen, lock = strands.chosen, strands.lock
    depth = (strands.inner * pieces.outward).sum(axis=2) / THICK
    shades = look.colors("colors")
    pick = np.where(chosen[:, 11] < 0.6, chosen[lock, 11], chosen[:, 10])
    shade = shades[(pick * len(shades)).astype(int) % len(shades)]
    shade = shade * (0.82 + 0.36 * chosen[:, 9])[:, None]
    steps = len(pieces.starts)
    fraction = (np.arange(steps) + 0.5)[:, None, None] / steps
    albedo = shade * (0.82 + 0.45 * fraction * np.array([1.06, 1.0, 0.94]))
    albedo = albedo * np.clip(0.88 + 0.20 * depth, 0.5, 1.15)[..., None]
    jitter = 0.10 * (chosen[:, 8] + chosen[:, 7] - 1) + 0.08 * (chosen[lock, 7] - 0.5)
    along = unit(pieces.ends - pieces.starts)
    white, tinted = highlight(along, pieces.outward, np.broadcast_to(jitter, depth.shape))
    gleam = tinted[..., None] * albedo * 1.1 + white[..., None] * 0.08 * np.array([1.0, 0.86, 0.70])
    values: Floats = albedo + gleam * (0.5 + chosen[:, 6])[:, None]
    return values


def _weights(places: Floats, axis: Floats) -> Floats:
    """Skin weights (...,5): tips stay on the shoulders when the head turns."""
    low = smoothstep(-0.07, -0.17, places[..., 1] - axis[1])
    weights = np.zeros((*places.shape[:-1], 5))
    weights[..., HEAD] = 1 - 0.65 * low
    weights[..., NECK] = 0.40 * low
    weights[..., ROOT] = 0.25 * low
    return weights
