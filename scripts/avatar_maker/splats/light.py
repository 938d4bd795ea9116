# SPDX-License-Identifier: Apache-2.0
"""Baked light: a key, a fill, a rim and a soft sky, with shadows and ambient occlusion.

What a lamp gives a free surface follows from its normal alone, and is exact; how much of it
arrives past other splats is measured by `shadows`. Skin is translucent: red light spreads the
furthest under it, so that the edges of its shadows and the terminator are red, and creases keep
the colour of the light that bounces in them (Jimenez et al. 2016, Practical Realtime Strategies
for Accurate Indirect Occlusion).
A fixed sheen for a viewer in front is added where the surface is glossy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from avatar_maker.source import Floats
from avatar_maker.splats.cloud import Cloud
from avatar_maker.splats.mesh import unit
from avatar_maker.splats.shadows import arriving

DIRECTIONS: Final = 96
"""Directions from which shadows are measured."""
EXACT_DIRECTIONS: Final = 2048
"""Directions over which the lamps are integrated."""
WRAP: Final = 0.14
WRAP_INSIDE: Final = (0.30, 0.17, 0.12)
"""How far past the terminator light reaches, as a cosine: on others, and in translucent matter."""
SHOULDER: Final = 0.6
"""Linear light above which the picture's contrast falls off."""


@dataclass(frozen=True, slots=True)
class Lamp:
    """A soft lamp: its direction, colour, and sharpness as the power of a cosine lobe."""

    direction: tuple[float, float, float]
    color: tuple[float, float, float]
    sharpness: float


LAMPS: Final = (
    Lamp((0.62, 0.60, 0.90), (1.74, 1.69, 1.64), 8.0),
    Lamp((-0.85, 0.15, 0.85), (0.30, 0.315, 0.35), 3.0),
    Lamp((-0.70, 0.60, -0.60), (0.55, 0.60, 0.70), 5.0),
    Lamp((0.00, -0.60, 0.80), (0.20, 0.17, 0.155), 2.0),
)
SKY: Final = (0.27, 0.275, 0.295)
GROUND: Final = (0.165, 0.140, 0.120)
BOUNCED: Final = 0.35
"""How much of the light that bounces in creases is taken over: they are never so even inside."""


def _directions(count: int) -> Floats:
    """Evenly spread directions (count,3) on the sphere (Fibonacci lattice)."""
    index = np.arange(count) + 0.5
    height = 1 - 2 * index / count
    angle = index * np.pi * (3 - np.sqrt(5))
    ring = np.sqrt(1 - height**2)
    return np.stack([ring * np.cos(angle), height, ring * np.sin(angle)], axis=1)


def _radiance(directions: Floats) -> Floats:
    """Light (G,D,3) from each direction by source: the lamps, then all around.

    Every lamp's lobe integrates to its colour.
    """
    mix = (directions[:, 1:2] + 1) / 2
    sources = [mix * np.array(SKY) + (1 - mix) * np.array(GROUND)]
    for lamp in LAMPS:
        lobe = np.clip(directions @ unit(np.array(lamp.direction)), 0, None) ** lamp.sharpness
        sources.append(np.outer(lobe / lobe.mean() / 4, lamp.color))
    return np.stack(sources)


def _free(normals: Floats, translucence: Floats) -> Floats:
    """Light (G,n,3) of every source on a free surface.

    Every source is symmetric about an axis, so its light follows from the normal's angle to that.
    """
    directions = _directions(EXACT_DIRECTIONS)
    radiance = _radiance(directions) * (4 / EXACT_DIRECTIONS)
    cosines = np.linspace(-1, 1, 65)
    axes = [np.array([0.0, 1.0, 0.0]), *(unit(np.array(lamp.direction)) for lamp in LAMPS)]
    result = np.empty((len(axes), *normals.shape))
    for source, axis in enumerate(axes):
        aside = unit(np.cross(axis, [1.0, 0.0, 0.0]))
        turned = np.outer(cosines, axis) + np.outer(np.sqrt(1 - cosines**2), aside)
        towards = turned @ directions.T
        along = (normals * axis).sum(axis=1)
        for channel in range(3):
            tables = [
                np.clip((towards + wrap) / (1 + wrap), 0, None) @ radiance[source, :, channel]
                for wrap in (WRAP, WRAP_INSIDE[channel])
            ]
            outside, inside = (np.interp(along, cosines, table) for table in tables)
            result[source, :, channel] = outside + translucence * (inside - outside)
    return result


def irradiance(
    cloud: Cloud, positions: Floats, normals: Floats, step: Callable[[float], None]
) -> Floats:
    """Light (n,3) on each splat of a cloud in some pose; `step` hears the fraction done."""
    directions = _directions(DIRECTIONS)
    strength = _radiance(directions).mean(axis=2)
    shares = arriving(cloud, (positions, normals), directions, strength, step)
    inside = cloud.translucence[:, None]
    albedo = np.clip(cloud.albedo, 0, 0.9)
    total = np.zeros_like(positions)
    for free, share in zip(_free(normals, cloud.translucence), shares.T, strict=True):
        open_part = share[:, None].astype(np.float64)
        # light that bounces in a crease has met the surface more than once
        bounced = ((2.0404 * albedo - 0.3324) * open_part + (0.6417 - 4.7951 * albedo)) * open_part
        bounced = (bounced + 2.7552 * albedo + 0.6903) * open_part
        red = open_part ** (1 + inside * np.array([-0.16, 0.0, 0.16]))
        total += free * (red + BOUNCED * inside * np.clip(bounced - red, 0, None))
    return total


def baked(cloud: Cloud, posed: Floats, step: Callable[[float], None]) -> Floats:
    """Light (n,3) on each splat, from its place at rest and its place (n,3) in the lit pose."""
    rest = irradiance(cloud, cloud.positions, cloud.normals, lambda part: step(part / 2))
    other = irradiance(cloud, posed, cloud.posed_normals, lambda part: step(0.5 + part / 2))
    share = cloud.posed_light[:, None]
    return np.maximum(rest * (1 - share) + other * share, cloud.least_light[:, None])


def sheen(normals: Floats, gloss: Floats, light: Floats) -> Floats:
    """Highlight (n,3) towards a viewer in front: broad and narrow Blinn-Phong lobes of key and
    fill, and the brighter reflection at grazing angles (Schlick)."""
    bright = np.zeros_like(normals)
    view = np.array([0.0, 0.0, 1.0])
    for lamp in LAMPS[:2]:
        half = unit(unit(np.array(lamp.direction)) + view)
        cosine = np.clip(normals @ half, 0, None)
        lobe = 0.75 * cosine**18 + 0.7 * cosine**70
        bright += np.outer(lobe * gloss, lamp.color)
    grazing = np.clip(1 - np.abs(normals @ view), 0, 1) ** 4
    bright += np.outer(grazing * gloss, SKY)
    values: Floats = bright * np.clip(light.mean(axis=1, keepdims=True), 0, 1) * 0.11
    return values


def displayed(linear: Floats) -> Floats:
    """Linear light (n,3) to display-referred sRGB, with a soft shoulder above SHOULDER.

    Bright skin keeps its hue: the shoulder bends the strongest channel, the others mostly follow.
    """

    def bent(value: Floats) -> Floats:
        room = 1 - SHOULDER
        high = np.clip(value - SHOULDER, 0, None)
        return np.minimum(value, SHOULDER) + room * (1 - np.exp(-high / room))

    peak = np.maximum(linear.max(axis=1, keepdims=True), 1e-6)
    mapped = 0.7 * linear * (bent(peak) / peak) + 0.3 * bent(linear)
    mapped = np.clip(mapped, 0, 1)
    curve = 1.055 * np.power(np.maximum(mapped, 0.0031308), 1 / 2.4) - 0.055
    values: Floats = np.where(mapped <= 0.0031308, 12.92 * mapped, curve)
    return values


def linear(red: int, green: int, blue: int) -> Floats:
    """A colour given as 8-bit sRGB in linear light."""
    value = np.array([red, green, blue]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
