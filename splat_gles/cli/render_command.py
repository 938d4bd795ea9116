# SPDX-License-Identifier: Apache-2.0
"""`python -m splat_gles render`: a picture or a video of an avatar."""

from __future__ import annotations

import argparse
import difflib
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from splat_gles import camera
from splat_gles.avatar import Clip
from splat_gles.bundle import read_bundle
from splat_gles.cli.arguments import add_camera, named_clip, picture_size
from splat_gles.cli.progress import with_progress
from splat_gles.errors import ClipError, RenderError, RigError
from splat_gles.offscreen import offscreen_renderer
from splat_gles.picture import encode_png
from splat_gles.quality import RenderQuality
from splat_gles.rig import Rig, RigParameters
from splat_gles.scene import pose_scene, write_scene
from splat_gles.video import VideoWriter

_NAMED_COLORS = {"white": "ffffff", "black": "000000", "grey": "808080", "green": "00b140"}

_EPILOG = """examples:
  a neutral face:            render X.avatar -o face.png
  a pose by ARKit weights:   render X.avatar --set jawOpen=0.7 --set eyeBlinkLeft=1 -o pose.png
  one frame of a clip:       render X.avatar --clip speak --frame 40 -o frame.png
  turned to its left:        render X.avatar --yaw 25 --size 1080x1920 -o turned.png
  a whole clip:              render X.avatar --clip speak --video speak.mp4
  for another rasteriser:    render X.avatar -o ours.png --dump scene.npz
  a recording of weights:    render X.avatar --clip recording.json --video recording.mp4

`python -m splat_gles info X.avatar` lists the avatar's clips and blendshapes.
"""


def add_parser(subparsers: Any) -> None:
    """Add the `render` command to argparse's subparsers."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "render",
        help="draw an avatar into a PNG picture or an MP4 video",
        description="Draw an avatar with the renderer of the kiosk, offscreen, into a PNG "
        "picture (-o) or, for a clip, an MP4 video (--video).",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="avatar bundle (*.avatar)")
    parser.add_argument("-o", "--output", type=Path, metavar="PNG", help="picture to write")
    parser.add_argument("--video", type=Path, metavar="MP4", help="video of the clip to write")
    parser.add_argument(
        "--dump",
        type=Path,
        metavar="NPZ",
        help="write the picture's splats as they are drawn, back to front, for other rasterisers: "
        "means, covariances, colors, opacities, view, projection, size, background; float64, "
        "world space, OpenGL's conventions",
    )
    pose = parser.add_argument_group("pose (neutral where nothing is given)")
    pose.add_argument("--clip", help="a clip of the bundle, or a JSON file of ARKit weights")
    pose.add_argument(
        "--frame", type=_whole, metavar="N", help="which frame of the clip, from 0 (0)"
    )
    pose.add_argument(
        "--set",
        dest="weights",
        type=_weight,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a blendshape's weight, mostly 0 to 1; repeat for several; wins over the clip's",
    )
    view = parser.add_argument_group("view")
    add_camera(view)
    view.add_argument(
        "--yaw",
        type=_degrees,
        default=0.0,
        metavar="DEG",
        help="degrees that the avatar is turned to its left (0)",
    )
    view.add_argument(
        "--size", type=picture_size, default=(540, 960), metavar="WxH", help="pixels (540x960)"
    )
    view.add_argument(
        "--background",
        type=_color,
        default=(1.0, 1.0, 1.0),
        metavar="COLOR",
        help=f"RRGGBB in hexadecimal, or {', '.join(_NAMED_COLORS)} (white)",
    )
    view.add_argument(
        "--mode",
        choices=("fast", "quality"),
        default="fast",
        help="fast: blend in 8 bits; quality: in a buffer of 10 bits a channel (fast)",
    )
    view.add_argument(
        "--scale",
        type=_scale,
        default=1.0,
        metavar="FACTOR",
        help="draw at this part of the resolution, 0.25 to 1, and enlarge (1)",
    )
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Draw what the options ask for; prints the files written."""
    _check(options)
    avatar = read_bundle(options.bundle)
    rig = Rig(avatar)
    clip = named_clip(options.clip, avatar) if options.clip else None
    if options.camera == "bust":
        view = camera.on_screen(avatar.framing, options.size, options.yaw)
    else:
        view = camera.lam(options.size, options.yaw)
    with offscreen_renderer(avatar, options.size, options.background) as renderer:
        renderer.set_quality(RenderQuality(options.scale, options.mode))
        if options.output or options.dump:
            parameters = _frame(clip, options.frame or 0) if clip else rig.neutral()
            pose = rig.pose(_with_weights(parameters, options.weights, rig))
        if options.output:
            renderer.draw(pose, view)
            options.output.write_bytes(encode_png(renderer.read_pixels()))
            print(f"{options.output}: {options.size[0]}x{options.size[1]}")
        if options.dump:
            order = renderer.drawing_order(pose, view)
            write_scene(pose_scene(avatar, pose, view, options.background, order), options.dump)
            print(f"{options.dump}: {len(order)} splats")
        if options.video and clip:
            with VideoWriter(options.video, options.size, clip.rate) as video:
                for number in with_progress(range(clip.frames), str(options.video)):
                    parameters = _with_weights(_frame(clip, number), options.weights, rig)
                    renderer.draw(rig.pose(parameters), view)
                    video.write(renderer.read_pixels())
            print(f"{options.video}: {clip.frames} frames, {clip.seconds:.1f} s")
    return 0


def _check(options: argparse.Namespace) -> None:
    if not (options.output or options.video or options.dump):
        raise RenderError(
            "nothing to write: give -o for a picture, --video for a video, --dump for the splats"
        )
    if options.output and options.output.suffix.lower() != ".png":
        raise RenderError(f"{options.output}: pictures are PNG; give a name that ends in .png")
    if options.video and options.video.suffix.lower() != ".mp4":
        raise RenderError(f"{options.video}: videos are MP4; give a name that ends in .mp4")
    if options.dump and options.dump.suffix.lower() != ".npz":
        raise RenderError(f"{options.dump}: scenes are NPZ; give a name that ends in .npz")
    if options.video and not options.clip:
        raise RenderError("a video needs a movement: give --clip")
    if options.frame is not None and not options.clip:
        raise RenderError("--frame is a frame of a clip: give --clip too")
    if options.frame is not None and not (options.output or options.dump):
        raise RenderError("--frame chooses a picture's frame: give -o or --dump too")


def _frame(clip: Clip, number: int) -> RigParameters:
    if number >= clip.frames:
        raise ClipError(
            f"clip {clip.name} has no frame {number}; it has {clip.frames}, from 0 to "
            f"{clip.frames - 1}"
        )
    return RigParameters(clip.weights[number], clip.rotations[number])


def _with_weights(
    parameters: RigParameters, chosen: list[tuple[str, float]], rig: Rig
) -> RigParameters:
    weights = parameters.weights.copy()
    for name, value in chosen:
        index = rig.blendshape_index.get(name)
        if index is None:
            near = difflib.get_close_matches(name, rig.blendshape_index, 3, 0.5)
            hint = f"did you mean {' or '.join(near)}" if near else "see `splat_gles info`"
            raise RigError(f"{rig.avatar.name} has no blendshape {name!r}; {hint}")
        weights[index] = value
    return replace(parameters, weights=weights)


def _color(text: str) -> tuple[float, float, float]:
    digits = _NAMED_COLORS.get(text.lower(), text.removeprefix("#"))
    if not re.fullmatch(r"[0-9a-fA-F]{6}", digits):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a colour; write RRGGBB or one of {', '.join(_NAMED_COLORS)}"
        )
    red, green, blue = bytes.fromhex(digits)
    return red / 255, green / 255, blue / 255


def _weight(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    number = _number(value) if equals and name else None
    if number is None or abs(number) > 2:
        raise argparse.ArgumentTypeError(
            f"{text!r}: write NAME=VALUE with a value from -2 to 2, like jawOpen=0.7"
        )
    return name, number


def _degrees(text: str) -> float:
    number = _number(text)
    if number is None or abs(number) > 180:
        raise argparse.ArgumentTypeError(f"{text!r} is not an angle from -180 to 180 degrees")
    return math.radians(number)


def _scale(text: str) -> float:
    number = _number(text)
    if number is None or not 0.25 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a scale from 0.25 to 1")
    return number


def _whole(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a frame number; they count from 0")
    return int(text)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
