# SPDX-License-Identifier: Apache-2.0
"""Frames, and a sound where there is one, into an MP4 through Debian's ffmpeg: plays everywhere."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from splat_gles.errors import RenderError


class VideoWriter:
    """Writes frames of one size to `path`; leave the `with` block to finish the file.

    `sound` is a WAV that begins with the first frame. A file of that name is replaced once the
    new one is whole; after an error none is left.
    """

    def __init__(
        self, path: Path, size: tuple[int, int], rate: float, sound: Path | None = None
    ) -> None:
        ffmpeg = shutil.which("ffmpeg")
        if ffmpeg is None:
            raise RenderError("writing a video needs ffmpeg: apt install ffmpeg")
        if not path.parent.is_dir():
            raise RenderError(f"{path}: its folder does not exist; make it first")
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        command = [ffmpeg, "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
        command += ["-s", f"{size[0]}x{size[1]}", "-r", f"{rate:g}", "-i", "-"]
        if sound is not None:
            command += ["-i", str(sound), "-c:a", "aac", "-b:a", "96k"]
        # 4:2:0 wants even sizes; HD's colour matrix, and said so
        command += ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2,scale=out_color_matrix=bt709"]
        command += ["-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p"]
        command += ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
        command += ["-movflags", "+faststart", "-f", "mp4", str(self._part)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def write(self, pixels: NDArray[np.uint8]) -> None:
        """Add a frame (height, width, 3), top row first. Raises RenderError with ffmpeg's words."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(pixels.tobytes())
        except BrokenPipeError:
            # It has ended by itself and said why
            raise self._error(self._process.communicate()[1]) from None

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is not None:
                self._process.kill()
            if self._process.stderr is not None and not self._process.stderr.closed:
                messages = self._process.communicate()[1]
                if kind is None and self._process.returncode:
                    raise self._error(messages)
            if kind is None:
                self._part.replace(self._path)
        finally:
            self._part.unlink(missing_ok=True)

    def _error(self, messages: bytes) -> RenderError:
        words = messages.decode("utf-8", "replace").strip().splitlines()
        return RenderError(
            f"{self._path}: ffmpeg failed: {words[-1] if words else 'no reason given'}; "
            "it needs libx264 and room on the disk"
        )
