# SPDX-License-Identifier: Apache-2.0
"""The project's own avatars cost a renderer little more than LAM's, seen from the same distance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from splat_gles import camera
from splat_gles.avatar import Avatar
from splat_gles.bundle import read_bundle
from splat_gles.fragments import count_fragments, project_avatar
from splat_gles.rig import Rig

SIZE = (540, 960)


def fragments(avatar: Avatar, width: float) -> float:
    """Of a neutral face in a picture that shows `width` metres across."""
    rig = Rig(avatar)
    view = camera.bust(replace(avatar.framing, width=width), SIZE)
    projected = project_avatar(avatar, rig.pose(rig.neutral()), view)
    return count_fragments(projected, view)


@pytest.mark.parametrize(
    ("name", "most"),
    [("default", 1.3), ("samuel", 1.3), ("default-20k", 1.3), ("samuel-20k", 1.3)],
)
def test_an_avatar_costs_little_more_than_lams(
    root: Path, baked_lam: Callable[[str], Avatar], name: str, most: float
) -> None:
    """At as many metres a pixel; a narrower framing shows less, and all of it larger."""
    other = baked_lam("p2-1")
    own = read_bundle(root / "config" / "avatars" / f"{name}.avatar")
    width = other.framing.width
    assert fragments(own, width) <= most * fragments(other, width)
