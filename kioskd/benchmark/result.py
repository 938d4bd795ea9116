# SPDX-License-Identifier: Apache-2.0
"""What is kept of a benchmark: `benchmark.json` in the data folder, as result.schema.json has it.

A part is `measured`, `absent` (there is nothing to measure) or `failed` (with the problem, and what
was measured until then); nothing in it is estimated. It holds no serial, no address and no token.
A file that is damaged, or that another version has written in another format, counts as
none and is told: measuring again takes three minutes.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from driving_client.regular_file import read_regular
from kioskd.benchmark.parts import PARTS, SOAK
from kioskd.benchmark.schema_check import check
from kioskd.durable_files import Files, replace
from kioskd.errors import KioskError

FILE_NAME: Final = "benchmark.json"
FORMAT: Final = 1
_MAX_BYTES: Final = 512 * 1024
SCHEMA: Final = Path(__file__).with_name("result.schema.json")


class ResultError(KioskError):
    """What is kept cannot be used, or nothing can be kept; the text says why."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part's outcome; `figures` are named in the schema."""

    status: str
    problem: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """A whole benchmark. `measured_at` is UTC by the board's clock; `seconds` is what it took."""

    measured_at: str
    seconds: float
    version: str
    board: str
    kernel: str
    machine: str
    parts: Mapping[str, Part]

    @property
    def failed(self) -> tuple[str, ...]:
        """The parts that failed."""
        return tuple(name for name, part in self.parts.items() if part.status == "failed")

    def figures(self, part: str) -> Mapping[str, Any]:
        """What was measured of a part, empty where nothing was."""
        return self.parts[part].figures if part in self.parts else {}

    def frame_seconds(
        self, renderer: str, size: tuple[int, int], avatar: str, splats: int
    ) -> dict[float, float]:
        """Seconds that 95 of 100 frames took, by internal scale.

        Empty unless this renderer, size and avatar are those that were measured.
        """
        screen = self.figures("graphics")
        same = (screen.get("gl_renderer"), screen.get("width"), screen.get("height"))
        if same != (renderer, *size):
            return {}
        for each in self.figures("avatars").get("avatars", ()):
            # Avatars of the same person may come in several sizes
            if (each["name"], each["splats"]) == (avatar, splats):
                return {row["scale"]: row["ms_p95"] / 1e3 for row in each["frames"]}
        return {}


def made_now(version: str, board: str, seconds: float, parts: Mapping[str, Part]) -> Result:
    """The result of a benchmark that has just ended on this machine."""
    system = os.uname()
    return Result(
        time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        round(seconds, 1),
        version,
        board,
        system.release,
        system.machine,
        parts,
    )


def keep(files: Files, folder: Path, result: Result) -> Path:
    """Keep it whole, or leave what was kept before, whenever the power goes; raises ResultError."""
    path = folder / FILE_NAME
    told = {
        "format": FORMAT,
        "measured_at": result.measured_at,
        "seconds": result.seconds,
        "version": result.version,
        "board": result.board,
        "kernel": result.kernel,
        "machine": result.machine,
        "parts": {
            name: {"status": part.status, "problem": part.problem, "figures": part.figures}
            for name, part in result.parts.items()
        },
    }
    try:
        replace(files, path, (json.dumps(told, indent=1) + "\n").encode())
    except OSError as error:
        raise ResultError(
            f"{path} cannot be written ({error.strerror}), so the benchmark is not kept; make room "
            "or mend the storage, then measure again"
        ) from error
    return path


def read(folder: Path) -> Result | None:
    """What is kept, None where nothing was measured yet; raises ResultError."""
    path = folder / FILE_NAME
    try:
        told = json.loads(read_regular(path, _MAX_BYTES))
        if told.get("format") != FORMAT:
            raise ResultError(
                f"{path} has format {told.get('format')!r:.20} of another version, this one reads "
                f"{FORMAT}; measure again with `kioskctl bench`"
            )
        return _checked(told)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ResultError(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ResultError(
            f"{path} is damaged ({error!s:.200}); measure again with `kioskctl bench`"
        ) from error


def _checked(told: dict[str, Any]) -> Result:
    """The file's content; raises ValueError where it is not as the schema has it."""
    check(told, json.loads(SCHEMA.read_text("utf-8")))
    return Result(
        **{name: told[name] for name in ("measured_at", "seconds", "version", "board")},
        **{name: told[name] for name in ("kernel", "machine")},
        parts={
            name: Part(**_known(told["parts"][name]))
            for name in (*PARTS, SOAK)
            if name in told["parts"]
        },
    )


def _known(part: dict[str, Any]) -> dict[str, Any]:
    return {name: part[name] for name in ("status", "problem", "figures")}
