# SPDX-License-Identifier: Apache-2.0
"""Rounded lips and lips on teeth, of the shipped avatars as they speak, measured on pixels.

What is measured is painted, so that no threshold goes by a skin's tone: the lips' corners, what
is seen between them, and the upper teeth. Speech comes as it does to a kiosk: as FLAME motion,
made by the text's phonemes or by the net from the voice alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from avatar_studio import SIDE, Mask, Studio, connected, green, inside_mouth, painted

from avatar_maker.review.shots import mouth_middle
from driving_client.lipsync.coarticulation import mouth_controls
from driving_client.lipsync.flame_performance import frame_count
from driving_client.lipsync.speech_mouth import SpeechMouth
from driving_client.motion import ARKIT_NAMES, FRAME_RATE, FloatArray
from driving_client.retarget import load_retarget
from driving_client.retarget.mouth import FV, PUCKER
from driving_client.voices.espeak import synthesise
from driving_client.voices.speech import Speech
from splat_gles.avatar import Avatar
from splat_gles.bundle import read_bundle
from splat_gles.camera import Camera

FOLDER = Path(__file__).resolve().parents[2] / "config" / "avatars"
WIDTH = 0.08
"""Metres across a picture of the mouth: 0.2 mm a pixel."""
SIDES = (-30.0, 0.0, 30.0)


@pytest.fixture(scope="module", params=sorted(FOLDER.glob("*.avatar")), ids=lambda path: path.stem)
def avatar(request: pytest.FixtureRequest) -> Avatar:
    return read_bundle(request.param)


def text_path(speech: Speech) -> FloatArray:
    return mouth_controls(speech.phonemes, frame_count(len(speech.samples), speech.sample_rate))


def audio_path(speech: Speech) -> FloatArray:
    mouth = SpeechMouth(speech.sample_rate)
    return np.concatenate([mouth.feed(speech.samples), mouth.finish()])


PATHS = {"text": text_path, "audio": audio_path}


def spoken(path: str, text: str, sound: str, control: int) -> dict[str, float]:
    """Face units that a kiosk shows when a control is fullest within phonemes of that name."""
    speech = synthesise(text, words_per_minute=110)
    retarget = load_retarget()
    controls = PATHS[path](speech)
    frames = retarget.frames(controls)
    within = np.zeros(len(frames), bool)
    for phoneme in (p for p in speech.phonemes if p.name == sound):
        within[round(phoneme.start * FRAME_RATE) : round(phoneme.end * FRAME_RATE) + 1] = True
    shown = frames[np.argmax(np.where(within, controls[:, control], -1.0))]
    weights = retarget.for_stream(frames[:50]).arkit(shown)[: len(ARKIT_NAMES)]
    return dict(zip(ARKIT_NAMES, weights.tolist(), strict=True))


def corners(avatar: Avatar) -> Mask:
    """Splats (n,) at the lips' ends: the outermost that an open jaw moves apart from neighbours."""
    moved = avatar.deltas.shape[1]
    fall = avatar.deltas[avatar.blendshapes.index("jawOpen"), :, 1]
    places, middle = avatar.positions[:moved].astype(np.float64), mouth_middle(avatar)
    off = np.abs(places - middle)
    near = np.flatnonzero(
        (off < [0.035, 0.016, 0.030]).all(axis=1) & (places[:, 2] > middle[2] - 0.02)
    )
    parted = np.zeros(len(near), bool)
    for some in np.array_split(np.arange(len(near)), len(near) // 500 + 1):
        beside = np.linalg.norm(places[near[some], None] - places[near], axis=2) < 0.0025
        apart = np.abs(fall[near[some], None] - fall[near]) > 0.004
        parted[some] = (beside & apart).any(axis=1)
    seam = near[parted]
    across = places[seam, 0]
    ends = np.zeros(avatar.splats, bool)
    for side in (1.0, -1.0):
        ends[seam[np.argsort(-side * across)[:12]]] = True
    return ends


def upper_teeth(avatar: Avatar) -> Mask:
    """Splats (n,) of the upper teeth and their gums: what is in the mouth and never moves."""
    still = np.ones(avatar.splats, bool)
    still[: avatar.deltas.shape[1]] = np.abs(avatar.deltas).max(axis=(0, 2)) == 0.0
    before_throat = avatar.positions[:, 2] > mouth_middle(avatar)[2] - 0.020
    return np.asarray(inside_mouth(avatar) & still & before_throat)


def camera(opened: Studio, yaw: float = 0.0, pitch: float = 0.0) -> Camera:
    """Looks at the middle of the mouth."""
    place = np.add(mouth_middle(opened.avatar), [0.0, 0.0, 0.010])
    return opened.camera(place, WIDTH, yaw, pitch)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("text", "sound"), [("who", "u:"), ("too", "u:")])
def test_a_spoken_u_is_narrow(avatar: Avatar, path: str, text: str, sound: str) -> None:
    """People's u has 0.65 to 0.70 of the width of their mouth at rest."""
    ends = corners(avatar)
    with painted(avatar, ends) as opened:

        def width(units: Mapping[str, float]) -> float:
            rows, columns = np.nonzero(seen := green(opened.picture(camera(opened), units)))
            light, right = seen[rows, columns], columns > SIDE / 2
            left = np.average(columns[~right], weights=light[~right])
            return float(np.average(columns[right], weights=light[right]) - left)

        share = width(spoken(path, text, sound, PUCKER)) / width({})
    print(f"{avatar.name}: {share:.3f} of the width at rest")
    assert 0.55 < share <= 0.75


def opening(opened: Studio, units: Mapping[str, float], yaw: float = 0.0) -> Mask:
    """Pixels between the lips, in one piece from the middle out."""
    seen = green(opened.picture(camera(opened, yaw), units)) > 0.5
    middle = np.zeros_like(seen)
    middle[:, SIDE // 2 - 10 : SIDE // 2 + 10] = True
    return connected(seen, middle)


def test_a_funnel_is_round(avatar: Avatar) -> None:
    """An ellipse fills 0.79 of what bounds it, a diamond 0.50."""
    with painted(avatar, inside_mouth(avatar)) as opened:
        hole = opening(opened, {"mouthFunnel": 1.0})
    rows, columns = np.nonzero(hole)
    width, height = np.ptp(columns) + 1, np.ptp(rows) + 1
    # how tall it is an eighth of its width from its ends: an ellipse 0.66, a diamond 0.25
    tall = hole.sum(axis=0)
    ends = [tall[columns.min() + width // 8], tall[columns.max() - width // 8]]
    print(
        f"{avatar.name}: {width}x{height}, filled {hole.sum() / (width * height):.2f}, ends {ends}"
    )
    assert 0.9 < width / height < 1.8
    assert hole.sum() > 0.68 * width * height
    assert min(ends) > 0.45 * height


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("text", "sound"), [("five fans", "f"), ("a very vast view", "v")])
def test_the_lower_lip_meets_the_upper_teeth(
    avatar: Avatar, path: str, text: str, sound: str
) -> None:
    """Below the teeth there is the lip at once; ahead, the teeth are seen."""
    units = spoken(path, text, sound, FV)
    teeth = upper_teeth(avatar)
    inside = inside_mouth(avatar) & ~teeth
    views = [(yaw, 0.0) for yaw in SIDES] + [(0.0, -15.0), (0.0, 15.0)]
    with painted(avatar, teeth) as opened:
        # the light variants' teeth are blurred by splats as large as what shows of them
        shown = [green(opened.picture(camera(opened, *view), units)) > 0.2 for view in views]
    with painted(avatar, inside) as opened:
        dark = [green(opened.picture(camera(opened, *view), units)) > 0.4 for view in views]
    for view, tooth, hollow in zip(views, shown, dark, strict=True):
        middle = slice(SIDE // 2 - 25, SIDE // 2 + 25)
        rows = np.arange(SIDE)[:, None]
        below = rows > np.where(tooth, rows, 0).max(axis=0)
        gap = (hollow & below)[:, middle].sum(axis=0)
        height = np.median(tooth[:, middle].sum(axis=0))
        print(f"{avatar.name} {view}: teeth {height:.0f} pixels, gap {gap.max()}")
        # from above, the notch between two teeth shows
        assert (gap.max() if view[1] == 0.0 else np.median(gap)) <= 1, view
        assert height >= 4 or view != (0.0, 0.0)
