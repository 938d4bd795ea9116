#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Films an avatar as the kiosk shows it: the real player and renderer, with the voice's sound.

  make video                                          what the project's front page shows
  make video STATE=listen SECONDS=30 AVATAR=config/avatars/samuel.avatar OUT=out/listen.mp4
  make video TEXT="Welcome to the museum." OUT=out/welcome.mp4

STATE is idle, listen, think or speak. OUT ends in .mp4, or in .webp for a picture that moves
without sound. Ten seconds take a minute or two on two cores without a graphics processor.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import wave
from pathlib import Path
from typing import Final

import numpy as np

from alive_bench.sentences import SENTENCES
from alive_bench.stage import Said, Stage, State, voice_of
from driving_client.errors import DrivingError
from driving_client.utterance import Samples
from splat_gles.avatar import Avatar
from splat_gles.bundle import read_bundle
from splat_gles.camera import on_screen
from splat_gles.cli.arguments import picture_size
from splat_gles.cli.progress import with_progress
from splat_gles.errors import RenderError, SplatError
from splat_gles.offscreen import offscreen_renderer
from splat_gles.rig import Rig, RigParameters
from splat_gles.video import VideoWriter

ROOT: Final = Path(__file__).resolve().parent.parent
RATE: Final = 30
FRONT_PAGE: Final = (
    "Hello! I am drawn on this very board, splat by splat. What would you like to know?"
)
STATES: Final = ("idle", "listen", "think", "speak")
_STILL_S: Final = 0.8
_PAUSE_S: Final = 1.2
_PREVIEW: Final = (270, 15)
"""Pixels across and frames a second of a picture that moves."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "avatar",
        type=Path,
        nargs="?",
        default=ROOT / "config/avatars/default.avatar",
        help="bundle (default: %(default)s)",
    )
    parser.add_argument("--state", choices=STATES, default="speak", help="(default: %(default)s)")
    parser.add_argument("--text", help="what is said instead of a greeting (with speak)")
    parser.add_argument(
        "--seconds",
        type=_seconds,
        help="how long: by default 10, or until the text is said; sentences fill it otherwise",
    )
    parser.add_argument(
        "--size", type=picture_size, default=(432, 768), metavar="WxH", help="pixels (432x768)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the face's own life (1)")
    parser.add_argument(
        "-o", "--output", type=Path, help="file to write (default: out/NAME-STATE.mp4)"
    )
    chosen = parser.parse_args(arguments)
    output: Path = chosen.output or ROOT / "out" / f"{chosen.avatar.stem}-{chosen.state}.mp4"
    if output.suffix.lower() not in (".mp4", ".webp"):
        parser.error(f"{output}: give a name that ends in .mp4 or .webp")
    if chosen.text is not None and chosen.state != "speak":
        parser.error(f"--text is said by --state speak, not by {chosen.state}")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        avatar = read_bundle(chosen.avatar)
        frames, said = play(avatar, chosen.state, chosen.text, chosen.seconds, chosen.seed)
        film(avatar, frames, said, chosen.size, output)
    except (SplatError, DrivingError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    size = output.stat().st_size
    print(f"{output}: {len(frames) / RATE:.1f} s, {size / 1000:,.0f} kB")
    return 0


def play(
    avatar: Avatar, state: str, text: str | None, seconds: float | None, seed: int
) -> tuple[list[RigParameters], list[Said]]:
    """The rig's parameters of each frame, and what was said meanwhile."""
    frames: list[RigParameters] = []
    stage = Stage(Rig(avatar), RATE, seed, frames.append)
    stage.be(State.IDLE if state == "speak" else State(state))
    stage.run(2.0)
    stage.restart()
    frames.clear()
    if state != "speak":
        stage.run(seconds or 10.0)
        return frames, stage.said
    stage.run(_STILL_S)
    voice = voice_of(avatar)
    texts = [text or FRONT_PAGE] if text or seconds is None else [FRONT_PAGE, *SENTENCES]
    for number, sentence in enumerate(texts):
        if seconds is not None and stage.seconds >= seconds:
            break
        stage.say(str(number), voice.speak(sentence), motion=True)
        stage.run(_PAUSE_S)
    return frames, stage.said


def film(
    avatar: Avatar,
    frames: list[RigParameters],
    said: list[Said],
    size: tuple[int, int],
    output: Path,
) -> None:
    """Draw the frames and put the sound beside them. Raises SplatError, OSError."""
    rig = Rig(avatar)
    with tempfile.TemporaryDirectory(prefix="kiosk-video-") as folder:
        sound = write_sound(said, len(frames) / RATE, Path(folder) / "sound.wav")
        silent = output.suffix.lower() == ".webp"
        whole = Path(folder) / "whole.mp4" if silent else output
        with (
            offscreen_renderer(avatar, size) as renderer,
            VideoWriter(whole, size, RATE, None if silent else sound) as video,
        ):
            camera = on_screen(avatar.framing, size)
            for number in with_progress(range(len(frames)), str(output)):
                renderer.draw(rig.pose(frames[number]), camera)
                video.write(renderer.read_pixels())
        if silent:
            _moving_picture(whole, output)


def write_sound(said: list[Said], seconds: float, path: Path) -> Path | None:
    """A WAV of `seconds` with every voice where it was heard; None where nothing was said."""
    if not said:
        return None
    rate = said[0].speech.sample_rate
    track: Samples = np.zeros(round(seconds * rate), np.int16)
    for one in said:
        begin = round(one.began_s * rate)
        samples = one.speech.samples[: len(track) - begin]
        track[begin : begin + len(samples)] = samples
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(track.tobytes())
    return path


def _moving_picture(video: Path, output: Path) -> None:
    width, rate = _PREVIEW
    command = ["ffmpeg", "-loglevel", "error", "-y", "-i", str(video)]
    command += ["-vf", f"fps={rate},scale={width}:-2:flags=lanczos", "-loop", "0"]
    command += ["-c:v", "libwebp", "-quality", "60", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        output.unlink(missing_ok=True)
        raise RenderError(f"{output}: ffmpeg failed: {done.stderr.strip()[-200:]}")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 600:
        raise argparse.ArgumentTypeError(f"{text}: more than 0, at most 600 seconds")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
