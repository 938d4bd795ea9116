# SPDX-License-Identifier: Apache-2.0
"""One part in a process of its own: `python -m kioskd.benchmark PART`, its plan on standard input.

Tells its progress and its figures as lines of JSON on standard output, which nothing else can
reach: what drivers print goes to standard error. Ends when whoever started it is gone, also
killed, so that no benchmark holds the screen alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

from driving_client.errors import DrivingError
from kioskd.benchmark import part_board, part_graphics
from kioskd.benchmark.parts import SOAK
from kioskd.benchmark.plan import Plan, from_json
from kioskd.errors import KioskError
from splat_gles.errors import SplatError

_MEASURE: Final[dict[str, Callable[[Plan, Callable[[str], None]], dict[str, Any]]]] = {
    "graphics": part_graphics.measure_graphics,
    "avatars": part_graphics.measure_avatars,
    "speech": part_board.measure_speech,
    "sound": part_board.measure_sound,
    "flash": part_board.measure_flash,
    SOAK: part_graphics.measure_soak,
}


def main() -> int:
    """Measure; what is wrong is an answer too."""
    # Ctrl-C reaches all of a terminal's processes; whoever started this decides
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    plan = from_json(sys.stdin.readline())
    threading.Thread(target=_end_with_the_starter, daemon=True).start()

    def say(**told: Any) -> None:
        answers.write(json.dumps(told) + "\n")
        answers.flush()

    try:
        figures = _MEASURE[sys.argv[1]](plan, lambda step: say(step=step))
        say(status="measured", problem="", figures=figures)
    except part_board.AbsentError as error:
        say(status="absent", problem=str(error), figures={})
    except part_graphics.PartError as error:
        say(status="failed", problem=str(error), figures=error.figures)
    except (KioskError, SplatError, DrivingError) as error:
        say(status="failed", problem=str(error), figures={})
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        say(status="failed", problem=f"{where}{error.strerror or error}", figures={})
    return 0


def _end_with_the_starter() -> None:
    with contextlib.suppress(OSError):
        sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
