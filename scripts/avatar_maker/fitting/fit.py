# SPDX-License-Identifier: Apache-2.0
"""Fits an avatar's splats to pictures of a much finer one, until they look like a render.

The fine one has the same mesh, light and hairs at a spacing that nobody could afford to draw; its
pictures (`views`) are what the splats of the affordable one are moved, stretched, turned and
coloured towards. Gradients come from `blending`, steps from Adam (Kingma and Ba 2015), of which
every splat takes its own where a view shows it. Splats stay in their surface: they slide and turn
within it and keep their thickness, so that blendshapes carry them as before. How far they go is
bounded (LIMITS) and costs a little (DECAY): what no picture asks for stays as it was built.

Fragments are kept in bounds by a price on area: a splat grows where that pays in the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from avatar_maker.fitting.views import HELD_OUT, STUDIES, View, views
from avatar_maker.source import Floats, Ints
from avatar_maker.splats.blending import Screen, Slopes, compare, largest_weights
from splat_gles.avatar import Avatar
from splat_gles.skinning import blended_matrices

LOW_PASS: Final = 0.3
"""Square pixels that a renderer adds to every splat."""
LEAST_SEEN: Final = 0.004
"""What gets less of every pixel of a view takes no part in it."""
LIMITS: Final = {
    "shift": (-0.5, 0.5),
    "grow": (-0.6, 0.4),
    "turn": (-0.8, 0.8),
    "opacity": (-0.15, 0.15),
    "color": (-0.14, 0.14),
}
"""How far splats may go in all: in their own half axes, logarithms, radians, and plain numbers."""
COVERING: Final = {"shift": 0.2, "grow": 0.15, "turn": 0.3, "opacity": 0.4, "color": 1.0}
"""Of that, what splats may that cover a surface side by side: else gaps open between them."""
LONG: Final = 3.0
"""A splat with axes of this ratio covers no surface, but is a hair's, unless it is opaque: skin
that lies in folds is cut into strips."""
OPAQUE: Final = 0.999
RATES: Final = {"shift": 0.03, "grow": 0.03, "turn": 0.04, "opacity": 0.01, "color": 0.012}
"""First step sizes; they fall to a twentieth towards the end."""
DECAY: Final = 0.004
"""Share of its change that a splat gives back in each step of full size."""
AREA_PRICE: Final = 0.0001
"""What a painted pixel costs, in squared error."""


ROUNDS: Final = 5
"""How often every view is gone through."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A fitted avatar, and how like the fine one it was before and is after, in views that the
    fit has not seen: decibels of the mean squared error over whole pictures."""

    avatar: Avatar
    before: float
    after: float


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What stays the same of a view while splats change: rows (m,) that it shows, their linear
    part (m,3,3) and place (m,3) under the pose, the camera's included."""

    view: View
    rows: Ints
    turn: Floats
    offset: Floats


class Fit:
    """An avatar under change."""

    def __init__(self, avatar: Avatar) -> None:
        self._avatar = avatar
        full = avatar.covariances.astype(np.float64)[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]]
        squares, directions = np.linalg.eigh(full.reshape(-1, 3, 3))
        half = np.sqrt(np.maximum(squares, 1e-14))
        # Rows: the two half axes in the surface, the longer first, then the thickness
        self._axes = (directions * half[:, None, :]).transpose(0, 2, 1)[:, ::-1]
        count = avatar.splats
        shapes = {"shift": 2, "grow": 2, "turn": 1, "opacity": 1, "color": 3}
        self._change = {name: np.zeros((count, width)) for name, width in shapes.items()}
        self._means = {name: np.zeros((count, width)) for name, width in shapes.items()}
        self._squares = {name: np.zeros((count, width)) for name, width in shapes.items()}
        self._steps = np.zeros((count, 1))
        hair = (half[:, 2] > LONG * half[:, 1]) & (avatar.colors[:, 3] < OPAQUE)
        self._freedom = {
            name: np.where(hair, 1.0, share)[:, None] for name, share in COVERING.items()
        }
        # Where the surface stretches it has no cover to give away: nothing shrinks or fades
        moves = np.arange(count) < avatar.deltas.shape[1]
        self._lessening = np.where(moves & ~hair, 0.0, 1.0)[:, None]

    def result(self) -> Avatar:
        """The avatar as it is now."""
        positions, axes, opacity, colors = self._current(np.arange(self._avatar.splats))
        full = np.einsum("nki,nkj->nij", axes, axes)
        covariances = full[:, (0, 0, 0, 1, 1, 2), (0, 1, 2, 1, 2, 2)]
        return replace(
            self._avatar,
            positions=positions.astype(np.float32),
            covariances=covariances.astype(np.float32),
            colors=np.column_stack([colors, opacity]).astype(np.float32),
        )

    def sight(self, view: View) -> Sight:
        """Prepares a view."""
        avatar = self._avatar
        skin = blended_matrices(view.pose.matrices, avatar.skin_joints, avatar.skin_weights)
        moved = np.zeros((avatar.splats, 3))
        moved[: avatar.deltas.shape[1]] = np.tensordot(view.pose.weights, avatar.deltas, 1)
        to_camera = np.diag([1.0, -1.0, -1.0]) @ view.camera.view[:3]
        turn = to_camera[:, :3] @ skin[:, :, :3].astype(np.float64)
        offset = skin[:, :, 3] @ to_camera[:, :3].T + to_camera[:, 3]
        offset += np.einsum("nij,nj->ni", turn, moved)
        everything = Sight(view, np.arange(avatar.splats), turn, offset)
        screen, order, *_ = self._projected(everything)
        shown = np.sort(order[largest_weights(screen, view.camera.size) > LEAST_SEEN])
        return Sight(view, shown, turn[shown], offset[shown])

    def step(self, sight: Sight, rate: float) -> float:
        """One step towards a view, `rate` times the first step sizes; the mean squared error."""
        error, slopes, flat, axes = self._compared(sight)
        self._apply(sight.rows, self._gradients(sight, slopes, flat, axes), rate)
        return error / sight.view.wanted.size

    def error(self, sight: Sight) -> float:
        """The mean squared error in a view."""
        return self._compared(sight)[0] / sight.view.wanted.size

    def _current(self, rows: Ints) -> tuple[Floats, Floats, Floats, Floats]:
        """Positions (n,3), half axes (n,3,3), opacities (n,) and colours (n,3) of some splats."""
        change = {name: values[rows] for name, values in self._change.items()}
        start = self._axes[rows]
        cos, sin = np.cos(change["turn"]), np.sin(change["turn"])
        length = np.linalg.norm(start[:, :2], axis=2, keepdims=True)
        first, second = (start[:, :2] / length).transpose(1, 0, 2)
        grown = length[..., 0] * np.exp(change["grow"])
        axes = start.copy()
        axes[:, 0] = (first * cos + second * sin) * grown[:, :1]
        axes[:, 1] = (second * cos - first * sin) * grown[:, 1:]
        positions = self._avatar.positions[rows] + np.einsum(
            "nk,nki->ni", change["shift"], start[:, :2]
        )
        colors = self._avatar.colors[rows].astype(np.float64)
        opacity = np.clip(colors[:, 3] + change["opacity"][:, 0], 0.0, 1.0)
        return positions, axes, opacity, np.clip(colors[:, :3] + change["color"], 0, 1)

    def _projected(self, sight: Sight) -> tuple[Screen, Ints, Floats, Floats]:
        """The screen, the order in which it holds the sight's splats, axes on it and in space."""
        positions, axes, opacity, colors = self._current(sight.rows)
        points = np.einsum("nij,nj->ni", sight.turn, positions) + sight.offset
        order = np.argsort(points[:, 2], kind="stable")
        x, y, z = points[order].T
        camera = sight.view.camera
        middle = (np.array(camera.size) - 1) / 2
        scale = camera.focal / z
        centres = np.stack([x, y], axis=1) * scale[:, None] + middle
        turned = np.einsum("nij,nkj->nki", sight.turn[order], axes[order])
        depth = turned[..., 2] / z[:, None]
        flat = turned[..., :2] - depth[..., None] * np.stack([x, y], axis=1)[:, None]
        flat *= scale[:, None, None]
        full = np.einsum("nki,nkj->nij", flat, flat)
        covariances = full[:, (0, 0, 1), (0, 1, 1)] + [LOW_PASS, 0, LOW_PASS]
        return Screen(centres, covariances, opacity[order], colors[order]), order, flat, axes

    def _compared(self, sight: Sight) -> tuple[float, Slopes, Floats, Floats]:
        """The squared error, and its slopes in the sight's own order."""
        screen, order, flat, axes = self._projected(sight)
        error, found = compare(screen, sight.view.wanted, sight.view.background)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        slopes = Slopes(
            found.centres[back], found.covariances[back], found.opacities[back], found.colors[back]
        )
        return error, slopes, flat[back], axes

    def _gradients(
        self, sight: Sight, found: Slopes, flat: Floats, axes: Floats
    ) -> dict[str, Floats]:
        """The error's derivatives by what is fitted."""
        matrix = found.covariances[:, [0, 1, 1, 2]].reshape(-1, 2, 2) * [[1, 0.5], [0.5, 1]]
        by_flat = 2 * np.einsum("nij,nkj->nki", matrix, flat)
        # On the screen a turn in the surface takes the first axis towards the second, and that
        # towards minus the first, each to the other's direction at its own length
        length = np.linalg.norm(axes[:, :2], axis=2)
        ratio = (length[:, 0] / length[:, 1])[:, None]
        turn = (by_flat[:, 0] * flat[:, 1] * ratio - by_flat[:, 1] * flat[:, 0] / ratio).sum(axis=1)
        grow = np.einsum("nki,nki->nk", by_flat[:, :2], flat[:, :2])
        grow += AREA_PRICE * self._areas(sight, flat)[:, None]
        # In the surface, a splat moves along its axes as it was built, in their lengths
        change = self._change["turn"][sight.rows]
        cos, sin = np.cos(change), np.sin(change)
        start = np.linalg.norm(self._axes[sight.rows, :2], axis=2)
        first, second = (flat[:, :2] / length[..., None]).transpose(1, 0, 2)
        along = (first * cos - second * sin) * start[:, :1]
        across = (second * cos + first * sin) * start[:, 1:]
        shift = np.einsum("nki,ni->nk", np.stack([along, across], axis=1), found.centres)
        return {
            "shift": shift,
            "grow": grow,
            "turn": turn[:, None],
            "opacity": found.opacities[:, None],
            "color": found.colors,
        }

    def _areas(self, sight: Sight, flat: Floats) -> Floats:
        """Pixels (m,) that each splat paints."""
        opacity = self._avatar.colors[sight.rows, 3] + self._change["opacity"][sight.rows, 0]
        square = 2 * np.log(np.maximum(opacity * 255, 1.0))
        first, second = flat[:, 0], flat[:, 1]
        values: Floats = (
            4 * square * np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])
        )
        return values

    def _apply(self, rows: Ints, gradients: dict[str, Floats], rate: float) -> None:
        """One step of Adam for the splats of a view."""
        self._steps[rows] += 1
        steps = self._steps[rows]
        for name, gradient in gradients.items():
            mean = self._means[name][rows] * 0.9 + 0.1 * gradient
            square = self._squares[name][rows] * 0.97 + 0.03 * gradient**2
            self._means[name][rows], self._squares[name][rows] = mean, square
            size = np.sqrt(square / (1 - 0.97**steps)) + 1e-6
            value = self._change[name][rows] * (1 - rate * DECAY)
            value -= rate * RATES[name] * mean / (1 - 0.9**steps) / size
            least, most = (self._freedom[name][rows] * limit for limit in LIMITS[name])
            if name in ("grow", "opacity"):
                least = least * self._lessening[rows]
            self._change[name][rows] = np.clip(value, least, most)


def fit(avatar: Avatar, fine: Avatar, progress: Callable[[str, float], None]) -> Fitted:
    """The avatar, as like the fine one as its splats can be; `progress` as for a build."""
    progress("draw the fine avatar", 0.0)
    seen = views(fine, STUDIES, lambda part: progress("", 0.15 * part))
    unseen = views(fine, HELD_OUT, lambda part: progress("", 0.15 + 0.05 * part))
    under_way = Fit(avatar)
    sights, tests = ([under_way.sight(view) for view in some] for some in (seen, unseen))
    before = _decibels(under_way, tests)
    progress(f"fit to its pictures, from {before:.1f} dB", 0.35)
    rng = np.random.default_rng(3)
    order = np.concatenate([rng.permutation(len(sights)) for _ in range(ROUNDS)])
    for number, index in enumerate(order):
        done = number / len(order)
        under_way.step(sights[index], 0.525 + 0.475 * np.cos(np.pi * done))
        progress("", 0.35 + 0.62 * done)
    fitted = under_way.result()
    # What has become too faint to be drawn would only be loaded
    return Fitted(fitted.only(np.flatnonzero(fitted.drawable)), before, _decibels(under_way, tests))


def _decibels(under_way: Fit, sights: Sequence[Sight]) -> float:
    return float(-10 * np.log10(np.mean([under_way.error(sight) for sight in sights])))
