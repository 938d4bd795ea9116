# SPDX-License-Identifier: Apache-2.0
"""The option `--latency`, the same for kioskctl and for the daemon."""

from __future__ import annotations

import argparse

from kioskd.benchmark.request import LATENCY_MS


def add_latency(parser: argparse.ArgumentParser) -> None:
    """Add it; None where it is not given."""
    parser.add_argument(
        "--latency",
        type=_milliseconds,
        metavar="MS",
        help="try this audio.latency_ms (0 to 1000) in place of the configured one, for this test "
        "alone: the larger, the later the picture. If the picture is late even with 0, raise "
        "display.latency_ms in kiosk.yaml instead",
    )


def _milliseconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= LATENCY_MS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of milliseconds from 0 to 1000")
    return value
