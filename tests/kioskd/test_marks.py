# SPDX-License-Identifier: Apache-2.0
"""Who stands before a kiosk sees that its microphone is open, and that somebody is behind it."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pygame
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kiosk_process import GENEROUS_S, KioskProcess, running
from sound_card import OwnTime

from kioskd.screen.marks import HEIGHT, Mark, Marks
from kioskd.screen.overlay import Overlay
from kioskd.service.company import LINGER_S, Company
from splat_gles.renderer import Renderer
from test_stand.sound_daemon import MICROPHONE

BOTH = (Mark.MICROPHONE, Mark.COMPANY)


def drawn(marks: Marks, size: tuple[int, int], background: int) -> np.ndarray:
    pixels = np.full((size[1], size[0], 3), background, np.uint8)
    for each in marks.on(size):
        color = np.rint(np.array(each.color) * 255)
        pixels[each.y : each.y + each.height, each.x : each.x + each.width] = color
    return pixels


@given(
    width=st.integers(120, 4000),
    height=st.integers(120, 4000),
    quarters=st.integers(0, 3),
    shown=st.sampled_from([BOTH, BOTH[:1], BOTH[1:]]),
)
def test_marks_are_small_and_whole_in_the_corner_of_any_screen(
    width: int, height: int, quarters: int, shown: tuple[Mark, ...]
) -> None:
    for each in Marks(lambda: shown, quarters).on((width, height)):
        assert each.width >= 1
        assert each.height >= 1
        assert 0 <= each.x <= width - each.width
        assert 0 <= each.y <= height - each.height
    if quarters == 0:
        plate = max(min(HEIGHT * height, width / 8), 16) + 1
        for each in Marks(lambda: shown).on((width, height)):
            assert each.x >= width - 3.2 * plate
            assert each.y + each.height <= 1.6 * plate


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_on_a_panel_on_its_side_people_see_the_same(quarters: int) -> None:
    seen = (720, 1280)
    panel = (1280, 720) if quarters % 2 else seen
    turned = drawn(Marks(lambda: BOTH, quarters), panel, 128)
    upright = drawn(Marks(lambda: BOTH), seen, 128)
    np.testing.assert_array_equal(np.rot90(turned, quarters), upright)


@pytest.mark.parametrize("background", [0, 128, 255])
@pytest.mark.parametrize("mark", BOTH)
def test_a_mark_shows_on_any_background(background: int, mark: Mark) -> None:
    pixels = drawn(Marks(lambda: (mark,)), (1080, 1920), background).astype(int)
    apart = np.abs(pixels - background).max(axis=2) > 100
    assert 0.15 * 48 * 48 < apart.sum() < 48 * 48


def test_the_two_are_told_apart() -> None:
    microphone, eye = (drawn(Marks(lambda m=m: (m,)), (1080, 1920), 0) for m in BOTH)  # type: ignore[misc]
    assert (microphone != eye).any(axis=2).sum() > 400
    assert not drawn(Marks(lambda: ()), (1080, 1920), 0).any()


@dataclass
class Canvas:
    size: tuple[int, int] = (1080, 1920)
    fills: list[tuple[int, int, int, int]] = field(default_factory=list)

    def fill(self, box: tuple[int, int, int, int], _color: tuple[float, float, float]) -> None:
        self.fills.append(box)


def test_marks_lie_over_another_overlay_which_hears_of_each_frame() -> None:
    told: list[object] = []

    class Below(Overlay):
        def draw(self, renderer: Renderer, now: float, latency_s: float) -> None:
            renderer.fill((0, 0, 1080, 1920), (1.0, 1.0, 1.0))
            told.append((now, latency_s))

        def frame_shown(self, at: float) -> None:
            told.append(at)

        def frames_lost(self) -> None:
            told.append("lost")

    canvas, marks = Canvas(), Marks(lambda: BOTH, under=Below())
    marks.draw(cast(Renderer, canvas), 1.0, 0.02)
    marks.frame_shown(2.0)
    marks.frames_lost()
    assert told == [(1.0, 0.02), 2.0, "lost"]
    assert canvas.fills[0] == (0, 0, 1080, 1920)
    assert 10 <= len(canvas.fills) - 1 <= 20, "few, for each is a call of GL in every frame"


def test_company_is_shown_while_anything_of_it_goes_on_and_a_little_longer() -> None:
    hands, pictures, sound = OwnTime(), [0], [10]
    company = Company(lambda: pictures[0], lambda: sound[0], clock=hands.clock)
    assert not company.there(), "what went on before it was asked is none"
    pictures[0] += 1
    assert company.there()
    hands.now += LINGER_S - 0.1
    assert company.there()
    sound[0] += 160
    hands.now += 0.2
    assert company.there()
    hands.now += LINGER_S + 0.1
    assert not company.there()
    sound[0] = 0
    assert company.there(), "another link counts from the beginning"


def shot(kiosk: KioskProcess) -> np.ndarray:
    image = pygame.image.load(io.BytesIO(kiosk.get("screenshot.png")[1]), "x.png")
    return pygame.surfarray.array3d(image).swapaxes(0, 1)


def marks_in(pixels: np.ndarray) -> list[Mark]:
    """Which are there, in the order from the corner on."""
    expected = {
        shown: drawn(Marks(lambda shown=shown: shown), (180, 320), 0)[:32]  # type: ignore[misc]
        for shown in ((), BOTH[:1], BOTH[1:], BOTH)
    }
    white = (pixels[:32] == 255).all(axis=2)
    [found] = [
        shown for shown, each in expected.items() if ((each == 255).all(axis=2) == white).all()
    ]
    return list(found)


def test_the_daemon_shows_them_for_as_long_as_they_are_true(
    sound_server: Any, tmp_path: Path
) -> None:
    config = (
        "endpoint: {url: ''}\n"
        f"ears: {{enabled: true, device: {MICROPHONE}}}\n"
        "display: {background: '#0000ff'}\n"
    )
    with running(tmp_path, config=config) as kiosk:
        kiosk.wait_for("microphone_open")
        until = time.monotonic() + GENEROUS_S
        while marks_in(shot(kiosk)) != [Mark.MICROPHONE, Mark.COMPANY]:
            assert time.monotonic() < until, "whoever takes screenshots is company"
        time.sleep(LINGER_S + 1)
        assert marks_in(shot(kiosk)) == [Mark.MICROPHONE], "nobody has looked for a while"
        sound_server.kill()
        while Mark.MICROPHONE in marks_in(shot(kiosk)):
            assert time.monotonic() < until + GENEROUS_S, "the microphone is gone"


def test_without_ears_and_company_nothing_lies_over_the_picture(tmp_path: Path) -> None:
    config = "endpoint: {url: ''}\ndisplay: {background: '#0000ff'}\n"
    with running(tmp_path, config=config) as kiosk:
        assert marks_in(shot(kiosk)) == []
