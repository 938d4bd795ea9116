# SPDX-License-Identifier: Apache-2.0
"""A made-up avatar's picture is the INRIA definition's, drawn as on a GPU and as in software."""

from __future__ import annotations

import pytest
from small_avatar import make_pose, make_small_avatar

from splat_gles import camera
from splat_gles.display import open_display
from splat_gles.quality import RenderQuality
from splat_gles.reference import masked_psnr, rasterise
from splat_gles.renderer import Renderer
from splat_gles.scene import pose_scene

SIZE = (135, 240)
AVATAR = make_small_avatar()


@pytest.mark.parametrize(
    ("pose", "yaw", "background"),
    [
        pytest.param(make_pose(), 0.0, (1.0, 1.0, 1.0), id="neutral"),
        pytest.param(make_pose(jaw=1.0, left=0.7), 0.0, (1.0, 1.0, 1.0), id="talking"),
        pytest.param(make_pose(neck=0.3, head=-0.5), 0.4, (0.1, 0.2, 0.3), id="turned"),
    ],
)
@pytest.mark.parametrize("tuning", ["gpu", "software"])
@pytest.mark.parametrize(("mode", "least"), [("fast", 45), ("quality", 55)])
def test_picture_matches_the_reference(pose, yaw, background, tuning, mode, least) -> None:
    view = camera.bust(AVATAR.framing, SIZE, yaw)
    with (
        open_display("offscreen", SIZE),
        Renderer(AVATAR, SIZE, background, RenderQuality(mode=mode), tuning) as renderer,
    ):
        renderer.draw(pose, view)
        pixels = renderer.read_pixels()
    reference = rasterise(pose_scene(AVATAR, pose, view, background))
    assert (reference.light < 0.5).mean() > 0.05, "the reference itself is nearly empty"
    assert masked_psnr(pixels, reference) >= least
