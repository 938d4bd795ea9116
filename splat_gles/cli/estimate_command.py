# SPDX-License-Identifier: Apache-2.0
"""`python -m splat_gles estimate`: how fast a board may draw an avatar, before one is at hand."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path
from typing import Any

from splat_gles import camera
from splat_gles.board_gpus import BOARDS, NO_ESTIMATE, Board
from splat_gles.bundle import read_bundle
from splat_gles.camera import Size
from splat_gles.cli.arguments import add_camera, picture_size
from splat_gles.errors import SplatError
from splat_gles.estimate import (
    CASES,
    Rates,
    Work,
    board_cpu_s,
    board_cycles,
    board_rates,
    frame_time,
)
from splat_gles.estimate_calibration import calibrate, driver, measure_cpu
from splat_gles.fragments import count_drawn, count_fragments, project_avatar
from splat_gles.measured_rates import STORED, read_measured
from splat_gles.quality import SCALES
from splat_gles.rig import Rig
from splat_gles.shader_report import read_report

_EPILOG = """examples:
  python -m splat_gles estimate X.avatar --board rk3576
  python -m splat_gles estimate X.avatar --board g88 --size 720x1280
  python -m splat_gles estimate X.avatar --calibrate
  python -m splat_gles estimate X.avatar --measured benchmark.json

What is printed is an estimate: the shaders' cycles as the compiler of that GPU counts them, at its
published clock and cores. How much of that a board reaches nobody has measured; hence a pessimistic
and an optimistic figure beside the expected one. A board without a known GPU has no estimate, and
the command says why.

--calibrate measures the rates on the device that it runs on (stop other programs that draw) and
uses those; its three figures are the slowest, the middle and the fastest round. --measured takes
those that `kioskctl bench` has measured on a board. What enlarging costs at scales below 1 stays a
guess.
"""


def add_parser(subparsers: Any) -> None:
    """Add the `estimate` command to argparse's subparsers."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "estimate",
        help="estimate the frames a second on a board",
        description="Estimate how many frames a second a board can draw of an avatar.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="avatar bundle (*.avatar)")
    device = parser.add_mutually_exclusive_group(required=True)
    device.add_argument(
        "--board",
        type=str.lower,
        choices=(*BOARDS, *NO_ESTIMATE),
        help="; ".join(f"{key}: {board.title}, {board.gpu}" for key, board in BOARDS.items())
        + f"; {' and '.join(NO_ESTIMATE)} have no estimate, and the command says why",
    )
    device.add_argument(
        "--calibrate",
        action="store_true",
        help="measure fill and vertex rates on this device instead of taking a board's",
    )
    device.add_argument(
        "--measured",
        type=Path,
        nargs="?",
        const=STORED,
        metavar="FILE",
        help=f"take what `kioskctl bench` measured on a board (default: {STORED})",
    )
    add_camera(parser)
    parser.add_argument(
        "--size", type=picture_size, default=(1080, 1920), metavar="WxH", help="pixels (1080x1920)"
    )
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Count what a frame paints, and print what that may cost."""
    if options.board in NO_ESTIMATE:
        raise SplatError(f"no estimate for {options.board}: {NO_ESTIMATE[options.board]}")
    measured = None if options.measured is None else read_measured(options.measured)
    avatar = read_bundle(options.bundle)
    size: Size = options.size
    rig = Rig(avatar)
    eye = camera.bust(avatar.framing, size) if options.camera == "bust" else camera.lam(size)
    projected = project_avatar(avatar, rig.pose(rig.neutral()), eye)
    splats = count_drawn(projected)
    fragments = count_fragments(projected, eye)
    print(
        f"{avatar.name}: {splats:,} splats, {fragments / 1e6:.1f} M fragments at "
        f"{size[0]}x{size[1]}, camera {options.camera}"
    )
    if options.calibrate:
        rates = calibrate(size)
        work = Work(splats, fragments, size, measure_cpu(avatar, size))
        print(f"ESTIMATE for this device ({driver(size)}), from rates measured on it:")
    elif measured is not None:
        rates = measured.rates_at(size)
        work = Work(splats, fragments, size, measured.cpu_s(splats))
        print(f"ESTIMATE from rates measured on {measured.title}:")
    else:
        board = BOARDS[options.board]
        rates = board_rates(board, size)
        work = Work(splats, fragments, size, board_cpu_s(splats))
        print(
            f"ESTIMATE for {board.title} ({board.gpu} MC{board.cores}), from a model; "
            "not measured on a board:"
        )
    _print_table(work, rates)
    if options.board:
        _print_sources(BOARDS[options.board])
    return 0


def _print_sources(board: Board) -> None:
    """What the figures rest on: compiled, known, assumed."""
    report = read_report()
    cycles = board_cycles(board, report)
    told = (
        f"compiled: {cycles.fragment:.2f} cycles of a core for a fragment, bound by "
        f"{cycles.bound_by.replace('_', '/')}; {cycles.splat:.0f} for a splat's vertices; "
        f"{cycles.enlarged:.2f} for an enlarged pixel; by {report.compiler}, {report.date}, "
        f"shaders of commit {report.commit}",
        f"known: {board.known_from}",
        f"assumed: {board.assumed}; how much of its rates the GPU reaches (45, 70, 95 %); a "
        "loop's rounds, the bus, that all of the screen is enlarged, a CPU like a Cortex-A72",
    )
    for text in told:
        print(textwrap.fill(text, 100, initial_indent="  ", subsequent_indent="    "))


def _print_table(work: Work, rates: tuple[Rates, Rates, Rates]) -> None:
    print("  " + f"{'':24}" + "".join(f"{case:>14}" for case in CASES))
    fills = "".join(f"{rate.fill / 1e9:>14.2f}" for rate in rates)
    points = "".join(f"{rate.splats / 1e6:>14.1f}" for rate in rates)
    print(f"  {'G fragments a second':24}{fills}")
    print(f"  {'M splats a second':24}{points}")
    full = [frame_time(work, rate) for rate in rates]
    rows = (
        ("fragments", [time.fragments_ms for time in full]),
        ("vertices", [time.vertices_ms for time in full]),
        ("bus and fixed costs", [time.bus_ms for time in full]),
        ("GPU altogether", [time.gpu_ms for time in full]),
        ("CPU, beside the GPU", [time.cpu_ms for time in full]),
    )
    for title, values in rows:
        print(f"  {title + ', ms':24}" + "".join(f"{value:>14.2f}" for value in values))
    for scale in SCALES:
        values = [frame_time(work, rate, scale).fps for rate in rates]
        print(f"  {f'fps at scale {scale:g}':24}" + "".join(f"{value:>14.0f}" for value in values))
    print("  (fps as the device could draw them; its screen shows at most its own rate)")
