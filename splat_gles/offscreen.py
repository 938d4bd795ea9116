# SPDX-License-Identifier: Apache-2.0
"""Pictures without a screen: a renderer that draws into a buffer of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from splat_gles.avatar import Avatar
from splat_gles.camera import Size
from splat_gles.display import open_display
from splat_gles.renderer import Renderer


@contextmanager
def offscreen_renderer(
    avatar: Avatar, size: Size, background: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> Iterator[Renderer]:
    """A renderer whose `read_pixels` gives the picture; one display at a time in a process."""
    with open_display("offscreen", size), Renderer(avatar, size, background) as renderer:
        yield renderer
