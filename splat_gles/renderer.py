# SPDX-License-Identifier: Apache-2.0
"""Draws an avatar's pose into the current framebuffer with OpenGL ES 3.0.

A frame: sort on the CPU, upload the order (4 bytes a splat) and one small block of parameters,
run the prepass (shaders/prepass.vert: blendshapes, skin, projection, once per splat, results
kept on the GPU by transform feedback), then one instanced draw of quads, back to front, blended
over the background. No depth buffer, no discard, no readback, no glFinish.

Blending happens in display-referred values, as the splats were trained; the framebuffer must
not be an sRGB one. Left out on purpose: time, windows (see `display`), the choice of pose.
"""

from __future__ import annotations

from types import TracebackType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from splat_gles.avatar import Avatar
from splat_gles.camera import Camera, Float64, Size
from splat_gles.errors import RenderError
from splat_gles.gl.api import gl
from splat_gles.gl.buffers import BufferRing, Fence, delete, make_buffer, make_vertex_array
from splat_gles.gl.program import build_program
from splat_gles.gl.splat_texture import make_delta_texture, make_splat_texture, pack_splats
from splat_gles.rig import Pose
from splat_gles.sorting import DepthSorter

FRAMES_IN_FLIGHT = 3
"""Frames whose buffers may be in use at once: one shown, one drawn, one written."""

_SMALLEST_OPACITY = 1.0 / 255.0
_SMALLEST_WEIGHT = 1e-4
"""Blendshape weights below it move nothing by more than a few micrometres."""
_QUAD_BYTES = 20
_HEADER_ROWS = 2


class Renderer:
    """Draws one avatar. Make, use and close it with the same context current.

    `background` is red, green and blue, display-referred, 0 to 1. `precision` is the fragments'
    arithmetic, "mediump" or "highp"; None takes what is fast: 16 bits on a GPU, which cost
    nothing that is seen (87 dB), and 32 bits on Mesa's software driver, which emulates 16-bit
    floats at three times the price of a whole frame.
    """

    def __init__(
        self,
        avatar: Avatar,
        size: Size,
        background: tuple[float, float, float] = (1.0, 1.0, 1.0),
        precision: Literal["mediump", "highp"] | None = None,
    ) -> None:
        self.background = background
        self.gl_strings = {
            "vendor": gl.string(gl.GL_VENDOR),
            "renderer": gl.string(gl.GL_RENDERER),
            "version": gl.string(gl.GL_VERSION),
        }
        # What is too faint to change an 8-bit picture is never drawn
        kept = np.flatnonzero(np.rint(avatar.colors[:, 3] * 255.0) > 1.0)
        touched = int(np.searchsorted(kept, avatar.deltas.shape[1]))
        deltas = avatar.deltas
        if touched < deltas.shape[1]:
            deltas = deltas[:, kept[:touched]]
        self.kept = kept
        self.splats = len(kept)
        self._joints = len(avatar.joints)
        self._targets = len(avatar.blendshapes)
        skin = (avatar.skin_joints[kept], avatar.skin_weights[kept])
        self._sorter = DepthSorter(avatar.positions[kept], deltas, *skin)
        texels, self._covariance_scale = pack_splats(
            avatar.positions[kept], avatar.covariances[kept], avatar.colors[kept], *skin
        )

        self._prepass = build_program(
            "prepass.vert",
            "prepass.frag",
            defines={"JOINTS": self._joints, "TARGETS": max(1, self._targets)},
            captured=("centre", "axes", "color"),
        )
        if precision is None:
            precision = "highp" if "llvmpipe" in self.gl_strings["renderer"] else "mediump"
        self._quads = build_program("splat.vert", "splat.frag", defines={"PRECISION": precision})
        gl.glUseProgram(self._prepass)
        gl.glUniform1i(gl.glGetUniformLocation(self._prepass, b"splats"), 0)
        gl.glUniform1i(gl.glGetUniformLocation(self._prepass, b"deltas"), 1)
        gl.glUniform1i(gl.glGetUniformLocation(self._prepass, b"touched"), touched)
        gl.glUniformBlockBinding(
            self._prepass, gl.glGetUniformBlockIndex(self._prepass, b"Frame"), 0
        )
        gl.glActiveTexture(gl.GL_TEXTURE1)
        self._textures = [make_delta_texture(deltas)]
        gl.glActiveTexture(gl.GL_TEXTURE0)
        self._textures.append(make_splat_texture(texels))

        rows = _HEADER_ROWS + 3 * self._joints + max(1, self._targets)
        self._parameters = np.zeros((rows, 4), np.float32)
        self._parameter_ring = BufferRing(
            gl.GL_UNIFORM_BUFFER, self._parameters.nbytes, FRAMES_IN_FLIGHT
        )
        self._order_ring = BufferRing(gl.GL_ARRAY_BUFFER, max(4, 4 * self.splats), FRAMES_IN_FLIGHT)
        self._order_arrays = [self._order_array(name) for name in self._order_ring.names]
        self._quad_buffer, self._quad_array = self._make_quads()
        self._fences: list[Fence | None] = [None] * FRAMES_IN_FLIGHT
        self._slot = 0
        self._last: Fence | None = None
        gl.glDisable(gl.GL_DITHER)
        gl.glDisable(gl.GL_DEPTH_TEST)
        gl.glEnable(gl.GL_BLEND)
        # The framebuffer's own alpha stays as cleared: compositors look at it
        gl.glBlendFuncSeparate(gl.GL_SRC_ALPHA, gl.GL_ONE_MINUS_SRC_ALPHA, gl.GL_ZERO, gl.GL_ONE)
        self.resize(size)
        gl.check("preparing the renderer")

    @property
    def upload_bytes(self) -> int:
        """Bytes that each frame sends to the GPU."""
        return 4 * self.splats + self._parameters.nbytes

    def resize(self, size: Size) -> None:
        """Draw into `size` (width, height) pixels from now on."""
        self.size = size
        gl.glViewport(0, 0, *size)

    def prepare(self, pose: Pose, camera: Camera) -> NDArray[np.uint32]:
        """The CPU's part of a frame, which `draw` begins with: the order, and the parameters.

        Raises RenderError where pose or camera do not fit this avatar or size.
        """
        if pose.weights.shape != (self._targets,) or len(pose.matrices) != self._joints:
            raise RenderError(
                f"a pose of {len(pose.weights)} weights and {len(pose.matrices)} joints does not "
                f"fit an avatar of {self._targets} and {self._joints}; make it with its own Rig"
            )
        if camera.size != self.size:
            raise RenderError(
                f"a camera for {camera.size[0]}x{camera.size[1]} pixels does not fit a picture of "
                f"{self.size[0]}x{self.size[1]}; resize the renderer and make the camera anew"
            )
        view_skin = np.matmul(camera.view.astype(np.float32), pose.matrices)
        self._fill_parameters(pose, camera, view_skin)
        return self._sorter.order(view_skin, pose.weights)

    def drawing_order(self, pose: Pose, camera: Camera) -> NDArray[np.intp]:
        """Which of the avatar's splats `draw` draws, back to front: indices into the avatar."""
        return self.kept[self.prepare(pose, camera)]

    def draw(self, pose: Pose, camera: Camera) -> Fence:
        """Draw one frame into the current framebuffer; returns at once.

        The fence is signalled when the GPU has finished the frame. Raises RenderError as
        `prepare` does, and where the GPU is stuck.
        """
        order = self.prepare(pose, camera)
        slot = self._slot = (self._slot + 1) % FRAMES_IN_FLIGHT
        # The frame that used this slot's buffers before must be finished
        if (previous := self._fences[slot]) is not None:
            self._await(previous, 10.0)
            previous.delete()

        self._order_ring.write(slot, order)
        gl.glBindBufferBase(
            gl.GL_UNIFORM_BUFFER, 0, self._parameter_ring.write(slot, self._parameters)
        )
        gl.glUseProgram(self._prepass)
        gl.glBindVertexArray(self._order_arrays[slot])
        gl.glBindBufferBase(gl.GL_TRANSFORM_FEEDBACK_BUFFER, 0, self._quad_buffer)
        gl.glEnable(gl.GL_RASTERIZER_DISCARD)
        gl.glBeginTransformFeedback(gl.GL_POINTS)
        gl.glDrawArrays(gl.GL_POINTS, 0, self.splats)
        gl.glEndTransformFeedback()
        gl.glDisable(gl.GL_RASTERIZER_DISCARD)
        # A buffer still bound for feedback must not be read as vertices
        gl.glBindBufferBase(gl.GL_TRANSFORM_FEEDBACK_BUFFER, 0, 0)

        gl.glClearColor(*self.background, 1.0)
        gl.glClear(gl.GL_COLOR_BUFFER_BIT)
        gl.glUseProgram(self._quads)
        gl.glBindVertexArray(self._quad_array)
        gl.glDrawArraysInstanced(gl.GL_TRIANGLE_STRIP, 0, 4, self.splats)
        if self._last is None:
            gl.check("drawing the first frame")
        fence = Fence()
        self._fences[slot] = self._last = fence
        return fence

    def fence_signalled(self, timeout_s: float = 0.0) -> bool:
        """Whether the last frame drawn is finished, waiting at most `timeout_s` seconds."""
        return self._last is None or self._last.signalled(timeout_s)

    def wait(self, timeout_s: float = 10.0) -> None:
        """Wait until the last frame is finished; RenderError after `timeout_s` seconds."""
        if self._last is not None:
            self._await(self._last, timeout_s)

    def read_pixels(self) -> NDArray[np.uint8]:
        """The picture just drawn as (height, width, 3), top row first.

        Call it after `draw` and before the display's flip, which leaves the back buffer
        undefined. It waits for the GPU.
        """
        width, height = self.size
        pixels = np.empty((height, width, 4), np.uint8)
        gl.glPixelStorei(gl.GL_PACK_ALIGNMENT, 4)
        gl.glReadPixels(0, 0, width, height, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, pixels.ctypes.data)
        gl.check("reading the picture back")
        return np.ascontiguousarray(pixels[::-1, :, :3])

    def close(self) -> None:
        """Free everything on the GPU; once."""
        for fence in self._fences:
            if fence is not None:
                fence.delete()
        delete("glDeleteVertexArrays", [*self._order_arrays, self._quad_array])
        delete("glDeleteTextures", self._textures)
        delete("glDeleteBuffers", [self._quad_buffer])
        self._order_ring.delete()
        self._parameter_ring.delete()
        gl.glDeleteProgram(self._prepass)
        gl.glDeleteProgram(self._quads)

    def __enter__(self) -> Renderer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _fill_parameters(self, pose: Pose, camera: Camera, view_skin: Float64) -> None:
        """The block `Frame` of prepass.vert."""
        block = self._parameters
        horizontal, vertical = camera.tangents
        active = np.flatnonzero(np.abs(pose.weights) > _SMALLEST_WEIGHT)
        block[0] = 1 / horizontal, 1 / vertical, 1.3 * horizontal, 1.3 * vertical
        block[1] = (
            2 / camera.size[0], 2 / camera.size[1], self._covariance_scale, len(active)
        )  # fmt: skip
        end = _HEADER_ROWS + 3 * self._joints
        block[_HEADER_ROWS:end] = view_skin[:, :3].reshape(-1, 4)
        block[end : end + len(active), 0] = active
        block[end : end + len(active), 1] = pose.weights[active]

    def _await(self, fence: Fence, timeout_s: float) -> None:
        if not fence.signalled(timeout_s):
            raise RenderError(
                f"the GPU has not finished a frame within {timeout_s:g} s; "
                f"the driver ({self.gl_strings['renderer']}) hangs: restart the kiosk"
            )

    def _order_array(self, buffer: int) -> int:
        array = make_vertex_array()
        gl.glBindBuffer(gl.GL_ARRAY_BUFFER, buffer)
        gl.glEnableVertexAttribArray(0)
        gl.glVertexAttribIPointer(0, 1, gl.GL_UNSIGNED_INT, 0, None)
        return array

    def _make_quads(self) -> tuple[int, int]:
        """The buffer between the two passes and how splat.vert reads it, once per instance."""
        array = make_vertex_array()
        buffer = make_buffer(
            gl.GL_ARRAY_BUFFER, max(1, self.splats) * _QUAD_BYTES, gl.GL_DYNAMIC_COPY
        )
        layout = (
            (0, 2, gl.GL_FLOAT, False, 0),
            (1, 4, gl.GL_HALF_FLOAT, False, 8),
            (2, 4, gl.GL_UNSIGNED_BYTE, True, 16),
        )
        for location, components, kind, normalised, offset in layout:
            gl.glEnableVertexAttribArray(location)
            gl.glVertexAttribPointer(location, components, kind, normalised, _QUAD_BYTES, offset)
            gl.glVertexAttribDivisor(location, 1)
        return buffer, array
