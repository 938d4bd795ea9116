# SPDX-License-Identifier: Apache-2.0
"""One target under atheris, in a process of its own: `python -m fuzzing.guided TARGET …`.

atheris (libFuzzer for Python) keeps whatever input reaches something new and goes on from there.
It instruments modules as they are imported, and ends the process when it is done, so each target
has one; what it prints at the end is read by `fuzzing.long_run`.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback

import atheris

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

with atheris.instrument_imports(include=["driving_client", "kioskd"]):
    from fuzzing.corpus import FAULT, write_fault
    from fuzzing.target import Target, attempt
    from fuzzing.targets import chosen


def _feed(target: Target, data: bytes) -> None:
    try:
        attempt(target, data)
    except BaseException:
        print(FAULT, write_fault(target, data), traceback.format_exc(), flush=True)
        raise


def main() -> None:
    """Run libFuzzer with the options that follow the target's name; does not return."""
    (target,) = chosen([sys.argv[1]])
    logging.disable()  # what is refused is logged, ten thousand times a second
    atheris.Setup([sys.argv[0], *sys.argv[2:]], lambda data: _feed(target, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
