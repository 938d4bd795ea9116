# SPDX-License-Identifier: Apache-2.0
"""`python -m driving_client fit`: from paired recordings, or from a FLAME model."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from driving_client.errors import RetargetError
from driving_client.fitting.blendshapes import read_blendshapes
from driving_client.fitting.exact import JAW_FULL, ExactReport, fit_exact
from driving_client.fitting.fit import FOLDS, RIDGE, Pair, fit
from driving_client.fitting.flame_model import load_flame_model
from driving_client.lipsync.speech_mouth import SpeechMouth
from driving_client.motion import FRAME_RATE, FloatArray
from driving_client.regular_file import read_regular
from driving_client.retarget.mouth import CONTROL_NAMES
from driving_client.retarget.retarget_file import load_retarget, write_retarget
from driving_client.wire.recording import Recording, read_recording

_DESCRIPTION = """\
Make a retarget file, in one of two ways.

From recordings of an endpoint: ridge regression from jaw and expression to the six mouth
controls of their audio, their travel restored. The controls come from the speech model, or
from files. Prints the cross-validated r of each and writes it into the file.

From a FLAME model that you own (.pkl as it is distributed, or .npz): least squares of
where FLAME moves each vertex on the blendshapes of a rig with FLAME's topology, as all LAM
avatars have. The pickle is read without running anything in it. The file that comes out holds
no part of the model, but is derived from it: its licence says what you may do with that."""
_EXAMPLES = """\
examples:
  python -m driving_client fit morning.json evening.json -o flame_to_arkit.json
  python scripts/avatar_blendshapes.py lam-avatar.zip -o lam.npz
  python -m driving_client fit --flame generic_model.pkl --blendshapes lam.npz -o x.json"""

_MAXIMUM_CONTROLS_BYTES: Final = 64 << 20


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the package's command line."""
    fitting = commands.add_parser(
        "fit",
        help="fit a mapping on recordings, or exactly on a FLAME model",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    fitting.add_argument(
        "recordings", nargs="*", type=Path, metavar="RECORDING", help="recordings of the wire"
    )
    fitting.add_argument(
        "--controls",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="one for each recording: JSON with fps 25, names and frames of open, wide, pucker, "
        "close, fv, funnel (default: the speech model listens to the recording)",
    )
    fitting.add_argument(
        "--lag",
        type=int,
        choices=range(-12, 13),
        metavar="FRAMES",
        help="show the motion this many frames later (default: measured, printed)",
    )
    fitting.add_argument("--flame", type=Path, metavar="MODEL", help="a FLAME model that you own")
    fitting.add_argument(
        "--blendshapes", type=Path, metavar="NPZ", help="of scripts/avatar_blendshapes.py"
    )
    fitting.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="file to write"
    )
    fitting.set_defaults(run=_run, parser=fitting)


def _run(arguments: argparse.Namespace) -> Iterator[str]:
    wrong = arguments.parser.error
    if arguments.flame or arguments.blendshapes:
        if not (arguments.flame and arguments.blendshapes):
            wrong("--flame and --blendshapes belong together")
        if arguments.recordings:
            wrong("give recordings, or --flame with --blendshapes, not both")
        return _fit_exactly(arguments.flame, arguments.blendshapes, arguments.output)
    if not arguments.recordings:
        wrong("give at least one RECORDING, or --flame with --blendshapes")
    if arguments.controls and len(arguments.controls) != len(arguments.recordings):
        wrong("give as many --controls as recordings, in their order")
    return _fit_recordings(arguments)


def read_controls(path: Path) -> FloatArray:
    """Mouth controls, shape (n, 6), of a JSON file {"fps": 25, "names": …, "frames": …}."""
    try:
        document = json.loads(read_regular(path, _MAXIMUM_CONTROLS_BYTES))
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


def heard_controls(recording: Recording) -> FloatArray:
    """Mouth controls, shape (n, 6), that the speech model hears in a recording's audio."""
    mouth = SpeechMouth(recording.sample_rate)
    return np.concatenate([mouth.feed(recording.audio), mouth.finish()])


def _fit_recordings(arguments: argparse.Namespace) -> Iterator[str]:
    pairs: list[Pair] = []
    sources: list[dict[str, str]] = []
    for index, path in enumerate(arguments.recordings):
        recording = read_recording(path)
        source = {"recording": path.name, "recording_sha256": _sha256(path)}
        if arguments.controls:
            file = arguments.controls[index]
            controls = read_controls(file)
            source |= {"controls": file.name, "controls_sha256": _sha256(file)}
        else:
            controls = heard_controls(recording)
            source |= {"controls": "the speech model"}
        frames = recording.utterance(0.0).motion_frames()
        yield f"{path.name}: {len(frames)} frames"
        pairs.append((frames, controls))
        sources.append(source)
    retarget, report = fit(pairs, arguments.lag)
    provenance: dict[str, object] = {
        **(sources[0] if len(sources) == 1 else {"recordings": sources}),
        "tool": "python -m driving_client fit",
        "frames": report.frames,
        "lag_frames": report.lag,
        "ridge": RIDGE,
        "folds": FOLDS,
        "cross_validated_r": report.r,
        "mean_r_by_lag": {str(lag): r for lag, r in report.lags.items()},
    }
    write_retarget(replace(retarget, provenance=provenance), arguments.output)
    yield "mean r by lag (frames that the motion is shown later):"
    yield "  " + "  ".join(f"{lag:+d}: {r:.3f}" for lag, r in report.lags.items())
    yield f"lag {report.lag} frames = {report.lag / FRAME_RATE * 1000:.0f} ms, cross-validated r:"
    for name, r in report.r.items():
        yield f"  {name:7s} {r:.3f}"
    yield f"wrote {arguments.output}"


def _fit_exactly(flame: Path, blendshapes: Path, output: Path) -> Iterator[str]:
    model, rig = load_flame_model(flame), read_blendshapes(blendshapes)
    yield f"{flame.name}: {len(model.template):,} vertices"
    shapes, report = fit_exact(model, rig)
    base = load_retarget()
    provenance: dict[str, object] = {
        "tool": "python -m driving_client fit --flame",
        "flame": flame.name,
        "flame_sha256": _sha256(flame),
        "blendshapes": blendshapes.name,
        "blendshapes_sha256": _sha256(blendshapes),
        "explained": report.explained,
        "jaw_bend": round(report.jaw_bend, 4),
        "distance_mm": round(report.distance_m * 1000, 2),
    }
    write_retarget(replace(base, shapes=shapes, provenance=provenance), output)
    yield from _told(report)
    yield f"wrote {output}"


def _told(report: ExactReport) -> Iterator[str]:
    yield f"exact: where each expression and the jaw move FLAME's {report.vertices:,} vertices"
    yield (
        f"  (faces compared one by one; FLAME's mean face × {report.scale:.3f} lies "
        f"{report.distance_m * 1000:.1f} mm r.m.s. from the rig's)"
    )
    yield (
        f"not exact: the jaw is taken as linear (off by {report.jaw_bend:.1%} at {JAW_FULL:g} rad),"
    )
    yield f"  and the rig's {report.shapes} blendshapes"
    yield "  reach only this share of the squared displacement, with any weights:"
    names = list(report.explained)
    for name in names[:1] + names[3:13]:
        yield f"  {name:14s} {report.explained[name]:6.1%}"
    others = [report.explained[name] for name in names[13:]]
    yield f"  {'the others':14s} {np.mean(others):6.1%} on average"
    yield "lids, gaze and head go by gains, as without FLAME"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
