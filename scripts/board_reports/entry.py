# SPDX-License-Identifier: Apache-2.0
"""What of a report becomes an entry of `verified_on`, and whether it can be true."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from board_reports.reading import ReportError, fingerprint
from firmware.boards import ROOT, Board, Verified
from kioskd.report.page import (
    measured_rate,
    npu,
    screen,
    sound,
    vendor_system,
    watchdog,
)
from splat_gles import camera
from splat_gles.board_gpus import BOARDS
from splat_gles.bundle import read_bundle
from splat_gles.camera import Size
from splat_gles.estimate import Work, board_cpu_s, board_rates, frame_time
from splat_gles.fragments import count_drawn, count_fragments, project_avatar
from splat_gles.rig import Rig

_FIRST_DAY: Final = date(2025, 1, 1)
_MOST_FPS: Final = 2000.0
_NOT_MEASURED: Final = "not measured"


def entry_of(report: Mapping[str, Any], board: Board, today: date | None = None) -> Verified:
    """The entry; raises ReportError with all that speaks against it."""
    now = today or datetime.now(UTC).date()
    if problems := list(_implausible(report, board, now)):
        raise ReportError("\n".join(f"{board.name}: {problem}" for problem in problems))
    rate = measured_rate(report)
    machine = report["machine"]
    return Verified(
        date=report.get("date", now.isoformat()),
        model=_words(machine.get("model") or machine["compatible"][0]),
        image=_words(report["version"]),
        system=_words(vendor_system(report)),
        screen=_words(screen(report)),
        sound=_words(sound(report)),
        npu=_words(npu(report)),
        watchdog=_words(watchdog(report)),
        measured=_words(_measured(report)),
        estimated=_NOT_MEASURED if rate is None else _words(estimated(board, rate[1], rate[2])),
        report=fingerprint(dict(report)),
    )


def estimated(board: Board, splats: int, size: Size) -> str:
    """Expected frames a second of the model, and its pessimistic and optimistic figures."""
    known = BOARDS.get(board.name)
    if known is None:
        return "none"
    for path in sorted((ROOT / "config/avatars").glob("*.avatar")):
        avatar = read_bundle(path)
        if avatar.splats != splats:
            continue
        rig = Rig(avatar)
        eye = camera.bust(avatar.framing, size)
        projected = project_avatar(avatar, rig.pose(rig.neutral()), eye)
        drawn = count_drawn(projected)
        work = Work(drawn, count_fragments(projected, eye), size, board_cpu_s(drawn))
        low, expected, high = (frame_time(work, each).fps for each in board_rates(known, size))
        return f"{expected:.0f} ({low:.0f} to {high:.0f})"
    return "none"


def _implausible(report: Mapping[str, Any], board: Board, now: date) -> Iterator[str]:
    machine = report.get("machine", {})
    chips = machine.get("compatible", [])
    if not machine.get("model") and not chips:
        yield "the report names no model and no chip (machine.model, machine.compatible)"
    if machine.get("arch") != "aarch64":
        yield f"its machine is {machine.get('arch', 'of no architecture')}, boards are aarch64"
    if board.compatible and not set(chips) & set(board.compatible):
        yield (
            f"its chip is {', '.join(chips) or 'not told'}, the board's is "
            f"{', '.join(board.compatible)}: was an image of another board's name run?"
        )
    if "date" in report:
        try:
            day = date.fromisoformat(report["date"])
        except ValueError:
            yield f"date {report['date']} is no day"
        else:
            if not _FIRST_DAY <= day <= now + timedelta(days=1):
                yield f"date {day} is not between {_FIRST_DAY} and tomorrow: is the clock right?"
    for avatar in report.get("bench", {}).get("avatars", {}).get("avatars", []):
        for frame in avatar["frames"]:
            if not 0 < frame["ms_p50"] <= frame["ms_p95"]:
                yield f"{avatar['name']}: half of the frames take longer than 95 of 100 do"
    rate = measured_rate(report)
    if rate is not None and rate[0] > _MOST_FPS:
        yield f"{rate[0]:.0f} frames a second are more than any board draws"


def _measured(report: Mapping[str, Any]) -> str:
    rate = measured_rate(report)
    if rate is None:
        return _NOT_MEASURED
    fps, splats, (width, height) = rate
    drawn = ", drawn by the processor" if report["bench"]["graphics"].get("software") else ""
    return f"{fps:.0f} at {width}x{height}, {splats} splats{drawn}"


def _words(text: str) -> str:
    """Of the form that board.yaml takes."""
    return re.sub(r"[^A-Za-z0-9 ,.:+()_-]", "", text)[:120] or "none"
