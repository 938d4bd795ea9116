# SPDX-License-Identifier: Apache-2.0
"""What is on screen now, for the screenshot and the live picture, at no cost when unwatched.

The render loop asks `wanted()` after drawing a frame (one attribute while nobody watches)
and reads the pixels back only then, at most MAX_RATE times a second, however many watch.
Encoding happens on a thread of its own. JPEG goes through pygame (4 ms at 1080×1920, the
interpreter free meanwhile); PNG goes through splat_gles: pygame holds the interpreter for 42 ms,
two and a half frames, while zlib releases it (measured).
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np
import pygame
from numpy.typing import NDArray

from kioskd.errors import KioskError
from splat_gles.picture import encode_png

Pixels = NDArray[np.uint8]

MAX_RATE: Final = 5.0
STREAM_HEIGHT: Final = 960
"""Taller pictures are halved for the live picture until they are no taller than this."""
TIMEOUT_S: Final = 3.0
_PNG: Final = partial(encode_png, compression=3)
"""A screenshot is made while somebody waits and is seldom kept: fast before small."""


class PictureError(KioskError):
    """No picture is available."""


@dataclass(slots=True)
class Picture:
    """A frame as shown: pixels (height, width, 3), top row first; encodings made once."""

    pixels: Pixels
    _encoded: dict[str, asyncio.Future[bytes]] = field(default_factory=dict)


class PictureDesk:
    """Between those who want a picture (http thread) and the render loop that can take one.

    `given` counts the pictures that somebody got.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[asyncio.Future[Picture]] = []
        self._wanted = False
        self._last_taken = -1.0
        self.given = 0
        self._encoder = ThreadPoolExecutor(1, "pictures")

    def wanted(self, now: float) -> bool:
        """Render loop: whether to read this frame's pixels and `deliver` them."""
        return self._wanted and now - self._last_taken >= 1.0 / MAX_RATE

    def deliver(self, pixels: Pixels, now: float) -> None:
        """Render loop: the picture; must not be changed afterwards."""
        self._last_taken = now
        picture = Picture(pixels)
        with self._lock:
            waiting, self._waiting = self._waiting, []
            self._wanted = False
        self.given += len(waiting)
        for future in waiting:
            try:
                future.get_loop().call_soon_threadsafe(_give, future, picture)
            except RuntimeError:
                return  # the http loop has ended: nobody is waiting any more

    async def take(self) -> Picture:
        """http thread: the next picture; raises PictureError when none comes in TIMEOUT_S."""
        future: asyncio.Future[Picture] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.append(future)
            self._wanted = True
        try:
            return await asyncio.wait_for(future, TIMEOUT_S)
        except TimeoutError as error:
            raise PictureError(
                f"no frame was drawn for {TIMEOUT_S:.0f} s; see the checks display and "
                "render_loop in /healthz"
            ) from error
        finally:
            # Nobody else would, while no frame is drawn
            with self._lock, contextlib.suppress(ValueError):
                self._waiting.remove(future)

    async def png(self, picture: Picture) -> bytes:
        """The picture as PNG in full size."""
        return await self._encode(picture, "png")

    async def jpeg(self, picture: Picture) -> bytes:
        """The picture as JPEG, made smaller for the live picture."""
        return await self._encode(picture, "jpeg")

    def close(self) -> None:
        """Stop encoding; does not wait."""
        self._encoder.shutdown(wait=False, cancel_futures=True)

    async def _encode(self, picture: Picture, kind: str) -> bytes:
        made = picture._encoded.get(kind)
        if made is None:
            encode = _PNG if kind == "png" else encode_jpeg
            loop = asyncio.get_running_loop()
            try:
                made = loop.run_in_executor(self._encoder, encode, picture.pixels)
            except RuntimeError as error:
                raise PictureError("the kiosk is stopping; ask again when it runs") from error
            picture._encoded[kind] = made
        return await asyncio.shield(made)


def encode_jpeg(pixels: Pixels) -> bytes:
    """JPEG of the picture, halved until STREAM_HEIGHT fits."""
    while len(pixels) > STREAM_HEIGHT:
        pixels = pixels[::2, ::2]
    height, width = pixels.shape[:2]
    surface = pygame.image.frombuffer(np.ascontiguousarray(pixels).data, (width, height), "RGB")
    file = io.BytesIO()
    pygame.image.save(surface, file, "picture.jpg")
    return file.getvalue()


def _give(future: asyncio.Future[Picture], picture: Picture) -> None:
    if not future.done():
        future.set_result(picture)
