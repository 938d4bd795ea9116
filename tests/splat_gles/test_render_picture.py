# SPDX-License-Identifier: Apache-2.0
"""PNG and MP4 files hold the pixels that went in."""

from __future__ import annotations

import io
import json
import subprocess

import numpy as np
import pygame
import pytest

from splat_gles.errors import RenderError
from splat_gles.picture import encode_png
from splat_gles.video import VideoWriter


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 5, 3), (64, 48, 3)])
def test_png_decodes_to_the_same_pixels(shape) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, shape, np.uint8)
    surface = pygame.image.load(io.BytesIO(encode_png(pixels)), "x.png")
    decoded = np.frombuffer(pygame.image.tobytes(surface, "RGB"), np.uint8).reshape(shape)
    assert np.array_equal(decoded, pixels)


def test_video_has_every_frame_at_its_rate_and_right_colours(tmp_path) -> None:
    path = tmp_path / "film.mp4"
    with VideoWriter(path, (33, 47), 25.0) as video:
        for _ in range(10):
            video.write(np.full((47, 33, 3), [200, 60, 30], np.uint8))
    probe = subprocess.run(
        ["ffprobe", "-v", "error", "-show_streams", "-of", "json", path],
        capture_output=True,
        check=True,
    )
    (stream,) = json.loads(probe.stdout)["streams"]
    assert stream["nb_frames"] == "10"
    assert stream["r_frame_rate"] == "25/1"
    assert (stream["width"], stream["height"]) == (34, 48), "odd sides are padded to even"
    frame = subprocess.run(
        [
            "ffmpeg",
            "-v",
            "error",
            "-i",
            path,
            "-frames:v",
            "1",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-",
        ],
        capture_output=True,
        check=True,
    ).stdout
    middle = np.frombuffer(frame, np.uint8).reshape(48, 34, 3)[20, 15]
    assert middle.astype(int) == pytest.approx([200, 60, 30], abs=6)


def test_an_error_while_drawing_leaves_no_half_video_and_keeps_the_old_one(tmp_path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"the old one")

    def fail_half_way() -> None:
        with VideoWriter(path, (32, 32), 25.0) as video:
            video.write(np.zeros((32, 32, 3), np.uint8))
            raise KeyError("drawing failed")

    with pytest.raises(KeyError):
        fail_half_way()
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_video_into_no_folder_is_refused(tmp_path) -> None:
    with pytest.raises(RenderError, match="its folder does not exist"):
        VideoWriter(tmp_path / "none" / "film.mp4", (32, 32), 25.0)


def test_without_ffmpeg_the_error_says_how_to_get_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RenderError, match="apt install ffmpeg"):
        VideoWriter(tmp_path / "film.mp4", (32, 32), 25.0)


def test_ffmpegs_refusal_is_passed_on(tmp_path) -> None:
    def write_at_no_rate() -> None:
        with VideoWriter(tmp_path / "film.mp4", (32, 32), 0.0) as video:
            for _ in range(50):
                video.write(np.zeros((32, 32, 3), np.uint8))

    with pytest.raises(RenderError, match="ffmpeg failed"):
        write_at_no_rate()
    assert list(tmp_path.iterdir()) == []
