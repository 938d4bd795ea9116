# SPDX-License-Identifier: Apache-2.0
"""Reads the line that Panfrost's compiler prints of each shader (BIFROST_MESA_DEBUG=shaderdb).

Bifrost's and Valhall's lines differ: another split of the arithmetic, other names. Cycles are
normalised by the compiler to one thread of a core: 24 tuples of arithmetic a cycle on a Bifrost,
64 instructions on a Valhall (Mesa 22.3, bifrost_compile.c). Register counts are not printed, only
how many threads they leave room for: all of them below 33 registers, half of them beyond.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from firmware.errors import FirmwareError

_PREFIX: Final = "SHADER-DB: "
_STAGES: Final = {
    "MESA_SHADER_VERTEX": "vertex",
    "MESA_SHADER_POSITION": "position",
    "MESA_SHADER_VARYING": "varying",
    "MESA_SHADER_FRAGMENT": "fragment",
}
_UNITS: Final = {
    # Bifrost's names
    "arith": "arithmetic",
    "texture": "texture",
    "vary": "varying",
    "ldst": "load_store",
    # Valhall's
    "fma": "arithmetic",
    "cvt": "convert",
    "sfu": "special",
    "t": "texture",
    "v": "varying",
    "ls": "load_store",
}
# A message's varyings loaded before the shader starts count 16-bit words, 16 of them a cycle
_PRELOADED_A_CYCLE: Final = 16.0
_QUADWORD_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Printed:
    """One line: the stage, and the values as `splat_gles.shader_report.CompiledShader` has them."""

    stage: str
    values: dict[str, Any]


def is_shaderdb(line: str) -> bool:
    """Whether a line of standard error is the compiler's."""
    return line.startswith(_PREFIX)


def parse_line(line: str) -> Printed:
    """One line of the compiler; FirmwareError where it is not of the form that is known."""
    try:
        stage, _, rest = line.removeprefix(_PREFIX).strip().partition(" shader: ")
        numbers: dict[str, float] = {}
        spills = fills = ""
        for part in rest.split(", "):
            value, _, name = part.strip().partition(" ")
            if name == "spills:fills":
                spills, fills = value.split(":")
            else:
                numbers[name] = float(value)
        cycles = {unit: numbers[name] for name, unit in _UNITS.items() if name in numbers}
        cycles["varying"] += numbers.get("preloads", 0.0) / _PRELOADED_A_CYCLE
        return Printed(
            _STAGES[stage],
            {
                "instructions": int(numbers["inst"]),
                "cycles": {unit: round(value, 6) for unit, value in cycles.items()},
                "code_bytes": int(numbers["quadwords"]) * _QUADWORD_BYTES,
                "registers": 32 if numbers["threads"] == 2 else 64,
                "loops": int(numbers["loops"]),
                "spills": int(spills),
                "fills": int(fills),
            },
        )
    except (KeyError, ValueError) as error:
        raise FirmwareError(
            f"the compiler's line is not of a known form ({error!r}): {line.strip()!r}; "
            "another Mesa than Debian 12's?"
        ) from error


def defines_of(source: str) -> tuple[dict[str, str], str]:
    """The `#define` lines that the renderer put in front, and the rest behind its #line."""
    head, _, body = source.partition("#line 2\n")
    return dict(re.findall(r"^#define (\w+) (.*)$", head, re.MULTILINE)), body
