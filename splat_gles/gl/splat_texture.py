# SPDX-License-Identifier: Apache-2.0
"""What never changes of an avatar, as textures that the projection pass reads by index.

Textures and not attributes, because splats are read in drawing order; not storage buffers,
because Mali GPUs have none in the vertex stage (GL_MAX_VERTEX_SHADER_STORAGE_BLOCKS is 0).
Positions stay in 32-bit floats: half floats 1.5 m above the floor would cost 40 dB.
"""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from splat_gles.avatar import Float32
from splat_gles.errors import RenderError
from splat_gles.gl.api import gl

SPLATS_PER_ROW = 512
"""Splats in a row of the splat texture, three texels each; as in projection.vert."""
DELTAS_PER_ROW = 1024
"""Splats in a row of the deltas' layers; as in projection.vert."""

_HALF_LIMIT = 32768.0


def pack_splats(
    positions: Float32,
    covariances: Float32,
    colors: Float32,
    skin_joints: NDArray[np.uint8],
    skin_weights: Float32,
) -> tuple[NDArray[np.uint32], float]:
    """The texels (N,3,4) of projection.vert's `splats` and the scale of their covariances.

    Covariances in square metres lie below what half floats resolve, so they are divided by
    the scale, which puts the largest at 32768; the smallest normal half is then 2e-9 of it.
    """
    count = len(positions)
    scale = float(np.abs(covariances).max(initial=0.0)) / _HALF_LIMIT or 1.0
    texels = np.zeros((count, 3, 4), np.uint32)
    texels[:, 0, :3] = np.ascontiguousarray(positions, np.float32).view(np.uint32)
    rgba = np.rint(np.clip(colors, 0.0, 1.0) * 255.0).astype(np.uint8)
    texels[:, 0, 3] = np.ascontiguousarray(rgba).view("<u4")[:, 0]
    halves = np.ascontiguousarray((covariances / scale).astype("<f2"))
    texels[:, 1, :3] = halves.view("<u4")
    texels[:, 1, 3] = np.ascontiguousarray(skin_joints, np.uint8).view("<u4")[:, 0]
    texels[:, 2, :] = np.ascontiguousarray(skin_weights, np.float32).view(np.uint32)
    return texels, scale


def make_splat_texture(texels: NDArray[np.uint32]) -> int:
    """Upload `pack_splats`' texels to the active texture unit, which keeps them bound."""
    rows = max(1, -(-len(texels) // SPLATS_PER_ROW))
    _check_limit(SPLATS_PER_ROW * 3, rows, gl.GL_MAX_TEXTURE_SIZE, "splats", len(texels))
    padded = np.zeros((rows * SPLATS_PER_ROW, 3, 4), np.uint32)
    padded[: len(texels)] = texels
    name = _make_texture(gl.GL_TEXTURE_2D)
    gl.glTexImage2D(
        gl.GL_TEXTURE_2D,
        0,
        gl.GL_RGBA32UI,
        SPLATS_PER_ROW * 3,
        rows,
        0,
        gl.GL_RGBA_INTEGER,
        gl.GL_UNSIGNED_INT,
        padded.ctypes.data,
    )
    return name


def make_delta_texture(deltas: Float32) -> int:
    """Upload deltas (B,T,3), metres, as half floats: one layer for each blendshape.

    A half resolves a displacement of 3 cm to 0.015 mm. At least one layer is made, so that the
    sampler is complete for avatars without blendshapes too.
    """
    targets, touched, _ = deltas.shape
    layers = max(1, targets)
    rows = max(1, -(-touched // DELTAS_PER_ROW))
    _check_limit(layers, 1, gl.GL_MAX_ARRAY_TEXTURE_LAYERS, "blendshapes", targets)
    _check_limit(DELTAS_PER_ROW, rows, gl.GL_MAX_TEXTURE_SIZE, "moving splats", touched)
    name = _make_texture(gl.GL_TEXTURE_2D_ARRAY)
    gl.glTexImage3D(
        gl.GL_TEXTURE_2D_ARRAY,
        0,
        gl.GL_RGBA16F,
        DELTAS_PER_ROW,
        rows,
        layers,
        0,
        gl.GL_RGBA,
        gl.GL_HALF_FLOAT,
        None,
    )
    # Layer by layer: a copy of them all would be the largest array that drawing ever needs
    padded = np.zeros((rows * DELTAS_PER_ROW, 4), np.float16)
    for layer in range(targets):
        padded[:touched, :3] = deltas[layer]
        gl.glTexSubImage3D(
            gl.GL_TEXTURE_2D_ARRAY,
            0,
            0,
            0,
            layer,
            DELTAS_PER_ROW,
            rows,
            1,
            gl.GL_RGBA,
            gl.GL_HALF_FLOAT,
            padded.ctypes.data,
        )
    return name


def _make_texture(target: int) -> int:
    name = ctypes.c_uint()
    gl.glGenTextures(1, ctypes.addressof(name))
    gl.glBindTexture(target, name.value)
    # Without mipmaps a texture is complete only with a filter that asks for none
    gl.glTexParameteri(target, gl.GL_TEXTURE_MIN_FILTER, gl.GL_NEAREST)
    gl.glTexParameteri(target, gl.GL_TEXTURE_MAG_FILTER, gl.GL_NEAREST)
    return name.value


def _check_limit(width: int, height: int, limit_name: int, what: str, count: int) -> None:
    limit = gl.integer(limit_name)
    if max(width, height) > limit:
        raise RenderError(
            f"the avatar has {count} {what}: more than this GPU's textures hold "
            f"({max(width, height)} over {limit}); use an avatar with fewer"
        )
