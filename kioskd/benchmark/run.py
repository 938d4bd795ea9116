# SPDX-License-Identifier: Apache-2.0
"""Lets the parts measure, one after the other, and is there whatever becomes of them.

A part's process may be ended by a driver, hang in it, or answer nothing; then the part has failed
with words that say at which step, and the next one begins.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, Final

from driving_client.texts import printable
from kioskd.benchmark.parts import PART_WORDS
from kioskd.benchmark.plan import Plan
from kioskd.benchmark.result import Part, Result, made_now

Tell = Callable[[str], None]
Command = Callable[[str], list[str]]
_LOOK_S: Final = 0.5
_END_S: Final = 5.0
_LAST_WORDS: Final = 300


def part_command(part: str) -> list[str]:
    """How a part's process is started."""
    return [sys.executable, "-m", "kioskd.benchmark", part]


def measure(
    plan: Plan,
    version: str,
    board: str,
    tell: Tell,
    alive: Callable[[], None] = lambda: None,
    command: Command = part_command,
) -> Result:
    """Measure all parts of the plan.

    `tell` is given lines for a person, `alive` is called twice a second while all is well: a part
    that says nothing for `Durations.silent_s` is ended.
    """
    began = time.monotonic()
    parts = {}
    for number, name in enumerate(plan.parts, 1):
        tell(f"{number} of {len(plan.parts)}: {PART_WORDS[name]}")
        parts[name] = part = _measure(plan, tell, alive, command(name))
        if part.problem:
            tell(f"   {PART_WORDS[name]}: {part.status}: {part.problem}")
    return made_now(version, board, time.monotonic() - began, parts)


def _measure(plan: Plan, tell: Tell, alive: Callable[[], None], command: list[str]) -> Part:
    own_path = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=own_path
        ) as process,
    ):
        heard = _Heard()
        assert process.stdin is not None
        try:
            with suppress(BrokenPipeError):
                process.stdin.write(plan.as_json().encode() + b"\n")
                process.stdin.flush()
            in_time = _listen(process, heard, plan.durations.silent_s, tell, alive)
        finally:
            # A hanging driver heeds nothing else; what a part uses, the kernel takes back
            if heard.part is None:
                process.kill()
            with suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
        if heard.part is not None:
            return heard.part
        status = process.wait()
        if not in_time:
            why = f"said nothing for {plan.durations.silent_s:.0f} s"
        elif status < 0:
            why = f"was ended by {_signal(-status)}"
        else:
            why = f"ended with status {status}: {_last_words(errors)}"
        return Part("failed", f"it {why} ({heard.step})")


@dataclass(slots=True)
class _Heard:
    step: str = "at its start"
    part: Part | None = None


def _listen(
    process: subprocess.Popen[bytes],
    heard: _Heard,
    silent_s: float,
    tell: Tell,
    alive: Callable[[], None],
) -> bool:
    """Hear the part until it ends; False where it fell silent."""
    assert process.stdout is not None
    pending = b""
    last = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while heard.part is None:
            alive()
            if not selector.select(_LOOK_S):
                if time.monotonic() - last > silent_s:
                    return False
                continue
            received = os.read(process.stdout.fileno(), 65536)
            if not received:
                # Its standard output is closed: it ends, unless its driver hangs even then
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_S * 4)
                return True
            last = time.monotonic()
            *lines, pending = (pending + received).split(b"\n")
            for line in lines:
                _take(line, heard, tell)
    return True


def _take(line: bytes, heard: _Heard, tell: Tell) -> None:
    try:
        told: dict[str, Any] = json.loads(line)
        if "step" in told:
            heard.step = printable(str(told["step"]))
            tell(f"   {heard.step}")
        else:
            heard.part = Part(told["status"], printable(told["problem"]), told["figures"])
    except (ValueError, TypeError, LookupError, AttributeError):
        heard.part = Part("failed", f"it answered {line!r:.100} ({heard.step})")


def _signal(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def _last_words(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    return printable(lines[-1])[:_LAST_WORDS] if lines else "without a word"
