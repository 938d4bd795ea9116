# SPDX-License-Identifier: Apache-2.0
"""`python -m splat_gles render`: the pictures people asked for, and errors they understand."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pygame
import pytest
from small_avatar import make_small_avatar

from splat_gles.avatar import Clip
from splat_gles.bundle import write_bundle
from splat_gles.cli.main import main


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    avatar = make_small_avatar()
    nod = Clip(
        name="nod",
        rate=25.0,
        weights=np.linspace(0, 1, 12, dtype=np.float32).reshape(6, 2),
        rotations=np.zeros((6, 3, 3), np.float32),
        loop=True,
    )
    path = tmp_path_factory.mktemp("avatar") / "small.avatar"
    write_bundle(replace(avatar, clips={"nod": nod}), path, source="made by a test")
    return path


def render(bundle, tmp_path, *options: str) -> np.ndarray:
    path = tmp_path / "out.png"
    assert main(["render", str(bundle), "--size", "90x160", "-o", str(path), *options]) == 0
    surface = pygame.image.load(io.BytesIO(path.read_bytes()), "out.png")
    return np.frombuffer(pygame.image.tobytes(surface, "RGB"), np.uint8).reshape(160, 90, 3)


def test_a_neutral_picture_has_the_size_and_background_asked_for(bundle, tmp_path, capsys) -> None:
    pixels = render(bundle, tmp_path, "--background", "#336699")
    assert pixels[0, 0].tolist() == [0x33, 0x66, 0x99]
    assert (pixels != pixels[0, 0]).any(axis=2).mean() > 0.05
    assert "out.png: 90x160" in capsys.readouterr().out


def test_weights_clip_frames_cameras_and_yaw_all_change_the_picture(bundle, tmp_path) -> None:
    recording = tmp_path / "recording.json"
    frames = [{"time": i / 30, "weights": [0.1 * i]} for i in range(8)]
    recording.write_text(json.dumps({"names": ["jawOpen"], "frames": frames}))
    choices = [
        [],
        ["--set", "jawOpen=0.7"],
        ["--set", "jawOpen=0.7", "--set", "mouthLeft=1"],
        ["--clip", "nod", "--frame", "4"],
        ["--clip", "nod", "--frame", "4", "--set", "mouthLeft=0.1"],
        ["--clip", str(recording), "--frame", "5"],
        ["--camera", "lam"],
        ["--yaw", "25"],
        ["--yaw", "-25"],
        ["--mode", "quality"],
        ["--scale", "0.5"],
    ]
    pictures = [render(bundle, tmp_path, *options).tobytes() for options in choices]
    assert len(set(pictures)) == len(choices)


def test_a_clips_frame_is_the_pose_of_its_weights(bundle, tmp_path) -> None:
    """Frame 0 of the clip has jawOpen 0 and mouthLeft 1/11."""
    clip = render(bundle, tmp_path, "--clip", "nod")
    weights = render(bundle, tmp_path, "--set", f"mouthLeft={1 / 11}")
    assert np.abs(clip.astype(int) - weights).max() <= 2


def test_a_video_shows_the_whole_clip(bundle, tmp_path, capsys) -> None:
    path = tmp_path / "nod.mp4"
    status = main(
        ["render", str(bundle), "--clip", "nod", "--size", "90x160", "--video", str(path)]
    )
    assert status == 0
    assert "6 frames, 0.2 s" in capsys.readouterr().out
    probe = subprocess.run(
        [
            "ffprobe",
            "-v",
            "error",
            "-show_entries",
            "stream=nb_frames,r_frame_rate",
            "-of",
            "csv=p=0",
            path,
        ],
        capture_output=True,
        check=True,
        text=True,
    )
    assert probe.stdout.strip() == "25/1,6"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "nothing to write: give -o for a picture"),
        (["-o", "out.jpg"], "pictures are PNG"),
        (["--video", "out.avi", "--clip", "nod"], "videos are MP4"),
        (["--video", "out.mp4"], "a video needs a movement: give --clip"),
        (["-o", "out.png", "--frame", "3"], "--frame is a frame of a clip"),
        (["--video", "out.mp4", "--clip", "nod", "--frame", "3"], "give -o or --dump too"),
        (["--dump", "out.txt"], "scenes are NPZ"),
        (["-o", "out.png", "--clip", "dance"], "has no clip 'dance'"),
        (["-o", "out.png", "--clip", "nod", "--frame", "6"], "has no frame 6; it has 6, from 0"),
        (["-o", "out.png", "--clip", "missing.json"], "missing.json"),
        (["-o", "out.png", "--set", "jawopen=1"], "did you mean jawOpen"),
        (["-o", "out.png", "--set", "xyz=1"], "has no blendshape 'xyz'"),
        (["-o", "no/such/folder/out.png"], "no/such/folder/out.png: No such file"),
    ],
)
def test_input_that_cannot_be_used_gives_one_clear_line(
    bundle, tmp_path, monkeypatch, capsys, options, message
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["render", str(bundle), *options]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", "540"], "'540' is not a size; write it like 540x960"),
        (["--size", "0x960"], "each side must be 16 to 8192 pixels"),
        (["--size", "99999x16"], "each side must be 16 to 8192 pixels"),
        (["--yaw", "left"], "is not an angle from -180 to 180 degrees"),
        (["--yaw", "nan"], "is not an angle"),
        (["--yaw", "200"], "is not an angle"),
        (["--set", "jawOpen"], "write NAME=VALUE"),
        (["--set", "jawOpen=wide"], "write NAME=VALUE"),
        (["--set", "jawOpen=inf"], "write NAME=VALUE"),
        (["--set", "=1"], "write NAME=VALUE"),
        (["--set", "jawOpen=40"], "a value from -2 to 2"),
        (["--background", "pink"], "is not a colour"),
        (["--background", "12345"], "is not a colour"),
        (["--frame", "-1"], "--frame"),
        (["--camera", "front"], "choose from"),
        (["--mode", "best"], "choose from"),
        (["--scale", "2"], "'2' is not a scale from 0.25 to 1"),
        (["--scale", "half"], "is not a scale"),
        (["--wobble"], "unrecognized arguments"),
    ],
)
def test_malformed_options_are_refused_before_anything_is_done(
    bundle, tmp_path, capsys, options, message
) -> None:
    out = tmp_path / "out.png"
    with pytest.raises(SystemExit) as stop:
        main(["render", str(bundle), "-o", str(out), *options])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert not out.exists()


@pytest.mark.parametrize("content", [None, b"", b"not a bundle"])
def test_a_missing_or_damaged_bundle_is_named(tmp_path, capsys, content) -> None:
    path = tmp_path / "broken.avatar"
    if content is not None:
        path.write_bytes(content)
    assert main(["render", str(path), "-o", str(tmp_path / "out.png")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "broken.avatar" in error


def test_without_a_command_the_help_is_pointed_at(capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2
    assert "--help" in capsys.readouterr().err


def test_help_teaches_every_option(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["render", "--help"])
    text = capsys.readouterr().out
    views = ("--camera", "--yaw", "--size", "--mode", "--scale")
    for option in ("--clip", "--frame", "--set", "-o", "--video", "--dump", *views):
        assert option in text
    assert "examples:" in text


def test_as_a_module_it_keeps_numpy_to_one_thread_unless_told(bundle, tmp_path, root) -> None:
    program = (
        "import os, runpy, sys; sys.argv = ['splat_gles', '--help']\n"
        "try: runpy.run_module('splat_gles', run_name='__main__')\n"
        "except SystemExit: print('threads', os.environ['OPENBLAS_NUM_THREADS'])"
    )
    for given, expected in ((None, "1"), ("3", "3")):
        environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
        if given:
            environment["OPENBLAS_NUM_THREADS"] = given
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            cwd=root,
            text=True,
            capture_output=True,
            check=True,
        )
        assert f"threads {expected}" in done.stdout
