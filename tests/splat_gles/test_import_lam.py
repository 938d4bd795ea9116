# SPDX-License-Identifier: Apache-2.0
"""Importing LAM avatars: a tiny one whose every number is known, then heads that look like one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up.lam_files import VERTICES, animation_glb, lam_parts, lam_zip, offset_ply, skin_glb
from made_up.plugin import LAM_NAMES, MADE_UP

from driving_client.motion import ARKIT_NAMES
from splat_gles.avatar import Avatar
from splat_gles.bake import STUDIES
from splat_gles.bundle import read_bundle, write_bundle
from splat_gles.importers.glb import Glb
from splat_gles.importers.lam import import_lam
from splat_gles.importers.ply import read_ply
from splat_gles.rig import Rig


@pytest.fixture
def made_up(tmp_path: Path) -> Avatar:
    path = tmp_path / "made up.zip"
    path.write_bytes(lam_zip(lam_parts()))
    return import_lam(path, name="made up", licence="CC0-1.0", progress=lambda _: None)


def kept_order() -> list[int]:
    """Vertices as they should be stored: moved ones first, transparent ones dropped."""
    return [n for n in [*range(5, 25), *range(5), *range(25, VERTICES)] if n not in (6, 30)]


def test_splats_lie_at_vertex_plus_offset(made_up: Avatar) -> None:
    glb = Glb(skin_glb(), "skin.glb")
    table = read_ply(offset_ply(), "offset.ply")
    offsets = np.stack([table[axis] for axis in "xyz"], axis=1)
    expected = (glb.accessor(0) + offsets)[kept_order()]
    assert made_up.positions == pytest.approx(expected, abs=1e-6)


def test_colors_are_plain_and_opacity_a_logit(made_up: Avatar) -> None:
    table = read_ply(offset_ply(), "offset.ply")[kept_order()]
    assert made_up.colors[:, 0] == pytest.approx(table["f_dc_0"], abs=1e-6)
    assert made_up.colors[:, 3] == pytest.approx(1 / (1 + np.exp(-table["opacity"])), abs=1e-6)


def test_scales_are_logarithms_of_at_most_a_centimetre(made_up: Avatar) -> None:
    table = read_ply(offset_ply(), "offset.ply")[kept_order()]
    scales = np.stack([np.exp(table[f"scale_{n}"]) for n in range(3)], axis=1)
    expected = np.sort(np.minimum(scales, 0.01) ** 2, axis=1)
    assert (scales > 0.01).any()
    full = made_up.covariances[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3)
    assert np.linalg.eigvalsh(full.astype(float)) == pytest.approx(expected, abs=1e-10)


def test_quaternions_turn_the_axes(tmp_path: Path) -> None:
    """w, x, y, z of any length: here a quarter turn about z of a splat that is long in x."""

    def edit(table: np.ndarray) -> None:
        for axis, size in enumerate((0.008, 0.001, 0.002)):
            table[f"scale_{axis}"] = np.log(size)
        for part, value in enumerate((3.0, 0.0, 0.0, 3.0)):
            table[f"rot_{part}"] = value

    path = tmp_path / "a.zip"
    path.write_bytes(lam_zip(lam_parts() | {"someone/offset.ply": offset_ply(edit)}))
    avatar = import_lam(path, name="a", licence="MIT", progress=lambda _: None)
    expected = np.array([0.001**2, 0, 0, 0.008**2, 0, 0.002**2])
    assert avatar.covariances == pytest.approx(
        np.tile(expected, (avatar.splats, 1)), rel=1e-6, abs=1e-11
    )


def test_moved_splats_come_first(made_up: Avatar) -> None:
    assert made_up.blendshapes == ("jawOpen", "mouthLeft")
    assert made_up.deltas.shape == (2, 19, 3)
    assert (made_up.deltas[0] == np.float32(0.01)).all()
    assert (made_up.deltas[1, :7] == np.float32(-0.02)).all()
    assert (made_up.deltas[1, 7:] == 0.0).all()


def test_bones_become_three_joints(made_up: Avatar) -> None:
    assert [(j.name, j.parent) for j in made_up.joints] == [("root", -1), ("neck", 0), ("head", 1)]
    assert made_up.joints[1].position == pytest.approx((0.0, 1.54, -0.04), abs=1e-6)
    assert made_up.joints[2].position == pytest.approx((0.0, 1.62, -0.02), abs=1e-6)
    bones = Glb(skin_glb(), "skin.glb").accessor(2)[kept_order()]
    chest, lower, upper, head = bones.T
    dense = np.zeros((made_up.splats, 3))
    for column in range(4):
        np.add.at(
            dense,
            (np.arange(made_up.splats), made_up.skin_joints[:, column]),
            made_up.skin_weights[:, column],
        )
    expected = np.stack([chest, lower + upper, head], axis=1)
    assert dense == pytest.approx(expected, abs=1e-5)


def test_clips_are_turns_from_the_idle_pose(made_up: Avatar) -> None:
    """The file's head stands 4 degrees up; the clips start from there at no rotation."""
    assert list(made_up.clips) == ["idle", "hello", "listen", "think"]
    idle, hello, _, think = made_up.clips.values()
    assert (idle.frames, idle.rate, idle.loop) == (24, 24.0, True)
    assert np.abs(idle.rotations).max() < 1e-6
    assert (hello.frames, hello.loop) == (25, False)
    nod = np.degrees(hello.rotations[:, 2])
    assert nod[12] == pytest.approx((6.0, 0.0, 0.0), abs=1e-3)
    assert nod[[0, -1]] == pytest.approx(np.zeros((2, 3)), abs=1e-4)
    assert np.abs(hello.rotations[:, :2]).max() < 1e-6
    assert think.frames == 49
    assert np.degrees(think.rotations[24, 2, 0]) == pytest.approx(10.0, abs=1e-3)
    assert np.degrees(np.abs(np.diff(think.rotations, axis=0))).max() < 0.5


def test_who_has_no_animation_to_listen_listens_all_the_same(made_up: Avatar) -> None:
    """A kiosk is told to listen whatever avatar it shows."""
    idle, listen = made_up.clips["idle"], made_up.clips["listen"]
    assert (listen.frames, listen.rate, listen.loop) == (idle.frames, idle.rate, True)
    aside = np.degrees(listen.rotations - idle.rotations)
    assert aside.sum(axis=1) == pytest.approx(np.tile([1.6, -1.2, 3.8], (24, 1)), abs=1e-4)
    assert not aside[:, 0].any()


def test_an_animation_to_listen_is_taken(tmp_path: Path) -> None:
    def rename(document: dict[str, Any]) -> None:
        document["animations"][1]["name"] = "x_listen"

    path = tmp_path / "a.zip"
    path.write_bytes(lam_zip(lam_parts() | {"someone/animation.glb": animation_glb(rename)}))
    avatar = import_lam(path, name="a", licence="MIT", progress=lambda _: None)
    assert np.degrees(avatar.clips["listen"].rotations[12, 2]) == pytest.approx((6, 0, 0), abs=1e-3)


@pytest.mark.parametrize("name", LAM_NAMES)
def test_avatars_are_people(lam_avatar: Callable[[str], Avatar], name: str) -> None:
    avatar = lam_avatar(name)
    lacking = set() if name == MADE_UP else {"tongueOut"}
    assert set(avatar.blendshapes) == set(ARKIT_NAMES) - lacking
    assert [joint.name for joint in avatar.joints] == ["root", "neck", "head"]
    low, high = avatar.positions.min(axis=0), avatar.positions.max(axis=0)
    assert (high - low > 0.2).all()
    assert (high - low < 0.6).all()
    assert low[1] > 1.2
    assert high[1] < 2.0
    assert avatar.colors[:, 3].min() >= 1 / 255
    x, y, z = avatar.framing.target
    assert abs(x) < 0.005
    assert 1.60 < y < 1.68
    assert 0.06 < z < 0.12
    # Skin: the middle of all opaque colours is redder than green, greener than blue.
    red, green, blue, _ = np.median(avatar.colors[avatar.colors[:, 3] > 0.5], axis=0)
    assert red > green > blue


@pytest.mark.parametrize("name", LAM_NAMES)
def test_the_jaw_opens_downwards(lam_avatar: Callable[[str], Avatar], name: str) -> None:
    avatar = lam_avatar(name)
    rig = Rig(avatar)
    parameters = rig.neutral()
    parameters.weights[rig.blendshape_index["jawOpen"]] = 1.0
    moved = rig.posed_positions(rig.pose(parameters)) - avatar.positions
    assert moved[:, 1].min() < -0.01
    lower = moved[:, 1] < -0.005
    assert avatar.positions[lower, 1].mean() < avatar.framing.target[1]


@pytest.mark.parametrize("name", LAM_NAMES)
def test_clips_move_the_head_a_little(lam_avatar: Callable[[str], Avatar], name: str) -> None:
    avatar = lam_avatar(name)
    rig = Rig(avatar)
    nose = np.array([*avatar.framing.target, 1.0])
    assert list(avatar.clips) == ["idle", "hello", "listen", "speak", "think"]
    for clip in avatar.clips.values():
        degrees = np.degrees(clip.rotations)
        assert 0.5 < np.abs(degrees).max() < 15.0
        assert np.abs(degrees[0]).max() < (4.0 if clip.name == "listen" else 0.01)
        # 1.5 degrees from one frame to the next is 36 degrees a second: a quick turn of a head.
        closed = np.concatenate([degrees, degrees[:1]])
        assert np.abs(np.diff(closed, axis=0)).max() < 1.6
        heads = [
            rig.pose(rig.clip(clip.name, n / clip.rate)).matrices[2] for n in range(clip.frames)
        ]
        travel = np.linalg.norm(np.array(heads) @ nose - nose, axis=1)
        assert 0.002 < travel.max() < 0.04


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "splat_gles", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )


def test_import_and_info_at_the_command_line(tmp_path: Path) -> None:
    source, bundle = tmp_path / "Ann.zip", tmp_path / "ann.avatar"
    source.write_bytes(lam_zip(lam_parts()))
    done = run("import", source, "-o", bundle, "--licence", "CC0-1.0")
    assert done.returncode == 0, done.stderr
    assert "verified" in done.stdout
    for step in (
        "mesh: 40 vertices",
        "38 visible of 40",
        "joints: root, neck, head",
        "clips: idle",
        "seen from in front: ",
    ):
        assert step in done.stderr
    assert "\r" not in done.stderr, "a progress bar belongs on a terminal only"
    assert read_bundle(bundle).name == "Ann"
    told = run("info", bundle)
    assert told.returncode == 0, told.stderr
    for text in ("Ann", "CC0-1.0", "Ann.zip", "jawOpen", "root > neck > head", "think"):
        assert text in told.stdout
    assert max(len(line) for line in told.stdout.splitlines()) <= 100
    assert re.search(r"clips/\w+/rotations +float16 ", told.stdout), "no column runs into the next"


def test_on_a_terminal_a_bar_shows_how_far_the_import_is(tmp_path: Path) -> None:
    try:
        for end in os.openpty():
            os.close(end)
    except OSError as error:
        pytest.skip(f"no pseudo-terminal can be had here: {error}")
    (tmp_path / "Ann.zip").write_bytes(lam_zip(lam_parts()))
    command = f"{sys.executable} -m splat_gles import Ann.zip"
    done = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stdout
    assert f"[{'#' * 30}] {len(STUDIES)}/{len(STUDIES)}, 0 s left" in done.stdout
    assert (tmp_path / "Ann.avatar").is_file()


def test_eyes_show_as_branches_of_the_head(tmp_path: Path, small_avatar: Avatar) -> None:
    write_bundle(small_avatar, tmp_path / "a.avatar", source="made up")
    assert "root > neck > head > (leftEye, rightEye)" in run("info", tmp_path / "a.avatar").stdout


def test_an_import_never_replaces_its_source(tmp_path: Path) -> None:
    source = tmp_path / "a.zip"
    source.write_bytes(lam_zip(lam_parts()))
    before = source.read_bytes()
    done = run("import", source, "-o", source)
    assert done.returncode != 0
    assert "would replace its source" in done.stderr
    assert source.read_bytes() == before


@pytest.mark.parametrize("command", ["import", "info"])
def test_bad_input_at_the_command_line(tmp_path: Path, command: str) -> None:
    path = tmp_path / "bad"
    path.write_bytes(b"not a zip")
    for target in (path, tmp_path / "none", tmp_path):
        more = ("-o", tmp_path / "out.avatar") if command == "import" else ()
        done = run(command, target, *more)
        assert done.returncode != 0
        assert done.stderr.startswith("error: ")
        assert str(target) in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.avatar").exists()
    done = run(command, Path())
    assert (done.returncode, done.stderr.startswith("error: .: ")) == (1, True), done.stderr
