#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures whether the kiosk hears visitors and never itself: `make bench-ears`, `make test-ears`.

  bench_ears.py [--quick | --whole] [ROOM...]

The real kioskd plays into one of PulseAudio's null sinks and records from the other; a process
between them is the room (dry, office, hall: simulated, no real one was measured), in real time
and through ALSA. Prints the table row by row; the exit status is 1 where something misses what
it must reach, 2 where it cannot be measured. --quick takes a minute a room, --whole some 80
minutes and writes tests/results/ears.md.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time

from ears_bench.plan import BENCH, QUICK, WHOLE, measure_room, simulate_room
from ears_bench.real_time import PlacingError
from ears_bench.rows import HEADING, Row, line
from ears_bench.scenes import StarvedError
from ears_bench.words import PYTHON, WordsError
from test_result import write_result
from test_stand.processes import StandError
from test_stand.room_rig import RigError
from test_stand.rooms import ROOMS
from test_stand.sound_daemon import SoundDaemonError

ABOUT = (
    "The real kioskd in simulated rooms, in real time and through ALSA over PulseAudio's null "
    "sinks: image-source rooms, a saturating loudspeaker, 40 to 300 ms of delay, in the office a "
    "clock 80 ppm off. Visitors' levels are against the echo of the kiosk's own voice at the "
    "microphone, which is at its loudest. Real rooms were never measured."
)
_FAULTS = (StandError, RigError, SoundDaemonError, PlacingError, StarvedError, WordsError)


def main() -> int:
    """Measure; returns the exit status."""
    # What is started here must not outlive it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    rooms = {room.name: room for room in ROOMS}
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    much = parser.add_mutually_exclusive_group()
    much.add_argument("--quick", action="store_true", help="a minute a room")
    much.add_argument("--whole", action="store_true", help="all of it, and the page of results")
    parser.add_argument(
        "--simulated",
        action="store_true",
        help="the ears' parts alone, as fast as they go",
    )
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=", ".join(rooms))
    options = parser.parse_args()
    if unknown := set(options.rooms) - set(rooms):
        parser.error(f"no room {', '.join(sorted(unknown))}; there are {', '.join(rooms)}")
    for program in ("pulseaudio", "flite", "espeak-ng"):
        if shutil.which(program) is None:
            parser.error(f"no {program}; run `make setup` first")
    if options.simulated and options.whole:
        parser.error("what is simulated is no result; leave out --whole or --simulated")
    plan = QUICK if options.quick else WHOLE if options.whole else BENCH
    words = PYTHON if PYTHON.exists() and not options.quick else None
    if words is None and not options.quick:
        tell("no pocketsphinx (scripts/make_environment.sh ears-words): words are not counted")
    begin = time.monotonic()
    found: list[Row] = []
    print(HEADING, flush=True)
    for name in options.rooms or rooms:
        tell(f"{name}: begins after {time.monotonic() - begin:.0f} s")
        try:
            measured = (
                simulate_room(rooms[name], plan, tell)
                if options.simulated
                else measure_room(rooms[name], plan, tell, words)
            )
            for row in measured:
                found.append(row)
                print(line(row), flush=True)
        except _FAULTS as error:
            print(f"bench_ears.py: {name} cannot be measured: {error}", file=sys.stderr)
            return 2
    missed = [row for row in found if not row.holds]
    if options.whole and not options.rooms:
        path = write_result(
            "ears",
            ABOUT,
            passed=not missed,
            seconds=time.monotonic() - begin,
            figures={"rows that miss what they must reach": len(missed)},
            command="test-ears",
        )
        table = "\n".join([HEADING, *map(line, found)])
        path.write_text(f"{path.read_text('utf-8')}\n{table}\n", "utf-8")
        tell(f"written to {path}")
    for row in missed:
        print(f"MISSED: {row.wanted.name}, {row.room}")
    return 1 if missed else 0


def tell(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
