#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make bench-lipsync`; the work is in the package bench_lipsync beside this file."""

import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from bench_lipsync.command import main

if __name__ == "__main__":
    sys.exit(main())
