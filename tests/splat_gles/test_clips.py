# SPDX-License-Identifier: Apache-2.0
"""Clips: sampled at any instant, and read from ARKit JSON, good or bad."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up.plugin import LAM_NAMES, Clips

from splat_gles.avatar import Avatar, Clip
from splat_gles.clips import NECK_SHARE, read_arkit_json, sample
from splat_gles.errors import ClipError


def ramp(frames: int, loop: bool) -> Clip:
    """Weight and rotation both are the number of the frame."""
    values = np.arange(frames, dtype=np.float32)
    rotations = np.zeros((frames, 1, 3), np.float32)
    rotations[:, 0, 1] = values
    return Clip("ramp", 10.0, values[:, None], rotations, loop)


def test_between_frames_a_clip_is_linear() -> None:
    weights, rotations = sample(ramp(5, loop=False), 0.125)
    assert weights == pytest.approx([1.25])
    assert rotations == pytest.approx(np.array([[0.0, 1.25, 0.0]]))


def test_a_clip_that_does_not_loop_holds_its_ends() -> None:
    clip = ramp(5, loop=False)
    assert [sample(clip, t)[0][0] for t in (-3.0, 0.4, 0.5, 99.0)] == [0.0, 4.0, 4.0, 4.0]


def test_a_clip_that_loops_goes_round() -> None:
    clip = ramp(4, loop=True)
    assert clip.seconds == pytest.approx(0.4)
    assert sample(clip, 0.35)[0][0] == pytest.approx(1.5)
    assert sample(clip, 0.45)[0][0] == pytest.approx(0.5)
    assert sample(clip, -0.1)[0][0] == pytest.approx(3.0)


@settings(max_examples=200, deadline=None)
@given(
    seconds=st.floats(allow_nan=False, allow_infinity=False),
    frames=st.integers(1, 9),
    loop=st.booleans(),
)
def test_any_time_gives_a_value_of_the_clip(seconds: float, frames: int, loop: bool) -> None:
    weights, rotations = sample(ramp(frames, loop), seconds)
    assert 0.0 <= weights[0] <= frames - 1
    assert rotations.shape == (1, 3)


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf])
def test_a_time_that_is_none(seconds: float) -> None:
    with pytest.raises(ClipError, match="not a time"):
        sample(ramp(3, loop=True), seconds)


def recording(**changes: Any) -> dict[str, Any]:
    """Three frames at 25 a second of one name that the avatar has and one that it has not."""
    return {
        "names": ["tongueOut", "jawOpen"],
        "frames": [{"weights": [0.9, 0.1 * n], "time": 0.04 * n, "rotation": []} for n in range(3)],
    } | changes


def read(tmp_path: Path, avatar: Avatar, document: Any) -> Clip:
    path = tmp_path / "words.json"
    path.write_text(json.dumps(document))
    return read_arkit_json(path, avatar)


def test_weights_go_to_the_blendshapes_of_their_names(tmp_path: Path, small_avatar: Avatar) -> None:
    clip = read(tmp_path, small_avatar, recording())
    assert (clip.name, clip.rate, clip.frames, clip.loop) == ("words", 25.0, 3, False)
    jaw = small_avatar.blendshapes.index("jawOpen")
    assert clip.weights[:, jaw] == pytest.approx([0.0, 0.1, 0.2])
    assert clip.weights.sum() == pytest.approx(0.3)
    assert not clip.rotations.any()


def test_a_head_pose_is_shared_by_neck_and_head(tmp_path: Path, small_avatar: Avatar) -> None:
    turns = [[0.0, 0.1 * n, 0.0] for n in range(3)]
    clip = read(tmp_path, small_avatar, recording(head_pose=turns))
    neck, head = clip.rotations[:, 1], clip.rotations[:, 2]
    assert neck + head == pytest.approx(np.array(turns), abs=1e-6)
    assert neck == pytest.approx(NECK_SHARE * np.array(turns), abs=1e-6)
    assert not clip.rotations[:, [0, 3, 4]].any()


FRAMES = recording()["frames"]
BAD = {
    "a list": [],
    "nothing": {},
    "no frames": recording(frames=[]),
    "frames of numbers": recording(frames=[1, 2]),
    "frames no list": recording(frames={"a": 1}),
    "names no list": recording(names="jawOpen"),
    "no names": recording(names=[]),
    "names of numbers": recording(names=[1, 2]),
    "a name twice": recording(names=["jawOpen", "jawOpen"]),
    "foreign names": recording(names=["a", "b"]),
    "too few weights": recording(frames=[*FRAMES, {"weights": [1.0], "time": 1.0}]),
    "no weights": recording(frames=[{"time": 0.0}]),
    "weights text": recording(frames=[{"weights": ["a", "b"], "time": 0.0}]),
    "weights NaN": recording(frames=[{"weights": [0.0, math.nan], "time": 0.0}]),
    "weights in percent": recording(frames=[{"weights": [0.0, 70.0], "time": 0.0}]),
    "weights huge": recording(frames=[{"weights": [0, 10**400], "time": 0.0}]),
    "no time": recording(frames=[{"weights": [0, 0]}]),
    "time stands still": recording(frames=[FRAMES[0], FRAMES[0]]),
    "time in milliseconds": recording(
        frames=[{"weights": [0, 0], "time": 33.0 * n} for n in range(3)]
    ),
    "head pose short": recording(head_pose=[[0, 0, 0]]),
    "head pose of four": recording(head_pose=[[0, 0, 0, 1]] * 3),
    "head pose in degrees": recording(head_pose=[[0, 30, 0]] * 3),
    "head pose null": recording(head_pose=None),
    "too many frames": recording(frames=FRAMES[:1] * 20_001),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_recordings(tmp_path: Path, small_avatar: Avatar, name: str) -> None:
    with pytest.raises(ClipError, match=r"words\.json: "):
        read(tmp_path, small_avatar, BAD[name])


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xff", b"[" * 100_000])
def test_files_that_are_no_json(tmp_path: Path, small_avatar: Avatar, data: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(data)
    with pytest.raises(ClipError, match="not JSON"):
        read_arkit_json(path, small_avatar)


def test_files_that_are_not_there(tmp_path: Path, small_avatar: Avatar) -> None:
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(ClipError, match="cannot be read"):
            read_arkit_json(path, small_avatar)


def test_a_recording_of_a_face(clips: Clips, lam_avatar: Callable[[str], Avatar]) -> None:
    avatar = lam_avatar(LAM_NAMES[-1])
    clip = read_arkit_json(clips.arkit, avatar)
    assert (clip.frames, clip.rate) == (973 if clips.real else 600, 30.0)
    # People talk with the jaw: it opens visibly, and shuts again.
    jaw = clip.weights[:, avatar.blendshapes.index("jawOpen")]
    assert jaw.max() > 0.25
    assert jaw.min() < 0.05
    assert 0.001 < np.abs(clip.rotations).max() < 0.2


@pytest.mark.parametrize("name", LAM_NAMES)
def test_the_recording_inside_of_a_lam_zip(
    lam_zip: Callable[[str], Path],
    lam_avatar: Callable[[str], Avatar],
    tmp_path: Path,
    name: str,
) -> None:
    with zipfile.ZipFile(lam_zip(name)) as archive:
        recordings = [each for each in archive.namelist() if each.endswith("/bsData.json")]
        if not recordings:
            return  # not every LAM avatar brings one
        (tmp_path / "a.json").write_bytes(archive.read(recordings[0]))
    clip = read_arkit_json(tmp_path / "a.json", lam_avatar(name))
    assert (clip.frames, clip.rate) == (240, 30.0)
