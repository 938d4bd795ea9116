# SPDX-License-Identifier: Apache-2.0
"""What a viewer sees of the shipped avatars, measured on pixels.

No threshold goes by a skin's tone: closures are measured by painting what they hide, holes by
painting the background, and the rest goes by the person's own cheek.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from avatar_studio import (
    SIDE,
    Mask,
    Picture,
    Studio,
    brightness,
    connected,
    green,
    inside_mouth,
    painted,
    studio,
)

from avatar_maker.review.shots import Shot, mouth_middle, sheet_shots, viseme
from splat_gles.avatar import Avatar
from splat_gles.bundle import read_bundle

FOLDER = Path(__file__).resolve().parents[2] / "config" / "avatars"
FACE = 0.24
"""Metres across a picture of the whole face: 0.6 mm a pixel."""
SEEN_THROUGH = 0.08
"""Of the painted light; rounding in 8 bits alone leaves up to 0.05."""
LIPS = {
    "funnel": {"mouthFunnel": 1.0},
    "funnel, smile": {"mouthFunnel": 0.7, "mouthSmile": 0.7},
    "pucker, jaw open": {"mouthPucker": 0.8, "jawOpen": 0.5},
}
SHOTS = (
    *(shot for shot in sheet_shots() if not shot.close),
    *(
        Shot(f"{name} at {yaw:.0f}", units, yaw)
        for name, units in LIPS.items()
        for yaw in (-30.0, 0.0, 30.0)
    ),
)
LIGHT_SHOTS = ("neutral", "ah", "blink", "smile, jaw open", "yaw -30", "yaw 30", "funnel at 30")
"""The light variants are made by the same code: fewer looks will do."""


@pytest.fixture(scope="module", params=sorted(FOLDER.glob("*.avatar")), ids=lambda path: path.stem)
def bundle(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture(scope="module")
def avatar(bundle: Path) -> Avatar:
    return read_bundle(bundle)


def of_joints(avatar: Avatar, *names: str) -> Mask:
    """Splats (n,) that follow these joints."""
    wanted = [index for index, joint in enumerate(avatar.joints) if joint.name in names]
    weights = np.where(np.isin(avatar.skin_joints, wanted), avatar.skin_weights, 0.0)
    return np.asarray(weights.sum(axis=1) > 0.5)


def left_eye(avatar: Avatar) -> np.ndarray:
    """Before the pupil of the left eye (3,)."""
    place = next(joint.position for joint in avatar.joints if joint.name == "leftEye")
    return np.add(place, [0.0, 0.0, 0.015])


def far_behind(avatar: Avatar) -> Mask:
    """Splats (n,) that no view of the face should show: 9 cm behind the pupils."""
    return np.asarray(avatar.positions[:, 2] < left_eye(avatar)[2] - 0.09)


def holes(opened: Studio, shot: Shot) -> Mask:
    """Pixels of the face through which the background shows, or the head's back is painted."""
    camera = opened.camera(opened.middle(), FACE, shot.yaw, shot.pitch)
    seen = green(opened.picture(camera, shot.units, (0.0, 1.0, 0.0)))
    return (seen > SEEN_THROUGH) & opened.face(camera, shot.units)


@pytest.mark.slow("looks at hundreds of pictures of each avatar")
def test_nobody_sees_through_the_face(bundle: Path, avatar: Avatar) -> None:
    with painted(avatar, far_behind(avatar)) as opened:
        for shot in SHOTS:
            if shot.name in LIGHT_SHOTS or not bundle.stem.endswith("-20k"):
                found = holes(opened, shot)
                assert not found.any(), f"{shot.name}: {found.sum()} pixels"


def test_a_hole_would_be_seen(avatar: Avatar) -> None:
    """The guard itself: what lies in front of one spot of the cheek is taken away."""
    faint = avatar.colors.copy()
    spot = avatar.positions[:, :2] - np.add(left_eye(avatar)[:2], [0.0, -0.04])
    faint[np.linalg.norm(spot, axis=1) < 0.005, 3] = 0.0
    pierced = replace(avatar, colors=faint)
    with painted(pierced, far_behind(avatar)) as opened:
        assert holes(opened, Shot("neutral")).sum() > 20


@pytest.mark.parametrize("yaw", [-30.0, 0.0, 30.0])
def test_nothing_floats_beside_the_person(avatar: Avatar, yaw: float) -> None:
    middle = np.zeros((SIDE, SIDE), bool)
    middle[SIDE // 2 - 10 : SIDE // 2 + 10, SIDE // 2 - 10 : SIDE // 2 + 10] = True
    with studio(avatar) as opened:
        camera = opened.camera(opened.middle(), 0.40, yaw)
        over_black = opened.picture(camera, {}, (0.0, 0.0, 0.0))
        through = (opened.picture(camera, {}) - over_black).mean(axis=-1)
    body = connected(through < 0.99, middle)
    assert ((through < 0.9) & ~body).sum() <= 4


@pytest.mark.slow("turns each avatar degree by degree")
@pytest.mark.parametrize("yaw", [-30.0, -10.0, 0.0, 20.0])
def test_nothing_pops_from_one_degree_to_the_next(avatar: Avatar, yaw: float) -> None:
    """Drawn in the order that a view one degree on has, the picture is nearly the same."""
    with studio(avatar) as opened:
        camera = opened.camera(opened.middle(), 0.30, yaw)
        following = opened.camera(opened.middle(), 0.30, yaw + 1.0)
        fresh = opened.picture(camera, {})
        change = np.abs(opened.picture_in_order_of(following, camera) - fresh).max(axis=-1)
    print(f"{avatar.name}: {np.quantile(change, 0.999):.3f}, at most {change.max():.3f}")
    assert np.quantile(change, 0.999) < 0.08
    assert (change > 0.1).sum() < 100


BLINK_MIXES = (
    {},
    {"mouthSmile": 1.0, "cheekSquint": 1.0},
    {"mouthPucker": 1.0},
    {"jawOpen": 0.7},
    {"browInnerUp": 1.0, "browOuterUp": 1.0},
    {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0},
)


@pytest.mark.slow("looks at many pictures of each avatar")
def test_lids_seal_over_the_eyes(avatar: Avatar) -> None:
    with painted(avatar, of_joints(avatar, "leftEye", "rightEye")) as opened:
        place = left_eye(avatar)
        assert (green(opened.picture(opened.camera(place, 0.05), {})) > 0.5).mean() > 0.02
        for mix in BLINK_MIXES:
            for yaw in (-30.0, 0.0, 30.0):
                shut = opened.picture(opened.camera(place, 0.05, yaw), {"eyeBlink": 1.0, **mix})
                seen = green(shut)
                print(f"{mix} at {yaw}: {seen.max():.2f}, {(seen > 0.3).sum()} pixels")
                assert (seen > 0.3).sum() < 40, (mix, yaw)


def test_eyes_turn_far_without_showing_their_back(avatar: Avatar) -> None:
    """Between the lids there is as much of the eye at 25 degrees aside as ahead."""
    with painted(avatar, of_joints(avatar, "leftEye", "rightEye")) as opened:
        camera = opened.camera(left_eye(avatar), 0.05)

        def area(**units: float) -> float:
            return float((green(opened.picture(camera, units)) > 0.5).sum())

        ahead = area()
        assert area(eyeLookOutLeft=1.0, eyeLookInRight=1.0) > 0.9 * ahead
        assert area(eyeLookInLeft=1.0, eyeLookOutRight=1.0) > 0.9 * ahead
        # lids follow: they rise by less than the eye turns up, and come down with it
        assert area(eyeLookUp=1.0) > 0.7 * ahead
        assert 0.25 * ahead < area(eyeLookDown=1.0) < 0.9 * ahead


def test_eyes_follow_the_gaze(avatar: Avatar) -> None:
    eye = left_eye(avatar)
    ahead = np.linalg.norm(avatar.positions[:, :2] - eye[:2], axis=1) < 0.0022
    with painted(avatar, of_joints(avatar, "leftEye") & ahead) as opened:
        camera = opened.camera(eye, 0.04)

        def pupil(**units: float) -> np.ndarray:
            """Millimetres to its left and up, from where it is at rest, of the eye's middle."""
            rows, columns = np.nonzero(green(opened.picture(camera, units)) > 0.5)
            middle = np.array([columns.mean(), -rows.mean()])
            return np.asarray(middle * 40.0 / SIDE)

        rest = pupil()
        left = pupil(eyeLookOutLeft=0.6, eyeLookInRight=0.6) - rest
        right = pupil(eyeLookInLeft=0.6, eyeLookOutRight=0.6) - rest
        up = pupil(eyeLookUp=0.4) - rest
    # its own left is the viewer's right; 15 degrees of an eye of 15.6 mm are 4 mm
    assert 2.5 < left[0] < 5.5
    assert -5.5 < right[0] < -2.5
    assert 0.8 < up[1] < 4.0


@pytest.mark.slow("looks at many pictures of each avatar")
def test_lips_seal_and_part(avatar: Avatar) -> None:
    inside = inside_mouth(avatar)
    with painted(avatar, inside) as opened:
        place = np.add(mouth_middle(avatar), [0.0, 0.0, 0.010])

        def area(**units: float) -> float:
            camera = opened.camera(place, 0.08)
            return float((green(opened.picture(camera, units)) > 0.3).sum())

        vowel = area(**viseme("A:"))
        shut = {
            "neutral": area(),
            "m": area(**viseme("m")),
            "smile": area(mouthSmile=0.8),
            "pucker": area(mouthPucker=1.0),
            "m, pucker": area(**viseme("m") | {"mouthPucker": 0.6}),
            "m, smile": area(**viseme("m") | {"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6}),
            "over a hanging jaw": area(jawOpen=0.4, mouthClose=0.4),
        }
        print(f"{avatar.name}: ah {vowel:.0f}, {shut} pixels")
        # ah is some 800 mm2; what is left is the line between the lips
        assert vowel > 10_000
        assert all(pixels < 0.07 * vowel for pixels in shut.values()), shut
        assert area(**viseme("i:")) > 0.12 * vowel
        assert area(**viseme("O:")) > 0.20 * vowel


def test_a_smile_shows_teeth_and_an_open_mouth_is_dark(avatar: Avatar) -> None:
    with studio(avatar) as opened:
        camera = opened.camera(np.add(mouth_middle(avatar), [0.0, 0.0, 0.010]), 0.06)
        cheek = opened.camera(np.add(opened.middle(), [0.035, -0.015, 0.0]), 0.01)
        skin = float(np.median(brightness(opened.picture(cheek, {}))))

        def teeth(picture: Picture) -> float:
            grey = picture.max(axis=-1) - picture.min(axis=-1) < 0.2 * picture.max(axis=-1)
            return float((grey & (brightness(picture) > 0.5)).mean())

        rest = opened.picture(camera, {})
        smile = opened.picture(camera, {"mouthSmile": 0.9, "jawOpen": 0.3})
        wide = opened.picture(camera, {"jawOpen": 0.8})
    print(f"{avatar.name}: teeth {teeth(rest):.3f}, {teeth(smile):.3f}; skin {skin:.2f}")
    assert teeth(rest) < 0.01
    assert teeth(smile) > 0.02
    # a beard is dark as well
    dark = [(brightness(picture) < 0.35 * skin).mean() for picture in (rest, wide)]
    assert dark[1] - dark[0] > 0.04
