#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make shader-report`: what the compiler of the boards' GPUs makes of our shaders, with no board.

Builds Mesa's Panfrost from Debian's source once (out/shader-report/, 300 MB), lets the renderer
draw on a Mali-G52 and a Mali-G57 that draw nothing, and prints for each shader its instructions,
its cycles by unit, registers and spills. They are written to splat_gles/shader_report.json, which
`python -m splat_gles estimate` takes its cycles from: commit it with the shaders.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from firmware.errors import FirmwareError
from firmware.steps import Progress, exit_status, run
from shader_report.mesa import Mesa
from shader_report.shaderdb import parse_line
from splat_gles.errors import SplatError
from splat_gles.shader_report import (
    REPORT,
    SHADERS,
    UNITS,
    CompiledFor,
    CompiledShader,
    ShaderReport,
    read_report,
    shader_digests,
    stale_shaders,
)

ROOT: Final = Path(__file__).resolve().parent.parent
GPUS: Final = {
    # Name in the report: product number, and how many lanes the compiler counts a core's cycles for
    "Mali-G52": ("7212", 24),
    "Mali-G57": ("9093", 64),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--show", action="store_true", help="only print the report that is there; builds nothing"
    )
    options = parser.parse_args(arguments)
    return exit_status(show if options.show else make, SplatError)


def make() -> int:
    """Build, compile, write and print."""
    progress = Progress()
    mesa = Mesa(ROOT / "out/shader-report", progress)
    version = mesa.make()
    gpus = {}
    for name, (product, lanes) in GPUS.items():
        progress.say(f"compiling every shader for {name}")
        gpus[name] = {"lanes": lanes, "shaders": _compile(mesa, name, product)}
    content = {
        "made_by": "make shader-report",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": _commit(),
        "compiler": f"Mesa {version} (Debian), Panfrost",
        "sources": shader_digests(),
        "gpus": gpus,
    }
    REPORT.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    read_report.cache_clear()
    progress.say(f"wrote {REPORT}")
    return show()


def show() -> int:
    """Print the report; 1 where it is older than the shaders."""
    report = read_report()
    print(f"{report.compiler}; {report.date}, commit {report.commit}")
    print_table(report)
    if stale := stale_shaders(report):
        print(
            f"error: changed since: {', '.join(stale)}; renew it with `make shader-report`",
            file=sys.stderr,
        )
        return 1
    return 0


def print_table(report: ShaderReport) -> None:
    """A row for each shader: what it costs one thread of a core, the slowest unit first named."""
    for gpu in report.gpus.values():
        print(f"\n{gpu.gpu}, cycles of a core of {gpu.lanes} lanes for one thread:")
        titles = ("bound by", *(unit.replace("_", "/") for unit in UNITS))
        print(
            f"  {'shader':16}{'stage':10}{'instr':>6}{'regs':>6}{'spills':>7}  "
            + "".join(f"{title:>11}" for title in titles)
        )
        for row in gpu.shaders:
            slowest = max(UNITS, key=lambda unit: row.cycles.get(unit, 0.0))
            values = "".join(
                f"{row.cycles[unit]:>11.3f}" if unit in row.cycles else f"{'':11}" for unit in UNITS
            )
            print(
                f"  {row.shader:16}{row.stage:10}{row.instructions:>6}{row.registers:>6}"
                f"{row.spills:>7}  {slowest.replace('_', '/'):>11}{values}{_notes(row, gpu)}"
            )


def _notes(row: CompiledShader, gpu: CompiledFor) -> str:
    """What tells a shader's variants apart, and its loops."""
    alike = [each for each in gpu.shaders if (each.shader, each.stage) == (row.shader, row.stage)]
    differing = [
        f"{name}={value}"
        for name, value in row.defines.items()
        if any(each.defines.get(name) != value for each in alike)
    ]
    loops = [f"{row.loops} loop, counted once"] if row.loops else []
    return "".join(f"  {note}" for note in [*differing, *loops])


def _compile(mesa: Mesa, name: str, product: str) -> list[dict[str, Any]]:
    """Every shader for one GPU; those that came out alike are told once."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "shaders.json"
        run(
            [sys.executable, "-m", "shader_report.compile_shaders", out],
            doing=f"compiling for {name}",
            environment=mesa.environment(product) | {"PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}"},
            folder=ROOT,
        )
        content = json.loads(out.read_text())
    if name not in content["driver"]:
        raise FirmwareError(
            f"drawn by {content['driver']!r} and not by {name}: the Mesa under "
            f"{ROOT / 'out/shader-report'} was not used; remove that folder and try again"
        )
    rows = []
    for each in content["rows"]:
        printed = parse_line(each["line"])
        part = each["shaders"]["fragment" if printed.stage == "fragment" else "vertex"]
        row = {"shader": part["shader"], "stage": printed.stage, "defines": part["defines"]}
        if (row := row | printed.values) not in rows:
            rows.append(row)
    if not rows:
        raise FirmwareError(f"the compiler said nothing of any shader for {name}")
    return sorted(rows, key=lambda row: (row["shader"], row["stage"]))


def _commit() -> str:
    """The commit that changed the shaders last, with a plus where they were changed since."""
    git: list[str | Path] = ["git", "-C", ROOT]
    folder = SHADERS.relative_to(ROOT)
    commit = run(
        [*git, "log", "-1", "--format=%h", "--abbrev=12", "--", folder],
        doing="asking git for the shaders' commit",
    )
    changed = run([*git, "status", "--porcelain", "--", folder], doing="asking git what changed")
    return commit.decode().strip() + ("+" if changed.strip() else "")


if __name__ == "__main__":
    sys.exit(main())
