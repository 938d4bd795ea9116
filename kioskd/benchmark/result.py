# SPDX-License-Identifier: Apache-2.0
"""What is kept of a benchmark: `benchmark.json` in the data folder, as result.schema.json has it.

A part is `measured`, `absent` (there is nothing to measure) or `failed` (with the problem, and what
was measured until then); nothing in it is estimated. It holds no serial, no address and no token.
A file that is damaged, or that another version has written in another format, counts as
none and is told: measuring again takes three minutes.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from driving_client.regular_file import read_regular
from kioskd.benchmark.plan import PARTS, SOAK
from kioskd.durable_files import Files, replace
from kioskd.errors import KioskError

FILE_NAME: Final = "benchmark.json"
FORMAT: Final = 1
_MAX_BYTES: Final = 512 * 1024
_STATUSES: Final = ("measured", "absent", "failed")


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
        self, renderer: str, size: tuple[int, int], avatar: str
    ) -> dict[float, float]:
        """Seconds that 95 of 100 frames took, by internal scale.

        Empty unless this renderer, size and avatar are those that were measured.
        """
        screen = self.figures("graphics")
        same = (screen.get("gl_renderer"), screen.get("width"), screen.get("height"))
        if same != (renderer, *size):
            return {}
        for each in self.figures("avatars").get("avatars", ()):
            if each["name"] == avatar:
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
            f"{path} is damaged ({error!r:.100}); measure again with `kioskctl bench`"
        ) from error


def _checked(told: dict[str, Any]) -> Result:
    """The file's content; raises what reading it raises wherever it is not as the schema has it."""
    parts = {}
    for name in (*PARTS, SOAK):
        if name in told["parts"]:
            part = told["parts"][name]
            if part["status"] not in _STATUSES:
                raise ValueError(f"{name} is {part['status']!r:.20}")
            parts[name] = Part(part["status"], str(part["problem"]), dict(part["figures"]))
    result = Result(
        str(told["measured_at"]),
        float(told["seconds"]),
        str(told["version"]),
        str(told["board"]),
        str(told["kernel"]),
        str(told["machine"]),
        parts,
    )
    for name, needed in _NUMBERS.items():
        if name in parts and parts[name].status == "measured":
            for key in needed:
                _positive(parts[name].figures[key])
    for each in result.figures("avatars").get("avatars", ()):
        str(each["name"]).encode()
        for row in each["frames"]:
            _positive(row["scale"], row["ms_p50"], row["ms_p95"])
        for scale in each["holds"].values():
            _positive(*() if scale is None else (scale,))
    return result


_NUMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "graphics": ("width", "height", "upload_bytes_per_s", "fixed_ms"),
    "speech": ("cpu_ms",),
    "sound": ("rate_hz", "period_frames", "buffer_frames"),
    "flash": ("bytes_per_s", "sync_ms_p50"),
    SOAK: ("seconds", "slower"),
}


def _positive(*numbers: object) -> None:
    for number in numbers:
        if not isinstance(number, int | float) or not 0 <= number < math.inf:
            raise ValueError(f"{number!r:.20} where a number belongs")
