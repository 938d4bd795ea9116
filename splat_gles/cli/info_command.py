# SPDX-License-Identifier: Apache-2.0
"""`python -m splat_gles info`: what a bundle holds, after verifying all of it."""

from __future__ import annotations

import argparse
import textwrap
import time
from pathlib import Path
from typing import Any

from splat_gles.avatar import Avatar
from splat_gles.bundle import read_bundle, read_manifest
from splat_gles.manifest import Manifest

_WIDTH = 78


def add_parser(subparsers: Any) -> None:
    """Add the `info` command to argparse's subparsers."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "info",
        help="verify an avatar bundle and print what is in it",
        description="Verify an avatar bundle (*.avatar) and print what is in it. Exit status 0 "
        "means that every part matches its hash and that the avatar can be drawn.",
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="avatar bundle")
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Read, verify, print."""
    path: Path = options.bundle
    started = time.perf_counter()
    avatar = read_bundle(path)
    seconds = time.perf_counter() - started
    manifest, sizes = read_manifest(path)
    print("\n".join(describe(avatar, manifest, sizes, path.stat().st_size, seconds)))
    return 0


def describe(
    avatar: Avatar, manifest: Manifest, sizes: dict[str, int], total: int, seconds: float
) -> list[str]:
    """Lines for people. `sizes` are compressed bytes per entry, `total` the file's bytes."""
    low, high = avatar.positions.min(axis=0), avatar.positions.max(axis=0)
    extent = " x ".join(f"{b - a:.3f}" for a, b in zip(low, high, strict=True))
    target = ", ".join(f"{x:.3f}" for x in avatar.framing.target)
    voice = avatar.voice
    spoken = f"{voice.sex}, {voice.language}, {voice.pitch:g} Hz" if voice else "none named"
    size = f"{total / 1e6:.2f}"
    lines = [
        f"{avatar.name}",
        *_field("licence", avatar.licence),
        *_field("source", manifest.source),
        *_field("format", f"version {manifest.version}, {size} MB, verified in {seconds:.2f} s"),
        *_field("splats", f"{avatar.splats:,}, extent {extent} m"),
        *_field("framing", f"{avatar.framing.width:.2f} m wide around ({target})"),
        *_field("parameters", f"{avatar.parameter_space}, gaze by {avatar.gaze}"),
        *_field("voice", spoken),
        *_field("joints", _joint_tree(avatar, -1)),
        *_field(
            "blendshapes",
            f"{len(avatar.blendshapes)}, moving {avatar.deltas.shape[1]:,} splats: "
            + ", ".join(sorted(avatar.blendshapes)),
        ),
        *_field("clips", "none" if not avatar.clips else ""),
    ]
    for clip in avatar.clips.values():
        loop = "loops" if clip.loop else "once"
        lines.append(f"    {clip.name:<12}{clip.seconds:6.1f} s  {clip.rate:g} frames/s  {loop}")
    width = max(len(name) for name in manifest.parts) + 2
    lines.append(f"  {'part':<{width + 2}}{'type':<9}{'shape':<18}{'stored':>10}  sha256")
    for name, part in sorted(manifest.parts.items()):
        shape = "x".join(str(n) for n in part.shape)
        lines.append(
            f"    {name:<{width}}{part.dtype:<9}{shape:<18}{sizes[name]:>10,}  {part.sha256[:12]}"
        )
    return lines


def _joint_tree(avatar: Avatar, parent: int) -> str:
    """Joints below a parent: `a > b` for one child, `a > (b, c)` for more."""
    branches = []
    for index, joint in enumerate(avatar.joints):
        if joint.parent == parent:
            below = _joint_tree(avatar, index)
            branches.append(f"{joint.name} > {below}" if below else joint.name)
    return f"({', '.join(branches)})" if len(branches) > 1 else "".join(branches)


def _field(name: str, text: str) -> list[str]:
    lines = textwrap.wrap(text, _WIDTH - 15) or [""]
    return [f"  {name if i == 0 else '':<13}{line}".rstrip() for i, line in enumerate(lines)]
