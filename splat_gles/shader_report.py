# SPDX-License-Identifier: Apache-2.0
"""What the compiler of the boards' GPUs makes of our shaders: cycles by unit, registers, spills.

`make shader-report` writes `shader_report.json`: Mesa's Panfrost compiles every shader that the
renderer uses on such a GPU, without the GPU. `estimate` takes its cycles from there. They are the
compiler's own model: of each unit what it could do at best, a loop counted as one round, no cache
misses; nothing of it was measured on a board.

The file knows what it was made from, so that a changed shader is told (`stale_shaders`).
Comments and blank space do not count: they compile to nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from splat_gles.errors import SplatError

REPORT: Final = Path(__file__).parent / "shader_report.json"
SHADERS: Final = Path(__file__).parent / "shaders"
UNITS: Final = ("arithmetic", "convert", "special", "texture", "varying", "load_store")
"""Units of a shader core, which work beside each other: the slowest counts. `convert` and
`special` are a Valhall's own; a Bifrost's are in its arithmetic."""
RENEWED_BY: Final = "make shader-report"


@dataclass(frozen=True, slots=True)
class CompiledShader:
    """One shader as compiled: `stage` is vertex, position, varying or fragment.

    Valhall and Bifrost split a vertex shader in two: `position` runs for each vertex, `varying`
    for those of what is visible. `cycles` are a core's for one thread, by unit. `registers` is
    the most that its number of threads leaves it.
    """

    shader: str
    stage: str
    defines: Mapping[str, str]
    instructions: int
    cycles: Mapping[str, float]
    code_bytes: int
    registers: int
    loops: int
    spills: int
    fills: int


@dataclass(frozen=True, slots=True)
class CompiledFor:
    """All shaders for one GPU; `lanes` is how wide a core the compiler counts cycles for."""

    gpu: str
    lanes: int
    shaders: tuple[CompiledShader, ...]

    def cycles(
        self, shader: str, stage: str, lanes: int, defines: Mapping[str, int | str] | None = None
    ) -> dict[str, float]:
        """Cycles by unit of a core of `lanes` for one thread, of the variant with these `defines`.

        The slower where several have them, as where none are given.
        A wider or narrower core than the compiler's does arithmetic faster or slower; the other
        units are as they are. Raises SplatError where the report lacks the shader.
        """
        wanted = {name: str(value) for name, value in (defines or {}).items()}
        found = [
            each
            for each in self.shaders
            if (each.shader, each.stage) == (shader, stage)
            and wanted.items() <= each.defines.items()
        ]
        if not found:
            raise SplatError(
                f"{REPORT}: no {stage} of {shader} for {self.gpu}; renew it with `{RENEWED_BY}`"
            )
        wider = {"arithmetic", "convert", "special"}
        return {
            unit: max(each.cycles.get(unit, 0.0) for each in found)
            * (self.lanes / lanes if unit in wider else 1.0)
            for unit in UNITS
        }


@dataclass(frozen=True, slots=True)
class ShaderReport:
    """The file: when and by which compiler, the commit that changed the shaders last, digests."""

    date: str
    commit: str
    compiler: str
    sources: Mapping[str, str]
    gpus: Mapping[str, CompiledFor]


@cache
def read_report(path: Path = REPORT) -> ShaderReport:
    """The report; SplatError where it is damaged."""
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        gpus = {
            name: CompiledFor(
                name, gpu["lanes"], tuple(CompiledShader(**row) for row in gpu["shaders"])
            )
            for name, gpu in content["gpus"].items()
        }
        return ShaderReport(
            content["date"], content["commit"], content["compiler"], content["sources"], gpus
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SplatError(
            f"{path}: not a shader report ({error}); renew it with `{RENEWED_BY}`"
        ) from error


def shader_digests(folder: Path = SHADERS) -> dict[str, str]:
    """A SHA-256 of every shader's text by file name, without comments and blank space."""
    return {
        path.name: hashlib.sha256(bare(path.read_text("utf-8")).encode()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.suffix in (".vert", ".frag")
    }


def stale_shaders(report: ShaderReport, folder: Path = SHADERS) -> list[str]:
    """Names of shaders that were changed, added or removed since the report was made."""
    now, then = shader_digests(folder), report.sources
    return sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))


def bare(text: str) -> str:
    """A shader's text without comments, blank lines and the space around its words."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    lines = (" ".join(line.partition("//")[0].split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)
