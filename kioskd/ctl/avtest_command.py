# SPDX-License-Identifier: Apache-2.0
"""kioskctl avtest: has a flash and a click each second shown, by kioskd or by one of its own."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from kioskd.benchmark import request as asking
from kioskd.ctl.bench_command import by_kioskd
from kioskd.durable_files import DiskFiles
from kioskd.update.store import store_from


def film_sync(options: argparse.Namespace) -> int:
    """See `board_commands.avtest`; raises KioskError."""
    latency_ms: float | None = options.latency
    if os.environ.get("KIOSK_HOOK_FORMAT"):
        store = store_from(os.environ)
        by_kioskd(
            store,
            lambda: asking.ask(DiskFiles(), store, avtest=True, latency_ms=latency_ms),
            "to show a flash and to play a click each second, until Ctrl-C",
            "nothing of this test is kept",
        )
        return 0
    command = [sys.executable, "-m", "kioskd", "avtest"]
    if latency_ms is not None:
        command += ["--latency", f"{latency_ms:g}"]
    own_path = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, env=own_path) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                # It has heard Ctrl-C as well, and ends by itself
                continue
