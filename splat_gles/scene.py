# SPDX-License-Identifier: Apache-2.0
"""One picture's worth of splats in world space, for rasterisers that know nothing of avatars.

It is what the decibels of this project refer to: the avatar as it comes out of its bundle
(pruned, dequantised), posed in float64, before anything is culled. `reference` redraws it, and
as a file (`render --dump`) anybody else's rasteriser can.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from splat_gles.avatar import Avatar
from splat_gles.camera import Camera, Float64, Size
from splat_gles.errors import RenderError
from splat_gles.regular_file import open_regular
from splat_gles.rig import Pose


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """N splats, a camera and a background.

    means (N,3) metres and covariances (N,3,3) square metres in world space; colors (N,3)
    display-referred and opacities (N,), 0 to 1; view and projection (4,4) for column vectors in
    OpenGL's conventions; size (width, height) in pixels; background (3,).
    """

    means: Float64
    covariances: Float64
    colors: Float64
    opacities: Float64
    view: Float64
    projection: Float64
    size: Size
    background: Float64


def pose_scene(
    avatar: Avatar,
    pose: Pose,
    camera: Camera,
    background: tuple[float, float, float],
    order: NDArray[np.integer] | None = None,
) -> Scene:
    """The avatar in a pose, in float64: blendshapes, then linear blend skinning.

    `order` are indices into the avatar's splats: which ones and in which order; None takes all
    as they are stored.
    """
    means = avatar.positions.astype(np.float64)
    touched = avatar.deltas.shape[1]
    means[:touched] += np.tensordot(pose.weights.astype(np.float64), avatar.deltas, 1)
    skin = np.einsum(
        "ni,nijk->njk",
        avatar.skin_weights.astype(np.float64),
        pose.matrices.astype(np.float64)[avatar.skin_joints],
    )
    turn = skin[:, :3, :3]
    means = np.einsum("nij,nj->ni", turn, means) + skin[:, :3, 3]
    rest = avatar.covariances.astype(np.float64)[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3)
    covariances = turn @ rest @ turn.transpose(0, 2, 1)
    colors = avatar.colors.astype(np.float64)
    chosen = np.arange(len(means)) if order is None else order
    return Scene(
        means[chosen],
        covariances[chosen],
        colors[chosen, :3],
        colors[chosen, 3],
        np.asarray(camera.view, np.float64),
        camera.projection,
        camera.size,
        np.array(background, np.float64),
    )


def write_scene(scene: Scene, path: Path) -> None:
    """Write an npz file with the fields of Scene by their names, every one as float64."""
    arrays = {
        field.name: np.asarray(getattr(scene, field.name), np.float64) for field in fields(Scene)
    }
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_scene(path: Path) -> Scene:
    """Read what `write_scene` wrote; raises RenderError for anything else."""
    try:
        with open_regular(path) as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {field.name: np.asarray(file[field.name]) for field in fields(Scene)}
        width, height = (int(side) for side in arrays.pop("size"))
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise RenderError(
            f"{path} is not a scene ({error}); write one with "
            "`python -m splat_gles render … --dump`"
        ) from error
    return Scene(**arrays, size=(width, height))
