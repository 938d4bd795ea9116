# SPDX-License-Identifier: Apache-2.0
"""Real avatars: posed and turned, the picture is the reference's."""

from __future__ import annotations

import numpy as np
import pytest

from splat_gles import camera
from splat_gles.importers.lam import import_lam
from splat_gles.offscreen import offscreen_renderer
from splat_gles.reference import masked_psnr, rasterise
from splat_gles.rig import Rig
from splat_gles.scene import pose_scene

SIZE = (135, 240)
WHITE = (1.0, 1.0, 1.0)


@pytest.mark.parametrize("name", ["lam-p2-1", "lam-james"])
def test_lam_avatar_looks_like_the_reference(shared_data, name) -> None:
    avatar = import_lam(
        shared_data / "avatars" / f"{name}.zip", name=name, licence="MIT", progress=print
    )
    rig = Rig(avatar)
    neutral, talking = rig.neutral(), rig.neutral()
    talking.weights[rig.blendshape_index["jawOpen"]] = 0.8
    talking.weights[rig.blendshape_index["eyeBlinkLeft"]] = 1.0
    talking.rotations[rig.joint_index["head"]] = [0.1, 0.25, 0.05]
    views = [
        (neutral, camera.bust(avatar.framing, SIZE)),
        (talking, camera.bust(avatar.framing, SIZE, 0.4)),
        (talking, camera.lam(SIZE)),
    ]
    with offscreen_renderer(avatar, SIZE) as renderer:
        for parameters, view in views:
            pose = rig.pose(parameters)
            renderer.draw(pose, view)
            pixels = renderer.read_pixels()
            reference = rasterise(pose_scene(avatar, pose, view, WHITE))
            assert (reference.light < 0.5).mean() > 0.08
            assert masked_psnr(pixels, reference) >= 45
            assert np.array_equal(pixels[:5], np.full((5, SIZE[0], 3), 255)), "hair cut off"
