# SPDX-License-Identifier: Apache-2.0
"""`python -m driving_client.retarget`: fit a retarget file, or show what is in one."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from driving_client.errors import DrivingError, RetargetError
from driving_client.motion import FRAME_RATE, FloatArray
from driving_client.recording import read_recording
from driving_client.retarget.fit import FOLDS, RIDGE, fit
from driving_client.retarget.mouth import CONTROL_NAMES
from driving_client.retarget.storage import load_retarget, write_retarget


def read_controls(path: Path) -> FloatArray:
    """Mouth controls, shape (n, 6), of a JSON file {"fps": 25, "names": …, "frames": …}."""
    try:
        document = json.loads(path.read_bytes())
        names, rate = document["names"], document["fps"]
        frames = np.array(document["frames"], np.float32)
    except OSError as error:
        raise RetargetError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, KeyError) as error:
        raise RetargetError(
            f"{path}: not a controls file ({error!r}); wanted JSON with fps, names and frames"
        ) from error
    if names != list(CONTROL_NAMES) or rate != FRAME_RATE:
        raise RetargetError(
            f"{path}: controls {names} at {rate} a second; wanted {list(CONTROL_NAMES)} at "
            f"{FRAME_RATE:.0f}"
        )
    return frames


def _fit(arguments: argparse.Namespace) -> int:
    recording, controls = Path(arguments.recording), Path(arguments.controls)
    frames = read_recording(recording).utterance(0.0).motion_frames()
    retarget, report = fit(frames, read_controls(controls), arguments.lag)
    provenance: dict[str, object] = {
        "recording": recording.name,
        "recording_sha256": hashlib.sha256(recording.read_bytes()).hexdigest(),
        "controls": controls.name,
        "controls_sha256": hashlib.sha256(controls.read_bytes()).hexdigest(),
        "tool": "python -m driving_client.retarget fit",
        "frames": report.frames,
        "lag_frames": report.lag,
        "ridge": RIDGE,
        "folds": FOLDS,
        "cross_validated_r": report.r,
        "mean_r_by_lag": {str(lag): r for lag, r in report.lags.items()},
    }
    write_retarget(replace(retarget, provenance=provenance), arguments.output)
    print("mean r by lag (frames that the motion is shown later):")
    print("  " + "  ".join(f"{lag:+d}: {r:.3f}" for lag, r in report.lags.items()))
    print(f"lag {report.lag} frames = {report.lag / FRAME_RATE * 1000:.0f} ms, cross-validated r:")
    for name, r in report.r.items():
        print(f"  {name:7s} {r:.3f}")
    print(f"wrote {arguments.output}")
    return 0


def _info(arguments: argparse.Namespace) -> int:
    retarget = load_retarget(arguments.file)
    print(json.dumps(retarget.provenance, indent=2))
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m driving_client.retarget",
        description="FLAME motion to ARKit rigs: fit the mapping, or show where one comes from.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    fitting = commands.add_parser(
        "fit",
        help="fit a mapping on a recording and the mouth controls of its audio",
        description="Ridge regression from jaw and expression to six mouth controls, their "
        "travel restored; prints the cross-validated r of each and writes it into the file.",
    )
    fitting.add_argument("recording", metavar="RECORDING", help="a recording of the wire (JSON)")
    fitting.add_argument(
        "controls",
        metavar="CONTROLS",
        help="JSON with fps 25, names and frames of open, wide, pucker, close, fv, funnel",
    )
    fitting.add_argument("-o", "--output", required=True, metavar="FILE", help="file to write")
    fitting.add_argument(
        "--lag",
        type=int,
        choices=range(-12, 13),
        metavar="FRAMES",
        help="show the motion this many frames later (default: measured, printed)",
    )
    fitting.set_defaults(run=_fit)
    info = commands.add_parser("info", help="print a retarget file's provenance")
    info.add_argument("file", nargs="?", metavar="FILE", help="default: the packaged file")
    info.set_defaults(run=_info)
    arguments = parser.parse_args(argv)
    try:
        status: int = arguments.run(arguments)
    except DrivingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
