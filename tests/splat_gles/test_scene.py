# SPDX-License-Identifier: Apache-2.0
"""A dumped scene is what was drawn, for whoever redraws it."""

from __future__ import annotations

import io

import numpy as np
import pygame
import pytest
from small_avatar import make_small_avatar

from splat_gles import camera
from splat_gles.bundle import read_bundle, write_bundle
from splat_gles.cli.main import main
from splat_gles.errors import RenderError
from splat_gles.reference import masked_psnr, rasterise
from splat_gles.rig import Rig
from splat_gles.scene import pose_scene, read_scene

SHAPES = {
    "means": (400, 3),
    "covariances": (400, 3, 3),
    "colors": (400, 3),
    "opacities": (400,),
    "view": (4, 4),
    "projection": (4, 4),
    "size": (2,),
    "background": (3,),
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A picture and its scene, and the bundle that they were made of."""
    folder = tmp_path_factory.mktemp("dump")
    write_bundle(make_small_avatar(), folder / "small.avatar", source="made by a test")
    options = ["--size", "135x240", "--yaw", "-20", "--set", "jawOpen=0.8"]
    colors = ["--background", "336699"]
    files = ["-o", str(folder / "out.png"), "--dump", str(folder / "scene.npz")]
    assert main(["render", str(folder / "small.avatar"), *options, *colors, *files]) == 0
    return folder


def test_the_file_holds_every_array_in_float64(drawn) -> None:
    with np.load(drawn / "scene.npz", allow_pickle=False) as file:
        assert {name: file[name].shape for name in file.files} == SHAPES
        assert all(file[name].dtype == np.float64 for name in file.files)
        assert file["size"].tolist() == [135, 240]
        assert file["background"] == pytest.approx(np.array([0x33, 0x66, 0x99]) / 255)


def test_splats_come_back_to_front_in_world_space(drawn) -> None:
    scene = read_scene(drawn / "scene.npz")
    depths = scene.means @ scene.view[2, :3] + scene.view[2, 3]
    step = np.ptp(depths) / 65535
    assert (np.diff(depths) > -1.5 * step).all(), "ascending but for the sort key's 16 bits"
    avatar = read_bundle(drawn / "small.avatar")
    rig = Rig(avatar)
    parameters = rig.neutral()
    parameters.weights[0] = 0.8
    expected = rig.posed_positions(rig.pose(parameters))
    by_place = np.lexsort(scene.means.T), np.lexsort(expected.T)
    assert scene.means[by_place[0]] == pytest.approx(expected[by_place[1]], abs=1e-5)
    symmetric = scene.covariances.transpose(0, 2, 1)
    assert scene.covariances == pytest.approx(symmetric, abs=1e-15)


def test_projection_and_view_put_a_mean_where_opengl_does(drawn) -> None:
    scene = read_scene(drawn / "scene.npz")
    clip = scene.projection @ scene.view @ np.append(scene.means[0], 1.0)
    assert clip[3] > 0, "before the camera"
    assert (np.abs(clip[:3] / clip[3]) < 1).all(), "inside of the picture"


def test_redrawn_from_the_file_it_is_the_same_picture(drawn) -> None:
    surface = pygame.image.load(io.BytesIO((drawn / "out.png").read_bytes()), "out.png")
    pixels = np.frombuffer(pygame.image.tobytes(surface, "RGB"), np.uint8).reshape(240, 135, 3)
    reference = rasterise(read_scene(drawn / "scene.npz"))
    assert masked_psnr(pixels, reference) >= 45
    assert pixels[0, 0].tolist() == [0x33, 0x66, 0x99]


def test_without_an_order_all_splats_come_as_they_are_stored() -> None:
    avatar = make_small_avatar()
    rig = Rig(avatar)
    view = camera.lam((90, 160))
    scene = pose_scene(avatar, rig.pose(rig.neutral()), view, (0.0, 0.0, 0.0))
    assert scene.means == pytest.approx(avatar.positions.astype(np.float64), abs=1e-7)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04broken", b"no scene at all"])
def test_a_file_that_is_no_scene_is_named(tmp_path, content) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(RenderError, match=r"x\.npz is not a scene"):
        read_scene(path)


def test_a_scene_that_lacks_an_array_is_named(tmp_path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, means=np.zeros((1, 3)))
    with pytest.raises(RenderError, match="covariances is not a file"):
        read_scene(path)
