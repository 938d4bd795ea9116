#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make bench`: what a frame costs here, for sets of splats and sizes of picture.

Every measurement is `python -m splat_gles bench` in a process of its own, so that load times
and memory are its own. One JSON line a figure goes to standard output as it is measured; steps
and, at the end, a table for people to standard error. The sets are made from the default avatar,
with the area that it covers kept; a real LAM avatar is measured as well where shared data lies.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from bench_sets import with_splats
from splat_gles.bundle import read_bundle, write_bundle
from splat_gles.errors import SplatError

ROOT: Final = Path(__file__).resolve().parent.parent
SETS: Final = (20_000, 60_000, 100_000)
SIZES: Final = ("540x960", "720x1280", "1080x1920")
# Figure of the bench, its column's title and how its numbers are written
COLUMNS: Final = (
    ("cpu_ms_per_frame", "CPU ms", ".1f"),
    ("python_ms_per_frame", "Python ms", ".2f"),
    ("pose_ms", "pose", ".2f"),
    ("sort_ms", "sort", ".2f"),
    ("upload_ms", "upload", ".2f"),
    ("draw_ms", "draw", ".1f"),
    ("fragments", "fragments", ",.0f"),
    ("upload_bytes", "bytes", ",.0f"),
    ("gl_calls", "GL calls", ".0f"),
    ("psnr_db", "PSNR dB", ".1f"),
    ("load_cpu_s", "load s", ".2f"),
    ("rss_mb", "MB", ".0f"),
)


def main(arguments: list[str] | None = None) -> int:
    """Measure all sets at all sizes; exit status 1 where a measurement failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Formatter)
    parser.add_argument(
        "--avatar",
        type=Path,
        default=ROOT / "config/avatars/default.avatar",
        help="bundle that the sets are made from (default: %(default)s)",
    )
    parser.add_argument("--frames", type=int, default=30, help="per measurement (%(default)s)")
    options = parser.parse_args(arguments)
    try:
        return _bench(options.avatar, options.frames)
    except (SplatError, OSError, subprocess.CalledProcessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _bench(avatar: Path, frames: int) -> int:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        subjects = _subjects(avatar, Path(folder))
        rows: list[tuple[str, str, dict[str, Any]]] = []
        for title, bundle, camera in subjects:
            for size in SIZES:
                _tell(f"[{len(rows) + 1}/{len(subjects) * len(SIZES)}] {title}, {size}")
                started = time.monotonic()
                figures = _measure(bundle, camera, size, frames)
                _tell(f"  {time.monotonic() - started:.0f} s")
                rows.append((title, size, figures))
                for key, _, _ in COLUMNS:
                    line = {"figure": key, "value": figures[key], "set": title, "size": size}
                    more = {k: figures[k] for k in ("splats", "camera", "driver")}
                    print(json.dumps(line | more), flush=True)
    _tell(_table(rows))
    return 0


class _Formatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    pass


def _subjects(source: Path, folder: Path) -> list[tuple[str, Path, str]]:
    """Title, bundle and camera of everything to measure."""
    avatar = read_bundle(source)
    subjects = []
    for count in SETS:
        path = folder / f"{count}.avatar"
        _tell(f"making {count:,} splats of {source.name}'s {avatar.splats:,}")
        write_bundle(with_splats(avatar, count), path, source=f"{source.name}, {count} splats")
        subjects.append((f"{count // 1000}k", path, "bust"))
    shared = Path(os.environ.get("KIOSK_SHARED_DATA", ROOT.parent / "shared" / "data"))
    lam = shared / "avatars" / "lam-p2-1.zip"
    if lam.is_file():
        path = folder / "lam-p2-1.avatar"
        _tell(f"importing {lam.name}")
        command = [sys.executable, "-m", "splat_gles", "import", str(lam), "-o", str(path)]
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        subjects += [("LAM p2-1", path, "bust"), ("LAM p2-1, camera lam", path, "lam")]
    else:
        _tell(f"no LAM avatar measured: there is no {lam}")
    return subjects


def _measure(bundle: Path, camera: str, size: str, frames: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "splat_gles", "bench", str(bundle), "--camera", camera]
    command += ["--size", size, "--frames", str(frames), "--json"]
    # Its steps, and what is wrong, the command itself says on standard error
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _table(rows: list[tuple[str, str, dict[str, Any]]]) -> str:
    lines = [["set", "size", *(title for _, title, _ in COLUMNS)]]
    for title, size, figures in rows:
        lines.append([title, size, *(format(figures[key], form) for key, _, form in COLUMNS)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    driver = rows[0][2]["driver"]
    return "\n".join(
        [f"\nMeasured here with {driver}; times per frame in milliseconds of CPU:"]
        + ["  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in lines]
    )


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
