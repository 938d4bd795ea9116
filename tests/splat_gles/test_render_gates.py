# SPDX-License-Identifier: Apache-2.0
"""Decibels: the pictures of real avatars against the INRIA definition in float64.

Masked PSNR, over the pixels that the avatar covers, on the splats as they come out of the bundle.
`-rP` prints every figure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from made_up.plugin import LAM_NAMES

from splat_gles import camera
from splat_gles.avatar import Avatar
from splat_gles.bundle import read_bundle
from splat_gles.offscreen import offscreen_renderer
from splat_gles.quality import RenderQuality
from splat_gles.reference import (
    ReferencePicture,
    Rule,
    blend_rounded,
    masked_psnr,
    rasterise,
)
from splat_gles.rig import Pose, Rig
from splat_gles.scene import pose_scene

SMALL, LARGE = (270, 480), (540, 960)
WHITE = (1.0, 1.0, 1.0)
FAST, QUALITY = RenderQuality(), RenderQuality(mode="quality")


@pytest.fixture(scope="module", params=["default", *LAM_NAMES])
def avatar(request, root, baked_bundle) -> Avatar:
    if request.param == "default":
        return read_bundle(root / "config" / "avatars" / "default-20k.avatar")
    return read_bundle(baked_bundle(request.param))


def shots(avatar: Avatar, size: camera.Size) -> Iterator[tuple[str, Pose, camera.Camera]]:
    """Name, pose and camera."""
    rig = Rig(avatar)
    talking, turned = rig.neutral(), rig.neutral()
    for name, weight in (("jawOpen", 0.7), ("mouthFunnel", 0.4), ("eyeBlinkLeft", 1.0)):
        talking.weights[rig.blendshape_index[name]] = weight
    turned.weights[rig.blendshape_index["jawOpen"]] = 0.3
    turned.rotations[rig.joint_index["head"]] = [0.1, 0.3, 0.05]
    yield "neutral", rig.pose(rig.neutral()), camera.bust(avatar.framing, size)
    yield "talking", rig.pose(talking), camera.bust(avatar.framing, size)
    yield "turned", rig.pose(turned), camera.bust(avatar.framing, size, 0.4)
    if size == SMALL:
        yield "LAM's camera", rig.pose(talking), camera.lam(size)


@pytest.mark.slow("bakes avatars, and draws them in float64")
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["270x480", "540x960"])
def test_picture_is_the_references(avatar, size) -> None:
    with offscreen_renderer(avatar, size) as renderer:
        for name, pose, view in shots(avatar, size):
            reference = rasterise(pose_scene(avatar, pose, view, WHITE))
            assert (reference.light < 0.5).mean() > 0.08, "the reference itself is nearly empty"
            decibels = []
            for quality in (FAST, QUALITY):
                renderer.set_quality(quality)
                renderer.draw(pose, view)
                pixels = renderer.read_pixels()
                decibels.append(masked_psnr(pixels, reference))
                assert (pixels[:5] == 255).all(), "hair cut off"
            fast, quality_mode = decibels
            print(f"{avatar.name} {size} {name}: fast {fast:.1f}, quality {quality_mode:.1f} dB")
            assert fast >= 45, name
            assert quality_mode >= 50, name


@pytest.mark.slow("draws avatars in float64")
def test_order_of_four_frames_ago_will_do(avatar, monkeypatch) -> None:
    """The head turns by 15 degrees to both sides, 0.4 times a second; seen where it is fastest."""
    rig = Rig(avatar)
    view = camera.bust(avatar.framing, SMALL)

    def turned(seconds: float) -> Pose:
        parameters = rig.neutral()
        angle = math.radians(15) * math.sin(2 * math.pi * 0.4 * seconds)
        parameters.rotations[rig.joint_index["head"]] = [0.0, angle, 0.0]
        return rig.pose(parameters)

    for seconds in (0.0, 0.4):
        pose = turned(seconds)
        reference = rasterise(pose_scene(avatar, pose, view, WHITE))
        with offscreen_renderer(avatar, SMALL) as renderer, monkeypatch.context() as patched:
            stale = renderer.prepare(turned(seconds - 4 / 60), view).copy()
            fresh = renderer.prepare(pose, view)
            assert (stale != fresh).any()
            patched.setattr(
                renderer._sorter, "order", lambda _, __, out, stale=stale: np.copyto(out, stale)
            )
            renderer.draw(pose, view)
            decibels = masked_psnr(renderer.read_pixels(), reference)
        print(f"{avatar.name} at {seconds} s: {decibels:.1f} dB with an old order")
        assert decibels >= 45


@pytest.mark.slow("draws avatars in float64")
def test_rounding_of_a_gpus_framebuffer_is_affordable(avatar) -> None:
    """What 8 and 10 bits a channel cost where the GPU blends exactly and rounds to the nearest.

    Mesa's software driver, which draws here, blends 10 bits otherwise; this stands in for a GPU.
    """
    view = camera.bust(avatar.framing, SMALL)
    scene = pose_scene(avatar, Rig(avatar).pose(Rig(avatar).neutral()), view, WHITE)
    reference = rasterise(scene)
    fast, quality = (masked_psnr(_eight_bits(scene, bits), reference) for bits in (8, 10))
    print(f"{avatar.name}: {fast:.1f} dB with 8 bits, {quality:.1f} dB with 10")
    assert fast >= 45
    assert quality >= 50


@pytest.mark.slow("draws avatars in float64")
def test_rasterisers_agree_but_for_the_order(avatar) -> None:
    """gsplat's cuts are seen by nobody; sorting by distance is."""
    view = camera.bust(avatar.framing, SMALL)
    scene = pose_scene(avatar, Rig(avatar).pose(Rig(avatar).neutral()), view, WHITE)
    reference: ReferencePicture = rasterise(scene)
    gsplat = masked_psnr(rasterise(scene, Rule(cut="gsplat")).colors, reference)
    distance = masked_psnr(rasterise(scene, Rule(sort="distance")).colors, reference)
    print(f"{avatar.name}: gsplat's cuts {gsplat:.1f} dB, distance sort {distance:.1f} dB")
    assert gsplat >= 55
    assert distance < gsplat


def _eight_bits(scene, bits: int) -> np.ndarray:
    return np.rint(blend_rounded(scene, bits) * 255).astype(np.uint8)
