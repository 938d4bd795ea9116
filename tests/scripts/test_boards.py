# SPDX-License-Identifier: Apache-2.0
"""Boards are data: what is there is right, and every way of being wrong is told in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from firmware.board_keys import BOARD_KEYS, FLASH_KEYS, VERIFIED_KEYS, schema
from firmware.boards import BoardError, board_names, load_board, read_board

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["8189", "g88", "qemu-virt", "rk3576", "s565"]


ENTRY = dict.fromkeys(VERIFIED_KEYS, "none") | {
    "date": "2027-01-31",
    "model": "some board",
    "image": "1.0",
    "report": "0123456789abcdef",
}


def good() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "board/rk3576/board.yaml").read_text())
    return content


def written(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "rk3576" / "board.yaml"
    path.parent.mkdir(exist_ok=True)
    text = content if isinstance(content, str) else yaml.safe_dump(content)
    path.write_text(text, "utf-8")
    return path


def test_the_five_boards_are_there_and_right() -> None:
    assert board_names() == NAMES
    for name in NAMES:
        assert load_board(name).name == name


@pytest.mark.parametrize("typed", ["RK3576", "Rk3576", "rk3576", " rk3576 "])
def test_a_name_is_taken_in_either_case(typed: str) -> None:
    assert load_board(typed).name == "rk3576"


@pytest.mark.parametrize(("name", "tier"), [("rk3576", 1), ("8189", 2), ("g88", 3), ("s565", 3)])
def test_a_description_claims_no_more_than_is_known(name: str, tier: int) -> None:
    told = load_board(name).describe()
    assert f"tier {tier}" in told
    assert "verified on no board yet" in told


def test_who_verified_it_is_told(tmp_path: Path) -> None:
    content = good() | {"verified_on": [ENTRY]}
    told = read_board(written(tmp_path, content)).describe()
    assert told.endswith("verified on 2027-01-31 some board, 1.0")


def test_only_rockchip_carries_the_npu_library() -> None:
    assert [name for name in NAMES if load_board(name).npu == "rknn"] == ["rk3576"]


def test_only_the_strongest_board_shows_the_avatar_of_60000_splats() -> None:
    assert [name for name in NAMES if load_board(name).avatar == "default"] == ["rk3576"]


@pytest.mark.parametrize("name", ["rk3577", "", "../rk3576", "board.schema.json"])
def test_an_unknown_board_lists_those_there_are(name: str) -> None:
    with pytest.raises(BoardError) as told:
        load_board(name)
    assert ", ".join(NAMES) in str(told.value)


def test_a_slip_of_the_finger_gets_a_hint() -> None:
    with pytest.raises(BoardError, match=r"did you mean rk3576\?"):
        load_board("rk3567")


def test_the_editors_schema_is_that_of_the_loader() -> None:
    kept = json.loads((ROOT / "board/board.schema.json").read_text())
    assert kept == schema(), "make it again: scripts/make_overlay.py --board-schema"
    assert set(kept["properties"]) == {*BOARD_KEYS, "verified_on", "flash"}


def test_a_board_stays_about_twenty_keys() -> None:
    assert len(BOARD_KEYS) + len(FLASH_KEYS) <= 25


WRONG = [
    ({"name": "other"}, "must be that of its folder"),
    ({"name": "RK 3576"}, "is not of the form"),
    ({"name": 3576}, "must be text"),
    ({"title": ""}, "must not be empty"),
    ({"tier": 0}, "must be from 1 to 3"),
    ({"tier": 4}, "must be from 1 to 3"),
    ({"tier": "1"}, "must be a whole number"),
    ({"tier": True}, "must be a whole number"),
    ({"verified_on": "2027-01-31 me"}, "must be a list; `make verified` fills it"),
    ({"verified_on": ["2027-01-31 me"]}, "must hold keys"),
    ({"verified_on": [{"date": "yesterday"}]}, "is not of the form"),
    ({"verified_on": [{"date": "2027-01-31"}]}, "verified_on.model: missing"),
    ({"compatible": ["rk3576"]}, "is not of the form"),
    ({"compatible": [3576]}, "is not text"),
    ({"arch": "amd64"}, "is not one of arm64"),
    ({"base": "debian-13"}, "is not one of debian-12"),
    ({"compression": "zstd"}, "is not one of xz, gzip"),
    ({"avatar": "samuel"}, "is not one of default, default-20k"),
    ({"drm_drivers": ["card0/"]}, "is not of the form"),
    ({"drm_drivers": ["a", "a"]}, "contains something twice"),
    ({"watchdog": "yes please"}, "must be true or false"),
    ({"watchdog": 1}, "must be true or false"),
    ({"npu": "tpu"}, "is not one of none, rknn"),
    ({"serial_console": "ttyS0"}, "is not of the form"),
    ({"tear": 1}, "unknown key; did you mean tier?"),
    ({"flash": None}, "must hold keys"),
    ({"flash": []}, "must hold keys"),
]
WRONG_FLASH = [
    ({"tool": "dd"}, "is not one of rkdeveloptool"),
    ({"usb_ids": ["2207:350E"]}, "is not of the form"),
    ({"partitions": ["/dev/sda1"]}, "is not of the form"),
    ({"max_bytes": 129 << 20}, "must be from"),
    ({"max_bytes": 1.5}, "must be a whole number"),
    ({"loeder": "x"}, "unknown key; did you mean flash.loader?"),
]


@pytest.mark.parametrize(("change", "told"), WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_value_is_named_with_its_line(
    tmp_path: Path, change: dict[str, object], told: str
) -> None:
    path = written(tmp_path, good() | change)
    with pytest.raises(BoardError) as error:
        read_board(path)
    assert told in str(error.value)
    assert str(error.value).startswith(str(path))
    assert next(iter(change)) in str(error.value)


@pytest.mark.parametrize(("change", "told"), WRONG_FLASH, ids=lambda value: str(value)[:40])
def test_flash_keys_are_checked_as_well(
    tmp_path: Path, change: dict[str, object], told: str
) -> None:
    content = good()
    content["flash"] |= change
    with pytest.raises(BoardError) as error:
        read_board(written(tmp_path, content))
    assert told in str(error.value)
    assert f"flash.{next(iter(change))}" in str(error.value)


@pytest.mark.parametrize("key", [*BOARD_KEYS, "verified_on", "flash"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    content = good()
    del content[key]
    with pytest.raises(BoardError, match=rf"{key}: missing"):
        read_board(written(tmp_path, content))


@pytest.mark.parametrize("key", FLASH_KEYS)
def test_a_missing_flash_key_is_named(tmp_path: Path, key: str) -> None:
    content = good()
    del content["flash"][key]
    with pytest.raises(BoardError, match=rf"flash\.{key}: missing"):
        read_board(written(tmp_path, content))


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BoardError) as error:
        read_board(written(tmp_path, good() | {"tier": 9, "npu": "x", "extra": 1}))
    assert len(str(error.value).splitlines()) == 3


def test_a_key_given_twice_is_told_with_its_line(tmp_path: Path) -> None:
    text = (ROOT / "board/rk3576/board.yaml").read_text()
    path = written(tmp_path, text + "tier: 2\n")
    with pytest.raises(BoardError, match=rf":{len(text.splitlines()) + 1}: tier: given twice"):
        read_board(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "must hold keys"),
        ("- a\n- b\n", "must hold keys"),
        ("tier: [1\n", "not valid YAML"),
        ("tier: !!int perhaps\n", "must be a whole number"),
        ("? [a, b]\n: 1\n", "a key must be a plain word"),
        ("x: 1\n" * 20_000, "larger than"),
        ("[" * 5_000, "not valid YAML"),
    ],
    ids=lambda value: value[:12],
)
def test_a_file_that_is_no_board_is_refused(tmp_path: Path, content: str, told: str) -> None:
    with pytest.raises(BoardError, match=told):
        read_board(written(tmp_path, content))


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="cannot be read"):
        read_board(tmp_path / "board.yaml")
    path = written(tmp_path, "")
    path.write_bytes(b"name: \xff\n")
    with pytest.raises(BoardError, match="not UTF-8"):
        read_board(path)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([*BOARD_KEYS, "verified_on", "flash", "x"]), inner, max_size=4
            )
        ),
        max_leaves=8,
    )
)
def test_anything_else_is_a_told_error_too(
    tmp_path_factory: pytest.TempPathFactory, content: object
) -> None:
    path = written(tmp_path_factory.mktemp("board"), content)
    with pytest.raises(BoardError):
        read_board(path)
