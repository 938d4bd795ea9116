# SPDX-License-Identifier: Apache-2.0
"""Draws an avatar's pose into the back buffer with OpenGL ES 3.0.

A frame: sort on the CPU, upload the order (4 bytes a splat) and one small block of parameters,
project every splat once (gl/projection_pass.py), blend the quads back to front over the
background (gl/quad_pass.py), and, where the quality asks for an offscreen buffer, bring that to
the back buffer (gl/resolve_pass.py). No depth buffer, no discard, no readback, no glFinish; at
most 30 GL calls. Drawn in splat_gles/README.md, The way of a frame.

Blending happens in display-referred values, as the splats were trained; the back buffer must
not be an sRGB one. Left out on purpose: time, windows (see `display`), the choice of pose and
of quality.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from splat_gles.avatar import Avatar
from splat_gles.camera import Camera, Size
from splat_gles.errors import RenderError
from splat_gles.gl.api import gl
from splat_gles.gl.buffers import Fence
from splat_gles.gl.frame_data import FrameData, await_fence
from splat_gles.gl.projection_pass import ProjectionPass
from splat_gles.gl.quad_pass import GPU, SOFTWARE
from splat_gles.gl.quad_trial import choose_pass
from splat_gles.gl.resolve_pass import ResolvePass
from splat_gles.gl.splat_texture import pack_splats
from splat_gles.gl.target import OffscreenTarget, Region, largest_side, make_region, make_target
from splat_gles.quality import RenderQuality
from splat_gles.rig import Pose
from splat_gles.screen_bounds import ScreenBounds
from splat_gles.sorting import DepthSorter

logger = logging.getLogger(__name__)


class Renderer:
    """Draws one avatar. Make, use and close it with the same context current.

    `background` is red, green and blue, display-referred, 0 to 1. `tuning` chooses how the
    fragments are computed (gl/quad_pass.py); None goes by the driver. `kept` are the indices of
    the avatar's splats that are drawn: those not too faint to change an 8-bit picture.
    """

    def __init__(
        self,
        avatar: Avatar,
        size: Size,
        background: tuple[float, float, float] = (1.0, 1.0, 1.0),
        quality: RenderQuality | None = None,
        tuning: Literal["gpu", "software"] | None = None,
    ) -> None:
        self.background = background
        self.gl_strings = {
            "vendor": gl.string(gl.GL_VENDOR),
            "renderer": gl.string(gl.GL_RENDERER),
            "version": gl.string(gl.GL_VERSION),
        }
        self.kept = np.flatnonzero(avatar.drawable)
        drawn = avatar.only(self.kept)
        self.splats = drawn.splats
        self._joints = len(avatar.joints)
        self._targets = len(avatar.blendshapes)
        skin = (drawn.skin_joints, drawn.skin_weights)
        self._sorter = DepthSorter(drawn.positions, drawn.deltas, *skin)
        self._bounds = ScreenBounds(drawn)
        texels, scale = pack_splats(drawn.positions, drawn.covariances, drawn.colors, *skin)
        self._projection = ProjectionPass(texels, drawn.deltas, self._joints)
        if tuning is None:
            tuning = "software" if "llvmpipe" in self.gl_strings["renderer"] else "gpu"
        gl.glDisable(gl.GL_DITHER)
        gl.glDisable(gl.GL_DEPTH_TEST)
        gl.glEnable(gl.GL_BLEND)
        # The framebuffer's own alpha stays as cleared: compositors look at it
        gl.glBlendFuncSeparate(gl.GL_SRC_ALPHA, gl.GL_ONE_MINUS_SRC_ALPHA, gl.GL_ZERO, gl.GL_ONE)
        way = SOFTWARE if tuning == "software" else GPU
        self._quads = choose_pass(self._projection.buffer, self.splats, way)
        self._resolve = _resolve_pass()
        self._data = FrameData(self.splats, self._joints, self._targets, scale)
        self._target: OffscreenTarget | None = None
        self._target_mode = ""
        self._largest_side = largest_side()
        self._region: Region | None = None
        self._last: Fence | None = None
        gl.glClearColor(*background, 1.0)
        self.quality = quality or RenderQuality()
        self.resize(size)
        gl.check("preparing the renderer")

    @property
    def upload_bytes(self) -> int:
        """Bytes that each frame sends to the GPU."""
        return self._data.upload_bytes

    def resize(self, size: Size) -> None:
        """Draw into `size` (width, height) pixels from now on."""
        self.size = size
        gl.glViewport(0, 0, *size)
        self._drop_target()
        self.set_quality(self.quality)

    def set_quality(self, quality: RenderQuality) -> None:
        """Draw the next frames so; costs nothing between the qualities that are not direct.

        The offscreen buffer is made when one is needed first and kept until the size changes.
        Raises RenderError where the driver has none; the quality then stays as it was.
        """
        if not quality.direct:
            if self._resolve is None:
                raise RenderError(
                    "this GPU driver draws at full resolution in the fast mode only: it refuses "
                    "the shaders of all else; update the driver"
                )
            limit = self._largest_side
            if self._target is None or self._target_mode != quality.mode:
                self._drop_target()
                side = tuple(min(each, limit) for each in self.size)
                self._target = make_target((side[0], side[1]), quality.mode)
                self._target_mode = quality.mode
            # A screen may be larger than what a GPU can draw into
            quality = replace(quality, scale=min(quality.scale, limit / max(self.size)))
        self.quality = quality

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
        self._data.fill(pose.weights, view_skin, camera, self.quality.least_alpha)
        self._region = None
        if not self.quality.direct:
            box = self._bounds.box(view_skin, pose.weights, camera)
            self._region = make_region(box, self.size, self.quality.scale)
            self._data.fill_region(self._region)
        return self._sorter.order(view_skin, pose.weights, self._data.order)

    def drawing_order(self, pose: Pose, camera: Camera) -> NDArray[np.intp]:
        """Which of the avatar's splats `draw` draws, back to front: indices into the avatar."""
        return self.kept[self.prepare(pose, camera)]

    def draw(self, pose: Pose, camera: Camera) -> Fence:
        """Draw one frame into the back buffer; returns at once.

        The fence is signalled when the GPU has finished the frame. Raises RenderError as
        `prepare` does, and where the GPU is stuck.
        """
        self.prepare(pose, camera)
        self._data.send()
        self._projection.run()
        if self._region is None or self._target is None or self._resolve is None:
            gl.glClear(gl.GL_COLOR_BUFFER_BIT)
            self._quads.draw()
        else:
            self._target.begin(self._region)
            self._quads.draw()
            self._target.end(self.size)
            gl.glClear(gl.GL_COLOR_BUFFER_BIT)
            self._resolve.draw(self.quality.scale)
        if self._last is None:
            gl.check("drawing the first frame")
        self._last = self._data.sent()
        return self._last

    def fill(self, box: tuple[int, int, int, int], color: tuple[float, float, float]) -> None:
        """Fill a part of the frame that was just drawn, over all that is there.

        `box` is left, top, width and height in pixels from the top left corner, `color` as the
        background's. No shader is needed for it.
        """
        left, top, width, height = box
        gl.glEnable(gl.GL_SCISSOR_TEST)
        gl.glScissor(left, self.size[1] - top - height, width, height)
        gl.glClearColor(*color, 1.0)
        gl.glClear(gl.GL_COLOR_BUFFER_BIT)
        gl.glDisable(gl.GL_SCISSOR_TEST)
        gl.glClearColor(*self.background, 1.0)

    def wait(self, timeout_s: float = 10.0) -> None:
        """Wait until the last frame is finished; RenderError after `timeout_s` seconds."""
        if self._last is not None:
            await_fence(self._last, timeout_s)

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
        self._drop_target()
        for stage in (self._data, self._projection, self._quads, self._resolve):
            if stage is not None:
                stage.delete()

    def __enter__(self) -> Renderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _drop_target(self) -> None:
        if self._target is not None:
            self._target.delete()
            self._target = None


def _resolve_pass() -> ResolvePass | None:
    """None where the driver refuses its shaders: full resolution needs none of them."""
    try:
        return ResolvePass()
    except RenderError as error:
        logger.warning(
            "only full resolution can be drawn: %s", error, extra={"code": "full_resolution_only"}
        )
        return None
