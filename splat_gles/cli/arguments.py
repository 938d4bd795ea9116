# SPDX-License-Identifier: Apache-2.0
"""What several commands take from their command lines, parsed in one way: cameras, sizes, clips."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from splat_gles.avatar import Avatar, Clip
from splat_gles.clips import read_arkit_json
from splat_gles.errors import ClipError

_MAX_SIDE = 8192


def add_camera(parser: argparse._ActionsContainer) -> None:
    """Add `--camera` to a command or to a group of its options."""
    parser.add_argument(
        "--camera",
        choices=("bust", "lam"),
        default="bust",
        help="bust: the avatar's own framing; lam: the camera of LAM's web renderer (bust)",
    )


def picture_size(text: str) -> tuple[int, int]:
    """WxH in pixels, for argparse's `type`."""
    match = re.fullmatch(r"([0-9]{1,5})[xX]([0-9]{1,5})", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write it like 540x960")
    width, height = int(match[1]), int(match[2])
    if not (16 <= width <= _MAX_SIDE and 16 <= height <= _MAX_SIDE):
        raise argparse.ArgumentTypeError(f"{text}: each side must be 16 to {_MAX_SIDE} pixels")
    return width, height


def named_clip(name: str, avatar: Avatar) -> Clip:
    """A clip of the avatar's own, or a JSON file of ARKit weights. Raises ClipError."""
    if name in avatar.clips:
        return avatar.clips[name]
    if name.endswith(".json") or Path(name).is_file():
        return read_arkit_json(name, avatar)
    known = ", ".join(avatar.clips) or "none"
    raise ClipError(
        f"{avatar.name} has no clip {name!r} and there is no such file; its clips: {known}"
    )
