# SPDX-License-Identifier: Apache-2.0
"""A place to draw: a window, a whole screen through KMS, or nothing but a buffer; through SDL.

The renderer draws into the default framebuffer in all of them, so nothing else differs. SDL is
told to make an OpenGL ES 3.0 context through EGL with 8 bits a channel and no depth.

Which card KMS uses is decided by `splat_gles.drm_cards` and told to SDL, unless whoever starts the
process has named one by its index in /dev/dri with SDL's own SDL_KMSDRM_DEVICE_INDEX. SDL's
signal handlers stay off: whoever owns the process decides what SIGTERM means.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

# SDL and pygame read these when they start
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
os.environ.setdefault("SDL_NO_SIGNAL_HANDLERS", "1")
os.environ.setdefault("SDL_VIDEO_X11_FORCE_EGL", "1")
os.environ.setdefault("SDL_OPENGL_ES_DRIVER", "1")

import pygame

from splat_gles.drm_cards import DrmCard, choose_card, read_cards
from splat_gles.errors import DisplayError, RenderError, SplatError
from splat_gles.gl.api import gl
from splat_gles.shader_cache import secure_shader_cache

logger = logging.getLogger(__name__)

DRIVERS = ("auto", "kmsdrm", "x11", "wayland", "offscreen")
"""What `open_display` takes."""
DEFAULT_SIZE = (540, 960)
"""A window's or buffer's (width, height) where none is given."""

_CARD_INDEX = "SDL_KMSDRM_DEVICE_INDEX"
_HINTS = {
    "kmsdrm": "the user needs the groups video and render, a screen must be connected, and no "
    "desktop may hold it (check /dev/dri and /sys/class/drm/*/status)",
    "x11": "check that DISPLAY names a running X server",
    "wayland": "check that WAYLAND_DISPLAY and XDG_RUNTIME_DIR name a running compositor",
    "offscreen": "install Mesa's software driver (Debian: libegl1 libgles2 libgl1-mesa-dri)",
}


@dataclass(frozen=True, slots=True)
class DisplayEvents:
    """What has happened since the last look: a wish to quit, another size."""

    quit: bool
    size_changed: bool


class Display:
    """An open window, screen or buffer with a current OpenGL ES context; see `open_display`.

    `vsync` tells whether `flip` was set to wait for the vertical blank; offscreen it never does.
    `refresh_rate` is the screen's in Hz, 0 where it is not known.
    """

    def __init__(self, driver: str, size: tuple[int, int], vsync: bool) -> None:
        self.driver = driver
        self.size = size
        self.vsync = vsync
        self.refresh_rate = float(pygame.display.get_current_refresh_rate())

    def flip(self) -> None:
        """Show what was drawn; waits for the vertical blank where there is one.

        Raises RenderError where that fails, as with a lost context or screen.
        """
        try:
            pygame.display.flip()
        except pygame.error as error:
            raise RenderError(f"the picture cannot be shown with {self.driver}: {error}") from error

    def pump(self) -> DisplayEvents:
        """Let SDL do its work; call it once a frame. `size` follows a window's."""
        wants_quit = False
        for event in pygame.event.get():
            escape = event.type == pygame.KEYDOWN and event.key == pygame.K_ESCAPE
            wants_quit = wants_quit or escape or event.type == pygame.QUIT
        size = pygame.display.get_window_size()
        changed = size != self.size and min(size) > 0
        if changed:
            self.size = size
            logger.info("the window is now %dx%d", *size, extra={"code": "display_resized"})
        return DisplayEvents(quit=wants_quit, size_changed=changed)

    def close(self) -> None:
        """Close the window and give the context up; close renderers first."""
        _quit()

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_display(
    driver: str = "auto",
    size: tuple[int, int] | None = None,
    title: str = "Avatar",
    drm_drivers: Sequence[str] = (),
) -> Display:
    """Open a place to draw and make its context current.

    `driver` is one of DRIVERS; `auto` obeys SDL_VIDEODRIVER, else takes what the machine offers,
    in this order: Wayland, X11, KMS, and a buffer if there is none of them. `size` None means
    the whole screen with KMS and 540x960 otherwise. `drm_drivers` are kernel drivers in order of
    preference where several cards have a screen. Raises DisplayError with what to mend.
    """
    if driver not in DRIVERS:
        raise DisplayError(f"no display driver {driver!r}; take one of {', '.join(DRIVERS)}")
    secure_shader_cache(os.environ)
    driver = named_driver(driver)
    candidates = _available() if driver == "auto" else [driver]
    failures = []
    for candidate in candidates:
        try:
            with _settings(candidate, drm_drivers):
                display = _open(candidate, size, title)
        except SplatError as error:
            failures.append(str(error))
            if candidate != candidates[-1]:
                logger.warning("%s", error, extra={"code": "display_unavailable"})
            continue
        logger.info(
            "drawing with %s at %dx%d: %s, %s",
            display.driver,
            *display.size,
            gl.string(gl.GL_RENDERER),
            gl.string(gl.GL_VERSION),
            extra={"code": "display_open"},
        )
        return display
    raise DisplayError("; ".join(failures))


def named_driver(driver: str) -> str:
    """The driver, or where it is `auto` the one that SDL_VIDEODRIVER names, if any."""
    named = os.environ.get("SDL_VIDEODRIVER", "").lower()
    return named if driver == "auto" and named in DRIVERS else driver


def desktops() -> list[str]:
    """The drivers of the desktops that the environment tells of, the better first."""
    variables = {"wayland": "WAYLAND_DISPLAY", "x11": "DISPLAY"}
    return [driver for driver, variable in variables.items() if os.environ.get(variable)]


def usable_cards() -> list[DrmCard]:
    """The graphics cards that `kmsdrm` may use: all, or the one that the environment names."""
    named = os.environ.get(_CARD_INDEX)
    return [card for card in read_cards() if named in (None, str(card.index))]


def _available() -> list[str]:
    screen = ["kmsdrm"] if any(card.connected for card in read_cards()) else []
    return [*desktops(), *screen, "offscreen"]


@contextmanager
def _settings(driver: str, drm_drivers: Sequence[str]) -> Iterator[None]:
    """SDL's settings come through the environment; the caller's values come back after."""
    wanted = {"SDL_VIDEODRIVER": driver}
    if driver == "kmsdrm" and _CARD_INDEX not in os.environ:
        card = choose_card(read_cards(), drm_drivers)
        if card is not None:
            wanted[_CARD_INDEX] = str(card.index)
            logger.info(
                "card%d (%s) has the screen: %s",
                card.index,
                card.driver or "unknown driver",
                ", ".join(each.name for each in card.connected) or "none",
                extra={"code": "drm_card"},
            )
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _open(driver: str, size: tuple[int, int] | None, title: str) -> Display:
    try:
        _quit()
        pygame.display.init()
        return _open_window(driver, size, title)
    except (pygame.error, SplatError) as error:
        _quit()
        raise DisplayError(f"cannot draw with {driver}: {error}; {_HINTS[driver]}") from error


def _quit() -> None:
    """Close what is open, and free what pygame 2.5 forgets: a surface of the window's size.

    It makes one for every window that OpenGL draws in (8.3 MB for 1080x1920) and drops it unfreed;
    a surface that is initialised anew frees what it held.
    """
    surface = pygame.display.get_surface() if pygame.display.get_init() else None
    if surface is not None:
        pygame.Surface.__init__(surface, (1, 1), 0, 32)
    pygame.display.quit()


def _open_window(driver: str, size: tuple[int, int] | None, title: str) -> Display:
    attributes = (
        (pygame.GL_CONTEXT_PROFILE_MASK, pygame.GL_CONTEXT_PROFILE_ES),
        (pygame.GL_CONTEXT_MAJOR_VERSION, 3),
        (pygame.GL_CONTEXT_MINOR_VERSION, 0),
        (pygame.GL_RED_SIZE, 8),
        (pygame.GL_GREEN_SIZE, 8),
        (pygame.GL_BLUE_SIZE, 8),
        (pygame.GL_DEPTH_SIZE, 0),
        (pygame.GL_STENCIL_SIZE, 0),
        (pygame.GL_MULTISAMPLEBUFFERS, 0),
    )
    for attribute, value in attributes:
        pygame.display.gl_set_attribute(attribute, value)
    flags = pygame.OPENGL | pygame.DOUBLEBUF
    if driver == "kmsdrm":
        flags |= pygame.FULLSCREEN
        size = size or pygame.display.get_desktop_sizes()[0]
    elif driver != "offscreen":
        flags |= pygame.RESIZABLE
    size = size or DEFAULT_SIZE
    pygame.display.set_caption(title)
    vsync = driver != "offscreen"
    try:
        pygame.display.set_mode(size, flags, vsync=int(vsync))
    except pygame.error as error:
        if not vsync:
            raise
        logger.warning(
            "%s has no vertical sync (%s): pictures may tear",
            driver,
            error,
            extra={"code": "display_no_vsync"},
        )
        vsync = False
        pygame.display.set_mode(size, flags)
    if driver == "kmsdrm":
        pygame.mouse.set_visible(False)
    version = gl.string(gl.GL_VERSION)
    if not version.startswith("OpenGL ES 3"):
        raise DisplayError(
            f"the driver offers {version or 'no OpenGL ES at all'} where OpenGL ES 3.0 is needed"
        )
    return Display(driver, pygame.display.get_window_size(), vsync)
