#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make bench-attacks`: what the kiosk still does while its HTTP port is attacked.

In a network namespace of its own, with addresses for the attackers that are not loopback, each
attack meets a real kioskd with a relay endpoint. Measured are: how long `/livez` takes on this
machine and from another one, how long until a voice is heard, relayed and posted to
`/v1/speak`, the longest time between two beats of the watchdog, frames and log lines a second,
and the descriptors and threads that are left afterwards. A run of all writes
tests/results/attacks.md; a limit that does not hold gives exit status 1. Two cores that are
busy otherwise make every figure worse, also those of the control, which each kiosk has first.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from attack_bench.kiosk import Kiosk, Timing
from attack_bench.verdict import (
    FRAMES_SHARE,
    LIVEZ_P95_S,
    VOICE_LATE_S,
    WATCHDOG_S,
    Measured,
    broken,
    heading,
    row,
)
from test_result import write_result
from test_stand.attacks import ATTACKS, Attacker
from test_stand.network import KIOSK, SOURCES, enter_own_network
from test_stand.processes import ROOT, StandError
from test_stand.protection import TOKEN

CONTROL: Final = "spinning"
FROM_MANY: Final = ("silent+", "half_heads+", "malformed+")
"""The same from all addresses of SOURCES in turn."""

ABOUT: Final = (
    "A kiosk is asked, by its own machine and another one, and spoken to, over the relay and "
    "`POST /v1/speak`, while its HTTP port is attacked from other addresses (+: from "
    f"{len(SOURCES)} of them). Limits: `/livez` p95 under {1000 * LIVEZ_P95_S:.0f} ms from both; "
    f"no voice more than {1000 * VOICE_LATE_S:.0f} ms later than the control's median; less than "
    f"{WATCHDOG_S:g} s without a beat of the watchdog; {FRAMES_SHARE:.0%} of the control's frames. "
    f"The control is `{CONTROL}`: a core taken as attackers on the same machine take it, and no "
    "request; on the same kiosk, just before."
)
CONTROL_TIMING: Final = Timing(measure=6.0, prepare=1.0, settle=0.0)


def main() -> int:
    """Run all attacks, or those that are named; exit status 1 where a limit does not hold."""
    names = [each.__name__ for each in ATTACKS if each.__name__ != CONTROL] + [*FROM_MANY]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "attacks", nargs="*", metavar="ATTACK", help=f"{', '.join(names)} (default: all)"
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="per attack (%(default)s)")
    parser.add_argument("--root", type=Path, default=ROOT, help="another checkout of the project")
    parser.add_argument("--one", metavar="ATTACK", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := sorted(set(options.attacks) - set(names)):
        parser.error(f"unknown attack {unknown[0]!r}; there are {', '.join(names)}")
    if options.one:
        return _attack(options.one, options.port, options.seconds)
    enter_own_network()
    begin = time.monotonic()
    rows: list[str] = []
    faults: list[str] = []
    print(heading(), flush=True)
    chosen = options.attacks or names
    for number, name in enumerate(chosen, 1):
        print(f"{number} of {len(chosen)}: {name}", file=sys.stderr, flush=True)
        try:
            told, control = _measure(name, options.seconds, options.root)
            found = broken(told, control)
            rows.append(row(told, control, found))
        except StandError as error:
            found = [str(error)]
            rows.append(f"| {name} | {error} |")
        faults += [f"{name}: {fault}" for fault in found]
        print(rows[-1], flush=True)
    for fault in faults:
        print(f"FAULT: {fault}")
    if not options.attacks:
        path = write_result(
            "attacks",
            ABOUT,
            passed=not faults,
            seconds=time.monotonic() - begin,
            figures={
                "seconds for each": f"{options.seconds:g}",
                "faults": "; ".join(faults) or "none",
            },
            command="bench-attacks",
        )
        table = "\n".join([heading(), *rows])
        path.write_text(f"{path.read_text('utf-8')}\n{table}\n", "utf-8")
        print(f"written to {path}")
    return 1 if faults else 0


def _measure(name: str, seconds: float, root: Path) -> tuple[Measured, Measured]:
    """A kiosk of its own under attack, and its control."""
    with tempfile.TemporaryDirectory(prefix="attacks-") as folder:
        kiosk = Kiosk(Path(folder), root)

        def measure(attack: str, timing: Timing) -> Measured:
            command = [sys.executable, __file__, "--one", attack, "--port", str(kiosk.port)]
            command += ["--seconds", str(timing.prepare + timing.measure)]
            return kiosk.measure(attack, command, timing)

        try:
            control = measure(CONTROL, CONTROL_TIMING)
            return measure(name, Timing(seconds)), control
        finally:
            kiosk.kill()


def _attack(name: str, port: int, seconds: float) -> int:
    os.nice(5)
    attack = next(each for each in ATTACKS if each.__name__ == name.rstrip("+"))
    sources = list(SOURCES if name.endswith("+") else SOURCES[:1])
    attack(Attacker(KIOSK, port, sources, time.monotonic() + seconds, TOKEN))
    return 0


if __name__ == "__main__":
    sys.exit(main())
