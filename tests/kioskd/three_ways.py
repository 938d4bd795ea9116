# SPDX-License-Identifier: Apache-2.0
"""One configuration through --check, a start and a reload, which must say the same of it.

The command line is the real one, up to the daemon that it would run; a test beside these has real
processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from driving_client.texts import printable
from kioskd import cli
from kioskd.config import Config, Loaded
from kioskd.config.reload import LiveConfig
from kioskd.service.signals import SignalThread


@dataclass(frozen=True)
class Verdict:
    """What was said: all problems where it was refused, else all warnings."""

    taken: bool
    lines: tuple[str, ...]


class _Daemon:
    def run(self) -> int:
        return 0


def three_ways(path: Path, state: Path | None = None) -> Verdict:
    """What all three say; `state` is the state directory. The reload comes last."""
    told = {"check": check(path, state), "start": start(path, state), "reload": reload(path, state)}
    assert len(set(told.values())) == 1, told
    return told["check"]


def check(path: Path, state: Path | None = None) -> Verdict:
    """`kioskd --check`."""
    status, lines, _ = _command_line(["--config", str(path), "--check"], state)
    assert status in (0, 78), lines
    word = "error: " if status else "warning: "
    return Verdict(not status, tuple(line[len(word) :] for line in lines if line.startswith(word)))


def start(path: Path, state: Path | None = None) -> Verdict:
    """`kioskd`, until it would draw."""
    status, lines, live = _command_line(["--config", str(path)], state)
    if live is None:
        assert status == 78, lines
        return Verdict(False, tuple(line.removeprefix("error: ") for line in lines))
    return Verdict(True, tuple(map(printable, live.snapshot.warnings)))


def reload(path: Path, state: Path | None = None) -> Verdict:
    """SIGHUP to a daemon that began with the defaults."""
    live = LiveConfig(Loaded(Config(), (), None), path, (), state=state)
    asyncio.run(live.reload(lambda *_: None))
    snapshot = live.snapshot
    lines = snapshot.problems or snapshot.warnings
    return Verdict(not snapshot.problems, tuple(map(printable, lines)))


def _command_line(words: list[str], state: Path | None) -> tuple[int, list[str], LiveConfig | None]:
    begun: list[LiveConfig] = []
    told = io.StringIO()

    def kiosk(live: LiveConfig, *_: Any) -> _Daemon:
        begun.append(live)
        return _Daemon()

    environment = {} if state is None else {"STATE_DIRECTORY": str(state)}
    with (
        mock.patch.object(sys, "argv", ["kioskd", *words]),
        mock.patch.dict(os.environ, environment),
        mock.patch.object(cli, "kiosk", kiosk),
        mock.patch.object(cli.log, "set_up_logging"),
        mock.patch.object(cli, "read_bundle"),  # half a second each time
        contextlib.redirect_stderr(told),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        status = cli.main(SignalThread())
    return status, told.getvalue().splitlines(), begun[0] if begun else None
