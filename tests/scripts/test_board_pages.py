# SPDX-License-Identifier: Apache-2.0
"""Each board's page answers the same questions in the same order; its fixtures hold together."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import firmware
from firmware.boards import BOARDS, board_names, load_board
from kioskd.audio.cards import SoundCard, choose_device

CHAPTERS = [
    "What it is", "Tier", "Build", "Flash", "Boot", "Serial console", "Microphone", "Known traps",
]  # fmt: skip
# What no kiosk starts without: the payload is a squashfs on a loop device
NEEDED = {"CONFIG_SQUASHFS", "CONFIG_SQUASHFS_XZ", "CONFIG_BLK_DEV_LOOP", "CONFIG_EXT4_FS"}
CARD = re.compile(r"^ ?\d+ \[(\S+) *\]: (\S.*?) - (.+)$", re.MULTILINE)


def page(name: str) -> str:
    return (BOARDS / name / "README.md").read_text()


@pytest.mark.parametrize("name", board_names())
def test_every_page_has_the_same_chapters_in_the_same_order(name: str) -> None:
    assert re.findall(r"^## (.+)$", page(name), re.MULTILINE) == CHAPTERS
    assert re.findall(r"^# (.+)$", page(name), re.MULTILINE)[0].startswith(f"{name}: ")
    for chapter, text in zip(
        CHAPTERS, re.split(r"^## .+$", page(name), flags=re.MULTILINE)[1:], strict=True
    ):
        assert len(text.split()) >= 4, f"'{chapter}' of {name} says nothing"


@pytest.mark.parametrize("name", board_names())
def test_the_page_tells_the_tier_and_what_nobody_has_verified(name: str) -> None:
    board = load_board(name)
    tier = re.split(r"^## .+$", page(name), flags=re.MULTILINE)[2]
    assert tier.strip().startswith(f"{board.tier}: ")
    assert ("no board" in tier) == (not board.verified_on)
    line = next(
        line
        for line in (BOARDS / "README.md").read_text().splitlines()
        if line.startswith(f"| [`{name}`]")
    )
    assert f"| {board.tier}: " in line


@pytest.mark.parametrize("name", board_names())
def test_what_others_may_not_be_given_is_told_where_the_image_is_built(name: str) -> None:
    """The NPU's package is not free software, and the page quotes its licence truly."""
    build = " ".join(re.split(r"^## .+$", page(name), flags=re.MULTILINE)[3].split())
    if load_board(name).npu != "rknn":
        assert "rknn" not in build
        return
    text = (Path(firmware.__file__).parent / "licence_texts/rknn-toolkit-lite2.txt").read_text()
    (quoted,) = re.findall(r'"([^"]+)"', build)
    assert quoted in text
    assert "`npu: none`" in build, "how an image is built without it"


@pytest.mark.parametrize("name", board_names())
def test_the_serial_console_of_the_page_is_that_of_the_data(name: str) -> None:
    console = load_board(name).serial_console
    told = re.split(r"^## .+$", page(name), flags=re.MULTILINE)[6]
    device, _, speed = console.partition(",")
    assert device in told
    assert speed in told


PAGES = sorted(BOARDS.glob("**/*.md"))


@pytest.fixture(scope="module")
def kioskctl_help(root: Path) -> str:
    command = [sys.executable, "-m", "kioskd.ctl", "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(BOARDS)))
def test_what_a_page_tells_to_type_exists(root: Path, path: Path, kioskctl_help: str) -> None:
    text = path.read_text()
    makefile = (root / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z][a-z-]+)", text)) <= targets
    told = {
        name
        for line in re.findall(r"make (?:flash|rootfs|overlay) ([^`\n]*)", text)
        for name in re.findall(r"\b([A-Z_]+)=", line)
    }
    assert told <= set(re.findall(r"\$\((?:filter no,\$\()?([A-Z_]+)\)", makefile))
    for command in re.findall(r"\bkioskctl ([a-z][a-z-]+)", text):
        assert f"    {command} " in kioskctl_help, f"kioskctl has no {command}"
    metrics = (root / "kioskd/metrics.py").read_text()
    for name in re.findall(
        r"\bkiosk_(?!activate|token)[a-z_]+", text.replace("kiosk_storage_*", "")
    ):
        assert f'"{name.removesuffix("_total")}' in metrics, f"there is no metric {name}"


def fixtures(pattern: str) -> list[Path]:
    found = sorted(BOARDS.glob(f"*/fixtures/{pattern}"))
    assert found
    return found


@pytest.mark.parametrize("path", fixtures("*"), ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_every_fixture_names_where_it_is_from(path: Path) -> None:
    if path.name.startswith("ppt-"):
        # What the tool prints, byte by byte; the layout it is of names the source
        assert (path.parent / path.name.replace("ppt", "parameter")).is_file()
    else:
        assert path.read_text().startswith("# ")


CHOSEN = {
    "rk3576/asound_cards.txt": "plughw:CARD=rockchiphdmi0,DEV=0",
    "rk3576/asound_cards_mainline.txt": "plughw:CARD=HDMI,DEV=0",
    "8189/asound_cards.txt": "plughw:CARD=mt8391evk,DEV=0",
    "g88/asound_cards.txt": "plughw:CARD=mt6768mt6358,DEV=0",
    "qemu-virt/asound_cards.txt": "plughw:CARD=Intel,DEV=0",
}
ONBOARD_MICROPHONES = {
    "rk3576/asound_cards.txt": "plughw:CARD=rockchipes8388,DEV=0",
    "rk3576/asound_cards_mainline.txt": "plughw:CARD=RT5616,DEV=0",
    "8189/asound_cards.txt": "plughw:CARD=mt8391evk,DEV=0",
    "g88/asound_cards.txt": "plughw:CARD=mt6768mt6358,DEV=0",
    "qemu-virt/asound_cards.txt": "plughw:CARD=Intel,DEV=0",
}
USB_MICROPHONE = SoundCard("Device", ("Device", "USB-Audio", "USB microphone"), 0)


def known_cards(path: Path) -> list[SoundCard]:
    return [
        SoundCard(card_id, (card_id, driver, long_name), 0)
        for card_id, driver, long_name in CARD.findall(path.read_text())
    ]


def test_the_boards_patterns_find_the_sound_card_under_either_kernels_names() -> None:
    found = {}
    for path in fixtures("asound_cards*.txt"):
        name = path.parts[-3]
        # A card plugged in before must not win by its number
        cards = [USB_MICROPHONE, *known_cards(path)]
        match = load_board(name).audio_match
        found[f"{name}/{path.name}"] = choose_device("auto", match, cards)
    assert found == CHOSEN


def test_the_boards_patterns_find_the_codec_s_microphone_and_prefer_one_that_is_plugged_in() -> (
    None
):
    found = {}
    for path in fixtures("asound_cards*.txt"):
        name = path.parts[-3]
        match = load_board(name).microphone_match
        found[f"{name}/{path.name}"] = choose_device("auto", match, known_cards(path))
        if name != "qemu-virt":
            both = [*known_cards(path), USB_MICROPHONE]
            assert choose_device("auto", match, both) == USB_MICROPHONE.pcm, name
    assert found == ONBOARD_MICROPHONES


def options(path: Path) -> set[str]:
    return set(re.findall(r"^(CONFIG_\w+)=[ym]$", path.read_text(), re.MULTILINE))


def test_the_kernels_of_tiers_1_and_2_have_what_the_kiosk_needs_and_androids_has_not() -> None:
    kernels = {path.parts[-3]: options(path) for path in fixtures("kernel_config.txt")}
    assert kernels["rk3576"] >= NEEDED
    assert kernels["qemu-virt"] >= NEEDED
    assert "CONFIG_SQUASHFS" not in kernels["g88"]
    assert "CONFIG_OVERLAY_FS" not in kernels["rk3576"], "why the payload is no overlay"
