# SPDX-License-Identifier: Apache-2.0
"""The contact sheet: what it shows, that it is written, and how mistakes are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pygame
import pytest
from made_up.lam_head import MOVED_M
from made_up.plugin import LAM_NAMES, MADE_UP

import contact_sheet
from avatar_maker.review import sheet
from avatar_maker.review.shots import (
    VISEMES,
    both_sides,
    eyes_middle,
    mouth_middle,
    sheet_shots,
    viseme,
)
from splat_gles.avatar import Avatar
from splat_gles.bundle import read_bundle, write_bundle
from splat_gles.errors import SplatError


def test_the_sheet_shows_what_an_avatar_is_judged_by() -> None:
    shots = sheet_shots()
    assert len({shot.name for shot in shots}) == len(shots)
    assert {*VISEMES, "neutral", "smile", "surprise", "blink"} <= {shot.name for shot in shots}
    assert {shot.yaw for shot in shots} == {-30.0, 0.0, 15.0, 30.0}
    assert {shot.pitch for shot in shots} == {-15.0, 0.0, 15.0}
    assert {shot.close for shot in shots} == {"", "eyes", "mouth"}


def test_visemes_are_as_the_speech_driver_sends_them() -> None:
    mouths = {name: viseme(sound) for name, sound in VISEMES.items()}
    assert mouths["m"]["mouthPressLeft"] > 0.3
    assert mouths["m"].get("jawOpen", 0.0) < 0.02
    assert mouths["f"]["mouthRollLower"] > 0.5
    assert min(mouths["sh"][unit] for unit in ("mouthFunnel", "mouthPucker")) > 0.3
    assert mouths["ah"]["jawOpen"] > 0.5
    assert mouths["ee"]["mouthStretchLeft"] > 0.2
    assert mouths["oo"]["mouthPucker"] > 0.6
    assert mouths["aw"]["jawOpen"] > 0.3
    assert mouths["aw"]["mouthPucker"] > 0.2


def test_a_name_stands_for_both_sides() -> None:
    assert both_sides({"jawOpen": 0.5, "eyeBlink": 1.0}) == {
        "jawOpen": 0.5,
        "eyeBlinkLeft": 1.0,
        "eyeBlinkRight": 1.0,
    }
    with pytest.raises(KeyError, match="jawOpn"):
        both_sides({"jawOpn": 1.0})


def test_it_writes_the_sheet_and_every_picture(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sheet, "FULL", (108, 192))
    output, folder = tmp_path / "new" / "sheet.png", tmp_path / "full"
    avatar = str(root / "config/avatars/default-20k.avatar")
    assert contact_sheet.main([avatar, "-o", str(output), "--full", str(folder)]) == 0
    told = capsys.readouterr()
    assert "[21/21] mouth" in told.err
    assert str(output) in told.out
    size = pygame.image.load(output).get_size()
    assert size == (7 * 27, 3 * (48 + sheet.LABEL))
    names = {path.stem for path in folder.iterdir()}
    assert len(names) == 21
    assert "smile-jaw-open" in names
    assert pygame.image.load(folder / "neutral.png").get_size() == (108, 192)


@pytest.mark.parametrize("name", LAM_NAMES)
def test_an_imported_avatar_gets_its_sheet(
    name: str, lam_bundle: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Imported rigs have no eye joints, and no tongueOut."""
    monkeypatch.setattr(sheet, "FULL", (108, 192))
    output, folder = tmp_path / "sheet.png", tmp_path / "full"
    told = contact_sheet.main([str(lam_bundle(name)), "-o", str(output), "--full", str(folder)])
    assert told == 0
    for picture in ("eyes", "mouth"):
        pixels = pygame.surfarray.array3d(pygame.image.load(folder / f"{picture}.png"))
        # A close-up of the face shows little of the white behind it
        assert (pixels[:, 64:128].min(axis=2) < 250).mean() > 0.95, picture


def test_eyes_are_found_by_the_lids_where_no_joint_turns_them(
    root: Path, lam_avatar: Callable[[str], Avatar]
) -> None:
    """The made-up LAM head is the default avatar, moved, without its eye joints."""
    joints = eyes_middle(read_bundle(root / "config/avatars/default-20k.avatar"))
    assert eyes_middle(lam_avatar(MADE_UP)) - MOVED_M == pytest.approx(joints, abs=0.02)
    assert (eyes_middle(lam_avatar(MADE_UP)) - MOVED_M)[:2] == pytest.approx(joints[:2], abs=0.006)


def test_a_face_unit_that_moves_nothing_is_told_in_words(root: Path) -> None:
    avatar = read_bundle(root / "config/avatars/default-20k.avatar")
    still = replace(avatar, deltas=np.zeros_like(avatar.deltas))
    with pytest.raises(SplatError, match="mouthPucker moves nothing"):
        mouth_middle(still)


def test_mistakes_are_told_in_words(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert contact_sheet.main([str(tmp_path / "none.avatar"), "-o", str(tmp_path / "a.png")]) == 1
    assert "error: " in capsys.readouterr().err
    with pytest.raises(SystemExit):
        contact_sheet.main(["-o", "sheet.jpg"])
    assert "sheets are PNG" in capsys.readouterr().err
    whole = read_bundle(root / "config/avatars/default-20k.avatar")
    kept = [row for row, name in enumerate(whole.blendshapes) if name != "mouthFunnel"]
    poor = replace(
        whole,
        blendshapes=tuple(whole.blendshapes[row] for row in kept),
        deltas=whole.deltas[kept],
        clips={},
    )
    write_bundle(poor, tmp_path / "poor.avatar", source="a test")
    assert contact_sheet.main([str(tmp_path / "poor.avatar"), "-o", str(tmp_path / "a.png")]) == 1
    assert "has no mouthFunnel" in capsys.readouterr().err
