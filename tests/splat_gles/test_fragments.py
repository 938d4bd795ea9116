# SPDX-License-Identifier: Apache-2.0
"""Fragments are counted as the quads' area inside the picture."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from made_up_avatar import make_avatar

from splat_gles import camera
from splat_gles.avatar import Avatar, Framing
from splat_gles.fragments import count_drawn, count_fragments, project_avatar
from splat_gles.quality import RenderQuality
from splat_gles.rig import Rig

SIZE = (400, 400)
FAST = RenderQuality()


def one_splat(position: tuple[float, float, float], opacity: float) -> Avatar:
    """A round splat of 1 cm, seen at 1 mm a pixel: 10 pixels are its standard deviation."""
    avatar = make_avatar(3)
    return replace(
        avatar,
        framing=Framing((0.0, 1.6, 0.0), 0.4),
        positions=np.tile(np.float32(position), (3, 1)),
        covariances=np.tile(np.float32([1e-4, 0, 0, 1e-4, 0, 1e-4]), (3, 1)),
        colors=np.float32([[1, 1, 1, opacity], [1, 1, 1, 1 / 255], [1, 1, 1, 0]]),
    )


def fragments(avatar: Avatar, quality: RenderQuality = FAST) -> float:
    rig = Rig(avatar)
    view = camera.bust(avatar.framing, SIZE)
    projected = project_avatar(avatar, rig.pose(rig.neutral()), view)
    assert count_drawn(projected, quality) == (1 if len(projected.index) else 0)
    return count_fragments(projected, view, quality)


@pytest.mark.parametrize("opacity", [1.0, 0.2])
@pytest.mark.parametrize(("mode", "least"), [("fast", 1.5), ("quality", 1.0)])
def test_a_quad_reaches_to_where_its_splat_ends(opacity: float, mode, least: float) -> None:
    """Its half side is sigma * sqrt(2 ln(opacity / least)); the two faint splats count nothing."""
    variance = 10.0**2 + 0.3
    expected = 4 * variance * 2 * math.log(255 * opacity / least)
    painted = fragments(one_splat((0.0, 1.6, 0.0), opacity), RenderQuality(mode=mode))
    assert painted == pytest.approx(expected, rel=0.01)


def test_only_what_lies_in_the_picture_counts() -> None:
    """In the middle of an edge half of it counts, in a corner a quarter, outside nothing."""
    whole = fragments(one_splat((0.0, 1.6, 0.0), 1.0))
    assert fragments(one_splat((0.2, 1.6, 0.0), 1.0)) == pytest.approx(whole / 2, rel=0.05)
    assert fragments(one_splat((-0.2, 1.4, 0.0), 1.0)) == pytest.approx(whole / 4, rel=0.1)
    assert fragments(one_splat((0.5, 1.6, 0.0), 1.0)) == 0


def test_splats_behind_the_camera_count_nothing() -> None:
    assert fragments(one_splat((0.0, 1.6, 3.0), 1.0)) == 0
