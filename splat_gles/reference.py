# SPDX-License-Identifier: Apache-2.0
"""What a scene has to look like: the rasteriser of Kerbl et al. 2023 in float64, slow and obvious.

The definition is that of diff-gaussian-rasterization's forward.cu (preprocessCUDA,
computeCov2D, renderCUDA), written from it and not from this project's shaders: a camera with y
down and z forward, front to back with the light that is left, no quantisation anywhere. What
others do differently is a switch of `Rule`. It draws 20,000 splats in 1 to 2 s.

Left out on purpose: spherical harmonics (our colours are already those of the view), gradients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from splat_gles.camera import NEAR, Float64
from splat_gles.scene import Scene

MAX_ALPHA = 0.99
LEAST_ALPHA = 1.0 / 255.0
LEAST_LIGHT = 1e-4
"""A pixel is finished before the splat that would leave less light than this."""
COVERED = 0.995
"""Pixels with less light left than this are the avatar's, for masked figures."""

_TILE = 16
_FIELD_OF_VIEW_LIMIT = 1.3
_GSPLAT_LARGEST_EXTENT = 3.33


@dataclass(frozen=True, slots=True)
class Rule:
    """Where rasterisers differ; the defaults are INRIA's.

    cut: how far a splat reaches. "inria": a square of ceil(3 sigma) of its longer axis, rounded
    outwards to tiles of 16 pixels; "gsplat": along each axis ceil(min(3.33, sqrt(2 ln(255
    opacity))) sigma), in tiles as well. low_pass: square pixels added to the diagonal. sort:
    by view z, or by distance from the camera.
    """

    cut: Literal["inria", "gsplat"] = "inria"
    low_pass: float = 0.3
    sort: Literal["z", "distance"] = "z"


INRIA = Rule()


@dataclass(frozen=True, slots=True, eq=False)
class Projected:
    """Splats on the screen, nearest first, without those at or behind the near plane.

    index (M,) into the scene; centres (M,2) in pixels from the middle of the top left one, y
    down; covariances (M,3) as xx, xy, yy in square pixels with the low-pass; extents (M,) in
    sigmas, where alpha falls to 1/255; opacities (M,).
    """

    index: NDArray[np.intp]
    centres: Float64
    covariances: Float64
    extents: Float64
    opacities: Float64

    @property
    def quad_pixels(self) -> float:
        """Area in pixels of the tightest parallelograms around the splats, off-screen parts too.

        It is what a renderer with such quads shades.
        """
        xx, xy, yy = self.covariances.T
        return float(np.sum(4 * self.extents**2 * np.sqrt(xx * yy - xy * xy)))


@dataclass(frozen=True, slots=True, eq=False)
class ReferencePicture:
    """colors (H,W,3), display-referred 0 to 1, top row first; what there is in each pixel.

    light (H,W) is the transmittance left for the background, layers (H,W) how many splats were
    blended.
    """

    colors: Float64
    light: Float64
    layers: NDArray[np.int32]

    @property
    def covered(self) -> NDArray[np.bool_]:
        """Pixels (H,W) in which the avatar is seen."""
        return self.light < COVERED

    @property
    def fragments(self) -> int:
        """How many times a splat was blended into a pixel."""
        return int(self.layers.sum())

    @property
    def overdraw(self) -> float:
        """Mean number of splats blended into a covered pixel."""
        covered = self.covered
        return float(self.layers[covered].mean()) if covered.any() else 0.0


def project(scene: Scene, rule: Rule = INRIA) -> Projected:
    """Where the splats fall on the screen and in which order they are drawn."""
    width, height = scene.size
    to_camera = np.diag([1.0, -1.0, -1.0]) @ scene.view[:3]
    points = scene.means @ to_camera[:, :3].T + to_camera[:, 3]
    key = points[:, 2] if rule.sort == "z" else np.linalg.norm(points, axis=1)
    index = np.argsort(key, kind="stable")
    index = index[points[index, 2] > NEAR]
    x, y, z = points[index].T

    tangents = 1 / scene.projection[0, 0], 1 / scene.projection[1, 1]
    focal_x, focal_y = width / (2 * tangents[0]), height / (2 * tangents[1])
    limits = _FIELD_OF_VIEW_LIMIT * np.array(tangents)
    limited_x = np.clip(x / z, -limits[0], limits[0])
    limited_y = np.clip(y / z, -limits[1], limits[1])
    jacobian = np.zeros((len(index), 2, 3))
    jacobian[:, 0, 0] = focal_x / z
    jacobian[:, 0, 2] = -focal_x * limited_x / z
    jacobian[:, 1, 1] = focal_y / z
    jacobian[:, 1, 2] = -focal_y * limited_y / z
    to_screen = jacobian @ to_camera[:, :3]
    full = to_screen @ scene.covariances[index] @ to_screen.transpose(0, 2, 1)
    covariances = np.stack(
        [full[:, 0, 0] + rule.low_pass, full[:, 0, 1], full[:, 1, 1] + rule.low_pass], axis=1
    )
    # Pixel centres lie on whole numbers: ndc2Pix of auxiliary.h
    centres = np.stack(
        [
            ((x / z / tangents[0] + 1) * width - 1) / 2,
            ((y / z / tangents[1] + 1) * height - 1) / 2,
        ],
        axis=1,
    )
    opacities = scene.opacities[index]
    extents = np.sqrt(2 * np.log(np.maximum(opacities / LEAST_ALPHA, 1.0)))
    return Projected(index, centres, covariances, extents, opacities)


def rasterise(scene: Scene, rule: Rule = INRIA) -> ReferencePicture:
    """Draw the scene; the order of its splats does not matter."""
    width, height = scene.size
    splats = project(scene, rule)
    conics = _conics(splats)
    colors = scene.colors[splats.index]

    picture = np.zeros((3, height, width))
    light = np.ones((height, width))
    left_over = np.zeros((height, width))
    layers = np.zeros((height, width), np.int32)
    for i, box in enumerate(_windows(splats, rule, width, height).tolist()):
        left, right, top, bottom = box
        if left >= right or top >= bottom:
            continue
        window = np.s_[top:bottom, left:right]
        alpha = _alpha(splats, conics, i, box)
        before = light[window]
        after = before * (1.0 - alpha)
        finished = after < LEAST_LIGHT
        if finished.any():
            # Also those finished earlier: no light is left for them here
            left_over[window] += np.where(finished, before, 0.0)
            alpha[finished] = 0.0
            after[finished] = 0.0
        picture[:, top:bottom, left:right] += (before * alpha) * colors[i, :, None, None]
        layers[window] += alpha > 0.0
        light[window] = after
    light += left_over
    picture += light * scene.background[:, None, None]
    return ReferencePicture(picture.transpose(1, 2, 0), light, layers)


def blend_rounded(scene: Scene, bits: int, rule: Rule = INRIA) -> Float64:
    """The picture (H,W,3) of a framebuffer that keeps `bits` bits a channel.

    Blended back to front as a GPU does, rounded to the nearest step after every splat: what
    fixed-function blending of RGBA8 (8) or RGB10_A2 (10) makes of exact fragments.
    """
    width, height = scene.size
    splats = project(scene, rule)
    conics = _conics(splats)
    levels = float(2**bits - 1)
    colors = scene.colors[splats.index] * levels
    picture = np.empty((3, height, width))
    picture[:] = np.rint(scene.background * levels)[:, None, None]
    windows = _windows(splats, rule, width, height).tolist()
    for i in reversed(range(len(windows))):
        left, right, top, bottom = windows[i]
        if left >= right or top >= bottom:
            continue
        alpha = _alpha(splats, conics, i, windows[i])
        window = picture[:, top:bottom, left:right]
        window += alpha * (colors[i, :, None, None] - window)
        np.rint(window, out=window)
    return np.asarray(picture.transpose(1, 2, 0) / levels)


def masked_psnr(
    picture: NDArray[np.uint8] | NDArray[np.float64], reference: ReferencePicture
) -> float:
    """Decibels of a picture (H,W,3) over the pixels that the avatar covers.

    The picture is of 8 bits, 0 to 255, or of floats, 0 to 1.
    """
    mask = reference.covered
    full = 255.0 if picture.dtype == np.uint8 else 1.0
    error = picture[mask].astype(np.float64) / full - reference.colors[mask]
    return float(-10.0 * np.log10(np.mean(error**2)))


def _conics(splats: Projected) -> Float64:
    """Inverse covariances over -2, (M,3): factors of dx dx, dx dy and dy dy in the exponent."""
    xx, xy, yy = splats.covariances.T
    determinant = xx * yy - xy * xy
    return np.asarray(np.stack([yy, -2 * xy, xx], axis=1) / (-2 * determinant[:, None]))


def _alpha(splats: Projected, conics: Float64, i: int, box: list[int]) -> Float64:
    """What splat i covers of each pixel of its window: held at 0.99, nothing below 1/255."""
    left, right, top, bottom = box
    dx = np.arange(left, right) - splats.centres[i, 0]
    dy = np.arange(top, bottom)[:, None] - splats.centres[i, 1]
    per_xx, per_xy, per_yy = conics[i]
    alpha = splats.opacities[i] * np.exp(
        per_xx * (dx * dx) + (per_xy * dy) * dx + per_yy * (dy * dy)
    )
    np.minimum(alpha, MAX_ALPHA, out=alpha)
    alpha[alpha < LEAST_ALPHA] = 0.0
    return np.asarray(alpha)


def _windows(splats: Projected, rule: Rule, width: int, height: int) -> NDArray[np.int64]:
    """The pixels (M,4) that each splat may touch: left, right, top, bottom, ends excluded."""
    xx, xy, yy = splats.covariances.T
    sigmas = np.sqrt(np.stack([xx, yy], axis=1))
    if rule.cut == "inria":
        middle = (xx + yy) / 2
        longest = middle + np.sqrt(np.maximum(0.1, middle * middle - (xx * yy - xy * xy)))
        radii = np.ceil(3 * np.sqrt(longest))[:, None].repeat(2, axis=1)
    else:
        extents = np.minimum(splats.extents, _GSPLAT_LARGEST_EXTENT)
        radii = np.ceil(extents[:, None] * sigmas)
    low = np.floor((splats.centres - radii) / _TILE) * _TILE
    high = np.floor((splats.centres + radii + _TILE - 1) / _TILE) * _TILE
    # What lies beyond this box is below 1/255 and skipped anyway: looking there costs time only
    reach = splats.extents[:, None] * sigmas
    low = np.maximum(low, np.floor(splats.centres - reach))
    high = np.minimum(high, np.ceil(splats.centres + reach) + 1)
    box = np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], axis=1)
    limits = np.array([width, width, height, height])
    return np.asarray(np.clip(box, 0, limits), np.int64)
