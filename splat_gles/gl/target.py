# SPDX-License-Identifier: Apache-2.0
"""The offscreen buffer of the quality mode and of lower internal resolutions.

It is made once for a whole picture; a smaller resolution uses its lower left corner, so that
changing the resolution between frames costs nothing.

On a GPU it is RGB10_A2: four bytes a pixel as RGBA8, but a quarter of its rounding at each of
some forty blended layers, and still blended by Mali's fixed function, which RGBA16F is not.
Mesa's software driver blends that format in ten-bit steps which it cuts off instead of rounding
(46 dB, less than with 8 bits, at 1.5 times the time); there the fast mode gets RGBA8, and the
quality mode RGBA16, which is the arithmetic of the splats and nothing else (57 dB).
A driver that cannot draw into its format gets RGBA8, which every ES 3.0 has to draw into.
"""

from __future__ import annotations

import ctypes
import logging
import math
from dataclasses import dataclass

from splat_gles.camera import Size
from splat_gles.errors import RenderError
from splat_gles.gl.api import gl
from splat_gles.gl.buffers import delete

logger = logging.getLogger(__name__)

Box = tuple[int, int, int, int]
"""x, y of the lower left corner, width, height, in pixels from the lower left of the picture."""

# Of EXT_texture_norm16, which is no part of OpenGL ES 3.0
_RGBA16 = 0x805B
# How far the upscaling filter looks beyond a pixel's own place, and one for rounding
_FILTER_REACH = 3


@dataclass(frozen=True, slots=True)
class Region:
    """The part of a picture that the avatar covers, in the buffer and on the screen.

    `inner` (width, height) is the whole picture's size in the buffer, `box` the part of it that
    is drawn; `corners` the part of the screen in clip space (left, bottom, right, top); `source`
    goes to the shader: buffer pixels per screen pixel, x and y, and `inner`.
    """

    inner: Size
    box: Box
    corners: tuple[float, float, float, float]
    source: tuple[float, float, float, float]


def make_region(bounds: Box, size: Size, scale: float) -> Region:
    """The region of `bounds` on a screen of `size`, drawn at `scale` of its resolution."""
    inner = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    ratio = inner[0] / size[0], inner[1] / size[1]
    x, y, width, height = bounds
    left = max(0, math.floor(x * ratio[0]) - _FILTER_REACH)
    bottom = max(0, math.floor(y * ratio[1]) - _FILTER_REACH)
    right = min(inner[0], math.ceil((x + width) * ratio[0]) + _FILTER_REACH)
    top = min(inner[1], math.ceil((y + height) * ratio[1]) + _FILTER_REACH)
    return Region(
        inner,
        (left, bottom, max(0, right - left), max(0, top - bottom)),
        (
            2 * x / size[0] - 1,
            2 * y / size[1] - 1,
            2 * (x + width) / size[0] - 1,
            2 * (y + height) / size[1] - 1,
        ),
        (*ratio, *inner),
    )


def choose_format(mode: str) -> int:
    """The buffer's internal format for a quality's mode and the current driver."""
    if "llvmpipe" not in gl.string(gl.GL_RENDERER):
        return int(gl.GL_RGB10_A2)
    return _RGBA16 if mode == "quality" else int(gl.GL_RGBA8)


def largest_side() -> int:
    """Pixels along the longer side of the largest buffer that the driver can draw into."""
    sides = (ctypes.c_int * 2)()
    gl.glGetIntegerv(gl.GL_MAX_VIEWPORT_DIMS, ctypes.addressof(sides))
    return min(gl.integer(gl.GL_MAX_TEXTURE_SIZE), sides[0], sides[1])


def make_target(size: Size, mode: str) -> OffscreenTarget:
    """A buffer for a quality's mode, in the best format that the driver draws into.

    Raises RenderError where it draws into none.
    """
    wanted = choose_format(mode)
    try:
        return OffscreenTarget(size, wanted)
    except RenderError as error:
        if wanted == gl.GL_RGBA8:
            raise
        logger.warning(
            "%s; RGBA8 is taken: colours are rounded more coarsely",
            error,
            extra={"code": "coarser_buffer"},
        )
    return OffscreenTarget(size, int(gl.GL_RGBA8))


class OffscreenTarget:
    """A framebuffer of `size` pixels in an internal format; its texture stays in unit 2."""

    def __init__(self, size: Size, internal_format: int) -> None:
        self.internal_format = internal_format
        name = ctypes.c_uint()
        # What was wrong before is not this buffer's fault
        gl.glGetError()
        gl.glActiveTexture(gl.GL_TEXTURE2)
        gl.glGenTextures(1, ctypes.addressof(name))
        self._texture = name.value
        gl.glBindTexture(gl.GL_TEXTURE_2D, self._texture)
        gl.glTexStorage2D(gl.GL_TEXTURE_2D, 1, internal_format, *size)
        for parameter, value in (
            (gl.GL_TEXTURE_MIN_FILTER, gl.GL_LINEAR),
            (gl.GL_TEXTURE_MAG_FILTER, gl.GL_LINEAR),
            (gl.GL_TEXTURE_WRAP_S, gl.GL_CLAMP_TO_EDGE),
            (gl.GL_TEXTURE_WRAP_T, gl.GL_CLAMP_TO_EDGE),
        ):
            gl.glTexParameteri(gl.GL_TEXTURE_2D, parameter, value)
        gl.glActiveTexture(gl.GL_TEXTURE0)
        gl.glGenFramebuffers(1, ctypes.addressof(name))
        self._framebuffer = name.value
        self._attachment = ctypes.c_uint(gl.GL_COLOR_ATTACHMENT0)
        gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, self._framebuffer)
        gl.glFramebufferTexture2D(
            gl.GL_FRAMEBUFFER, gl.GL_COLOR_ATTACHMENT0, gl.GL_TEXTURE_2D, self._texture, 0
        )
        status = gl.glCheckFramebufferStatus(gl.GL_FRAMEBUFFER)
        gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, 0)
        code = gl.glGetError()
        if code or status != gl.GL_FRAMEBUFFER_COMPLETE:
            self.delete()
            raise RenderError(
                f"the GPU driver cannot draw into a buffer of {size[0]}x{size[1]} pixels of "
                f"format {internal_format:#x} (error {code:#x}, status {status:#x}); draw in the "
                "fast mode at full resolution"
            )

    def begin(self, region: Region) -> None:
        """Draw into the region from now on; it is filled with the clear colour."""
        gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, self._framebuffer)
        # The last frame is not needed: without this a tile-based GPU would load it
        gl.glInvalidateFramebuffer(gl.GL_FRAMEBUFFER, 1, ctypes.addressof(self._attachment))
        gl.glViewport(0, 0, *region.inner)
        gl.glEnable(gl.GL_SCISSOR_TEST)
        gl.glScissor(*region.box)
        gl.glClear(gl.GL_COLOR_BUFFER_BIT)

    def end(self, size: Size) -> None:
        """Draw into the back buffer of `size` pixels from now on."""
        gl.glBindFramebuffer(gl.GL_FRAMEBUFFER, 0)
        gl.glViewport(0, 0, *size)
        gl.glDisable(gl.GL_SCISSOR_TEST)

    def delete(self) -> None:
        """Free everything on the GPU."""
        delete("glDeleteFramebuffers", [self._framebuffer])
        delete("glDeleteTextures", [self._texture])
