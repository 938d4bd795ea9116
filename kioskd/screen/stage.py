# SPDX-License-Identifier: Apache-2.0
"""The display and what draws on it, as one thing that can be made anew while the kiosk runs."""

from __future__ import annotations

from collections.abc import Sequence

from kioskd.screen.snapshot import DisplaySnapshot
from splat_gles.avatar import Avatar
from splat_gles.display import Display, open_display
from splat_gles.renderer import Renderer


class Stage:
    """Opened by `with`; `rebuild` replaces `display` and `renderer`. Main thread only.

    `driver`, `size` and `drm_drivers` are those of `open_display`, `background` the renderer's.
    """

    display: Display
    renderer: Renderer
    snapshot: DisplaySnapshot

    def __init__(
        self,
        avatar: Avatar,
        driver: str,
        size: tuple[int, int] | None,
        background: tuple[float, float, float],
        drm_drivers: Sequence[str] = (),
    ) -> None:
        self.avatar = avatar
        self._driver = driver
        self._size = size
        self._background = background
        self._drm_drivers = drm_drivers
        self._open = False

    def rebuild(self) -> None:
        """Close all and open it again, with a context of its own. Raises SplatError."""
        driver, size = self.display.driver, self.display.size
        self._close()
        # The same again: "auto" might find another
        self._make(driver, None if driver == "kmsdrm" else size)

    def __enter__(self) -> Stage:
        self._make(self._driver, self._size)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _make(self, driver: str, size: tuple[int, int] | None) -> None:
        self.display = display = open_display(driver, size, "Avatar kiosk", self._drm_drivers)
        try:
            self.renderer = Renderer(self.avatar, display.size, self._background)
        except BaseException:
            display.close()
            raise
        self._open = True
        self.snapshot = DisplaySnapshot(
            display.driver, *display.size, self.renderer.gl_strings["renderer"]
        )

    def _close(self) -> None:
        if self._open:
            self._open = False
            self.renderer.close()
            self.display.close()
