# SPDX-License-Identifier: Apache-2.0
"""`python -m splat_gles`: import, inspect and render avatars without anything else."""

from __future__ import annotations

import os
import sys

# Before numpy comes in: its threads spin on cores that the renderer needs (measured on two cores:
# a frame took 59 ms of CPU with two threads and 37 with one)
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from splat_gles.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
