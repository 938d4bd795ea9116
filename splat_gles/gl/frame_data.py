# SPDX-License-Identifier: Apache-2.0
"""All that a frame sends to the GPU, in one piece: the block `Frame` of the shaders, the order.

One upload of 4 bytes a splat and about a kilobyte, into one of a few buffers in turn, so that
none is written while the GPU still reads it.
"""

from __future__ import annotations

import numpy as np

from splat_gles.avatar import Float32
from splat_gles.camera import Camera, Float64
from splat_gles.errors import RenderError
from splat_gles.gl.api import gl
from splat_gles.gl.buffers import BufferRing, Fence, delete, make_vertex_array
from splat_gles.gl.target import Region

FRAMES_IN_FLIGHT = 3
"""Frames whose buffers may be in use at once: one shown, one drawn, one written."""

_SMALLEST_WEIGHT = 1e-4
"""Blendshape weights below it move nothing by more than a few micrometres."""
_HEADER_ROWS = 5


class FrameData:
    """The numbers of the frame to come, in `order` (splats,) and through `fill`, and their way.

    `joints` and `targets` are how many joints and blendshapes the avatar has.
    """

    def __init__(self, splats: int, joints: int, targets: int, covariance_scale: float) -> None:
        rows = _HEADER_ROWS + 3 * joints + max(1, targets)
        self._data = np.zeros(16 * rows + 4 * max(1, splats), np.uint8)
        self._block = self._data[: 16 * rows].view(np.float32).reshape(rows, 4)
        self.order = self._data[16 * rows :].view(np.uint32)[:splats]
        self.upload_bytes = self._data.nbytes
        self._joints = joints
        self._covariance_scale = covariance_scale
        self._ring = BufferRing(gl.GL_ARRAY_BUFFER, self._data.nbytes, FRAMES_IN_FLIGHT)
        self._arrays = [self._order_array(name, 16 * rows) for name in self._ring.names]
        self._fences: list[Fence | None] = [None] * FRAMES_IN_FLIGHT
        self._slot = 0

    def fill(
        self, weights: Float32, view_skin: Float64, camera: Camera, least_alpha: float
    ) -> None:
        """Write the pose, weights (B,) and view * joint (J,4,4), the camera and the splats' end."""
        block = self._block
        horizontal, vertical = camera.tangents
        active = np.flatnonzero(np.abs(weights) > _SMALLEST_WEIGHT)
        block[0] = 1 / horizontal, 1 / vertical, 1.3 * horizontal, 1.3 * vertical
        # The low-pass is one of the picture's pixels at any internal resolution: that matches
        # 0.3 scale^2 square pixels of the smaller buffer, where 0.3 would blur
        block[1] = (2 / camera.size[0], 2 / camera.size[1], self._covariance_scale, len(active))
        block[4, 0] = 1 / least_alpha
        end = _HEADER_ROWS + 3 * self._joints
        block[_HEADER_ROWS:end] = view_skin[:, :3].reshape(-1, 4)
        block[end : end + len(active), 0] = active
        block[end : end + len(active), 1] = weights[active]

    def fill_region(self, region: Region) -> None:
        """Write which part of an offscreen buffer goes to which part of the picture."""
        self._block[2] = region.corners
        self._block[3] = region.source

    def send(self) -> None:
        """Upload everything, and bind the block and the order for the projection pass.

        Raises RenderError where the frame that used the same buffer before does not end.
        """
        self._slot = (self._slot + 1) % FRAMES_IN_FLIGHT
        previous = self._fences[self._slot]
        if previous is not None:
            await_fence(previous, 10.0)
            previous.delete()
        gl.glBindBufferBase(gl.GL_UNIFORM_BUFFER, 0, self._ring.write(self._slot, self._data))
        gl.glBindVertexArray(self._arrays[self._slot])

    def sent(self) -> Fence:
        """The fence of the frame whose commands have all been given."""
        fence = self._fences[self._slot] = Fence()
        return fence

    def delete(self) -> None:
        """Free everything on the GPU."""
        for fence in self._fences:
            if fence is not None:
                fence.delete()
        delete("glDeleteVertexArrays", self._arrays)
        self._ring.delete()

    def _order_array(self, buffer: int, offset: int) -> int:
        array = make_vertex_array()
        gl.glBindBuffer(gl.GL_ARRAY_BUFFER, buffer)
        gl.glEnableVertexAttribArray(0)
        gl.glVertexAttribIPointer(0, 1, gl.GL_UNSIGNED_INT, 0, offset)
        return array


def await_fence(fence: Fence, timeout_s: float) -> None:
    """Wait until the fence is signalled; RenderError after `timeout_s` seconds."""
    if not fence.signalled(timeout_s):
        raise RenderError(
            f"the GPU has not finished a frame within {timeout_s:g} s; "
            f"the driver ({gl.string(gl.GL_RENDERER)}) hangs: restart the kiosk"
        )
