# SPDX-License-Identifier: Apache-2.0
"""A display opens where one can be had, and otherwise says what to mend."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import pygame
import pytest

from splat_gles.display import DEFAULT_SIZE, open_display
from splat_gles.errors import DisplayError
from splat_gles.gl import api
from splat_gles.gl.api import gl


def test_offscreen_has_the_size_asked_for_and_a_plain_framebuffer() -> None:
    with open_display("offscreen", (320, 200)) as display:
        assert (display.driver, display.size) == ("offscreen", (320, 200))
        assert gl.string(gl.GL_VERSION).startswith("OpenGL ES 3")
        assert gl.integer(gl.GL_RED_BITS) == 8
        assert gl.integer(gl.GL_DEPTH_BITS) == 0
        display.flip()
        events = display.pump()
        assert (events.quit, events.size_changed) == (False, False)


def test_displays_can_follow_each_other() -> None:
    for size in ((64, 64), (200, 100), None):
        with open_display("offscreen", size) as display:
            assert display.size == (size or DEFAULT_SIZE)


def test_a_closed_display_gives_all_its_memory_back() -> None:
    """pygame alone forgets a surface of the window's size, 8.3 MB here."""

    def reopen(times: int) -> int:
        for _ in range(times):
            open_display("offscreen", (1080, 1920)).close()
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

    before = reopen(3)
    assert reopen(10) - before < 30e6


def test_a_wish_to_quit_is_told() -> None:
    with open_display("offscreen", (64, 64)) as display:
        pygame.event.post(pygame.event.Event(pygame.QUIT))
        assert display.pump().quit
        pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_ESCAPE))
        assert display.pump().quit
        assert not display.pump().quit


def test_auto_without_any_screen_draws_offscreen(monkeypatch) -> None:
    for name in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("splat_gles.display.read_cards", list)
    with open_display("auto", (64, 64)) as display:
        assert display.driver == "offscreen"
    assert "SDL_VIDEODRIVER" not in os.environ, "the choice must not leak into the environment"


def test_auto_falls_back_from_a_dead_x_server_and_logs_why(monkeypatch, caplog) -> None:
    monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":4711")
    monkeypatch.setattr("splat_gles.display.read_cards", list)
    with open_display("auto", (64, 64)) as display:
        assert display.driver == "offscreen"
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert [record.code for record in warnings] == ["display_unavailable"]
    assert "cannot draw with x11" in warnings[0].message


def test_auto_obeys_sdls_own_variable(monkeypatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "offscreen")
    monkeypatch.setenv("DISPLAY", ":4711")
    with open_display("auto", (64, 64)) as display:
        assert display.driver == "offscreen"
    assert os.environ["SDL_VIDEODRIVER"] == "offscreen"


@pytest.mark.parametrize(
    ("driver", "variable", "hint"),
    [
        ("x11", "DISPLAY", "DISPLAY names a running X server"),
        ("wayland", "WAYLAND_DISPLAY", "WAYLAND_DISPLAY and XDG_RUNTIME_DIR name"),
    ],
)
def test_a_driver_that_cannot_work_says_what_to_mend(driver, variable, hint, monkeypatch) -> None:
    monkeypatch.setenv(variable, "nowhere-4711")
    with pytest.raises(DisplayError, match=f"cannot draw with {driver}: .*{hint}"):
        open_display(driver, (64, 64))
    with open_display("offscreen", (64, 64)) as display:
        assert display.size == (64, 64), "a failure must leave nothing behind"


def test_a_machine_without_a_gl_library_is_told_what_to_install(monkeypatch) -> None:
    api._pyopengl.cache_clear()
    monkeypatch.setitem(sys.modules, "OpenGL.raw.GLES2.VERSION", None)
    monkeypatch.setattr(api.gl, "__dict__", {})
    with pytest.raises(DisplayError, match=r"no OpenGL ES library here .*libgles2"):
        open_display("offscreen", (64, 64))


def test_an_unknown_driver_is_refused() -> None:
    with pytest.raises(DisplayError, match="no display driver 'fbdev'; take one of auto, kmsdrm"):
        open_display("fbdev")
