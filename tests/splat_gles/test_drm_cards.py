# SPDX-License-Identifier: Apache-2.0
"""The card with the screen is found by driver and connector, whatever its number is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from made_up.drm_tree import make_card, plug

from splat_gles import display
from splat_gles.display import open_display
from splat_gles.drm_cards import Connector, choose_card, read_cards
from splat_gles.errors import DisplayError


@pytest.fixture
def sys(tmp_path: Path) -> Path:
    (tmp_path / "class/drm").mkdir(parents=True)
    (tmp_path / "class/drm/version").write_text("drm 1.1.0 20060810\n")
    return tmp_path


def chosen(sys: Path, *drivers: str) -> int | None:
    card = choose_card(read_cards(sys / "class/drm"), drivers)
    return None if card is None else card.index


def test_the_npu_is_card0_and_the_display_card1(sys: Path) -> None:
    make_card(sys, 0, "RKNPU")
    make_card(sys, 1, "rockchip-drm", HDMI_A_1="connected", DP_1="disconnected")
    cards = read_cards(sys / "class/drm")
    assert [(card.index, card.driver) for card in cards] == [(0, "RKNPU"), (1, "rockchip-drm")]
    assert cards[1].connectors == (
        Connector("DP-1", "disconnected"),
        Connector("HDMI-A-1", "connected", ("1920x1080",)),
    )
    assert cards[1].connected == cards[1].connectors[1:]
    assert chosen(sys) == 1
    assert chosen(sys, "rockchip") == 1


def test_the_screen_decides_before_the_driver(sys: Path) -> None:
    """A USB display is plugged in, the board's own output is not."""
    make_card(sys, 0, "rockchip-drm", HDMI_A_1="disconnected")
    make_card(sys, 1, "panfrost")
    make_card(sys, 2, "udl", DVI_I_1="connected")
    assert chosen(sys, "rockchip") == 2


def test_the_driver_decides_among_screens_and_without_any(sys: Path) -> None:
    make_card(sys, 0, "udl", DVI_I_1="connected")
    make_card(sys, 1, "mediatek-drm", HDMI_A_1="connected")
    assert chosen(sys, "rockchip", "mediatek") == 1
    assert chosen(sys) == 0
    for status in (sys / "class/drm").glob("card*/status"):
        status.write_text("disconnected\n")
    assert chosen(sys, "rockchip", "mediatek") == 1, "the screen may be switched on later"


def test_the_number_may_have_two_digits_and_the_driver_may_be_unknown(sys: Path) -> None:
    make_card(sys, 12, "virtio_gpu", Virtual_1="connected")
    (sys / "devices/platform/0000000c.device/driver").unlink()
    assert chosen(sys, "virtio_gpu") == 12


def test_without_a_connector_there_is_no_card_to_draw_on(sys: Path) -> None:
    assert chosen(sys) is None
    make_card(sys, 0, "RKNPU")
    make_card(sys, 1, "panfrost")
    assert chosen(sys, "panfrost") is None
    assert read_cards(sys / "nowhere") == []


def test_a_card_that_cannot_tell_is_better_than_one_without_a_screen(sys: Path) -> None:
    """A kernel without a console of its own has asked no connector before somebody opens it."""
    make_card(sys, 0, "rockchip-drm", HDMI_A_1="disconnected")
    make_card(sys, 1, "mediatek-drm", HDMI_A_1="unknown")
    assert chosen(sys, "rockchip") == 1
    plug(sys, "card0-HDMI-A-1", "connected", "1280x720 640x480")
    assert chosen(sys, "mediatek") == 0
    first, second = read_cards(sys / "class/drm")
    assert first.connected[0].modes == ("1280x720", "640x480")
    assert (first.promising, second.promising) == (True, True)
    assert second.describe() == "card1 mediatek-drm: HDMI-A-1 unknown"


def test_a_writeback_is_no_place_for_a_screen(sys: Path) -> None:
    make_card(sys, 0, "rockchip-drm", Writeback_1="unknown")
    assert chosen(sys) is None
    make_card(sys, 1, "mediatek-drm", Writeback_1="unknown", HDMI_A_1="disconnected")
    [card] = [card for card in read_cards(sys / "class/drm") if card.index == 1]
    assert [each.name for each in card.connectors] == ["HDMI-A-1"]
    assert not card.promising


@pytest.mark.parametrize(("named", "told"), [(None, "1"), ("7", "7")])
def test_sdl_is_told_the_number(
    sys: Path, monkeypatch: pytest.MonkeyPatch, named: str | None, told: str
) -> None:
    """KMS itself runs in the boot test; here it fails, but only after it was told."""
    make_card(sys, 0, "RKNPU")
    make_card(sys, 1, "rockchip-drm", HDMI_A_1="connected")
    cards = read_cards(sys / "class/drm")
    monkeypatch.setattr(display, "read_cards", lambda: cards)
    if named is None:
        monkeypatch.delenv("SDL_KMSDRM_DEVICE_INDEX", raising=False)
    else:
        monkeypatch.setenv("SDL_KMSDRM_DEVICE_INDEX", named)
    seen = []
    quit_display = display.pygame.display.quit

    def look() -> None:
        seen.append(os.environ.get("SDL_KMSDRM_DEVICE_INDEX"))
        quit_display()

    monkeypatch.setattr(display.pygame.display, "quit", look)
    with pytest.raises(DisplayError, match="cannot draw with kmsdrm"):
        open_display("kmsdrm")
    assert seen[0] == told
    assert os.environ.get("SDL_KMSDRM_DEVICE_INDEX") == named, "the caller's value is back"
