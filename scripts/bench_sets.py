# SPDX-License-Identifier: Apache-2.0
"""Avatars of any number of splats that cover what a given one covers, for measurements.

More splats: each is drawn as several smaller ones, scattered as the large one spreads. Fewer:
some are left out and the others grow. Either way number times area stays, and so do joints,
blendshapes and clips. The pictures are no portraits; their cost is what counts.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from splat_gles.avatar import Avatar
from splat_gles.bundle_parts import cholesky


def with_splats(avatar: Avatar, count: int) -> Avatar:
    """An avatar of `count` splats, always the same for the same input."""
    random = np.random.default_rng(count)
    # Evenly spread over the splats, in their order: those that blendshapes move stay first
    origin = (np.arange(count) * avatar.splats) // count
    touched = int(np.searchsorted(origin, avatar.deltas.shape[1]))
    share = avatar.splats / count
    positions = avatar.positions[origin].astype(np.float64)
    if share < 1.0:
        # A Gaussian is the sum of two: how the copies scatter, and how far each spreads
        l00, l10, l11, l20, l21, l22 = cholesky(avatar.covariances)[origin].T
        x, y, z = random.normal(0.0, np.sqrt(1.0 - share), (3, count))
        positions += np.stack([l00 * x, l10 * x + l11 * y, l20 * x + l21 * y + l22 * z], axis=1)
    return replace(
        avatar,
        name=f"{avatar.name}, {count} splats",
        positions=positions.astype(np.float32),
        covariances=avatar.covariances[origin] * np.float32(share),
        colors=avatar.colors[origin],
        deltas=np.ascontiguousarray(avatar.deltas[:, origin[:touched]]),
        skin_joints=avatar.skin_joints[origin],
        skin_weights=avatar.skin_weights[origin],
    )
