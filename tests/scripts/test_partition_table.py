# SPDX-License-Identifier: Apache-2.0
"""Partition tables: the three public layouts, GPTs that are true or damaged, and sizes."""

from __future__ import annotations

import contextlib

import pytest
from flash_files import ROOT, SECTOR, gpt
from hypothesis import given
from hypothesis import strategies as st

from flashing.errors import FlashError
from flashing.partition_table import (
    Partition,
    check_fits,
    find_partition,
    parse_gpt,
    parse_listing,
    parse_parameter,
)

FIXTURES = ROOT / "board/rk3576/fixtures"
LAYOUTS = ["rockchip-sdk", "firefly", "friendlyelec"]
DISK = 61071360


def layout(name: str) -> list[Partition]:
    return parse_parameter((FIXTURES / f"parameter-{name}.txt").read_text())


def on_a_disk(name: str) -> list[Partition]:
    """The layout as a tool writes it onto a 32 GB storage: what grows takes the rest."""
    return [
        Partition(each.name, each.first, each.sectors or DISK - 33 - each.first)
        for each in layout(name)
    ]


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_tools_listing_and_the_gpt_agree_with_the_vendors_layout(name: str) -> None:
    listed = parse_listing((FIXTURES / f"ppt-{name}.txt").read_text())
    assert listed == layout(name)
    assert parse_gpt(gpt(on_a_disk(name), DISK)) == on_a_disk(name)


def test_which_layouts_have_room_for_the_overlay() -> None:
    sizes = {name: {each.name: each.bytes for each in on_a_disk(name)} for name in LAYOUTS}
    assert sizes["rockchip-sdk"]["oem"] == 128 << 20
    assert "oem" not in sizes["firefly"]
    assert "oem" not in sizes["friendlyelec"]
    assert sizes["firefly"]["rootfs"] == 6 << 30


def test_the_forks_listing_tells_the_end_as_well() -> None:
    text = (
        "#   LBA start (sectors)  LBA end (sectors)  Size (bytes)       Name                \r\n"
        "00                16384              24575       4194304       uboot\r\n"
        "07             21463040           21725183     134217728       oem\r\n"
    )
    assert parse_listing(text) == [
        Partition("uboot", 16384, 8192),
        Partition("oem", 21463040, 262144),
    ]


partitions = st.lists(
    st.tuples(st.text("abcdefghijkmnopqrstuvwxyz_-0", min_size=1, max_size=36), st.integers(1, 99)),
    min_size=1,
    max_size=128,
    unique_by=lambda pair: pair[0],
)


@given(partitions)
def test_every_gpt_comes_back_as_it_was_meant(pairs: list[tuple[str, int]]) -> None:
    table, first = [], 64
    for name, sectors in pairs:
        table.append(Partition(name, first, sectors))
        first += sectors
    assert parse_gpt(gpt(table, first + 64)) == table


@given(st.integers(SECTOR, 34 * SECTOR - 1), st.integers(1, 255))
def test_a_flipped_byte_is_never_taken_for_another_table(at: int, flip: int) -> None:
    raw = bytearray(gpt(on_a_disk("rockchip-sdk"), DISK))
    raw[at] ^= flip
    # Behind the header's 92 bytes nothing is covered or used; a broken signature is no GPT
    table: list[Partition] | None = None
    with contextlib.suppress(FlashError):
        table = parse_gpt(bytes(raw))
    assert table is None or table == on_a_disk("rockchip-sdk")


@given(st.binary(max_size=34 * SECTOR))
def test_whatever_a_device_answers_is_a_table_none_or_a_named_error(raw: bytes) -> None:
    with contextlib.suppress(FlashError):
        parse_gpt(raw)


@given(st.text())
def test_no_listing_is_a_traceback(text: str) -> None:
    assert all(each.name for each in parse_listing(text))


def test_without_a_gpt_the_last_partition_has_no_known_size() -> None:
    listed = parse_listing((FIXTURES / "ppt-friendlyelec.txt").read_text())
    assert listed[-1].name == "rootfs"
    with pytest.raises(FlashError, match="the size of the partition rootfs is not in"):
        check_fits(listed[-1], 1)


def test_the_last_byte_that_fits() -> None:
    partition = Partition("oem", 64, 2)
    check_fits(partition, 1024)
    with pytest.raises(FlashError, match="the image has 1025 bytes, the partition oem only 1024"):
        check_fits(partition, 1025)


def test_the_preferred_name_wins_and_two_of_a_name_are_refused() -> None:
    table = [Partition("kiosk", 64, 1), Partition("oem", 65, 1), Partition("oem", 66, 1)]
    assert find_partition(table, ["kiosk", "oem"], "").first == 64
    with pytest.raises(FlashError, match="2 partitions named oem"):
        find_partition(table, ["oem"], "")
    with pytest.raises(FlashError, match=r"no partition x or y \(it has: kiosk, oem, oem\). Mend"):
        find_partition(table, ["x", "y"], "Mend")


@pytest.mark.parametrize(
    "text", ["TYPE: GPT\n", "CMDLINE: mtdparts=mmcblk0\n", "mtdparts=:-@0x1(a)\nmtdparts=:-@0x1(b)"]
)
def test_a_parameter_file_without_partitions_is_refused(text: str) -> None:
    with pytest.raises(FlashError, match="not a Rockchip parameter file"):
        parse_parameter(text)
