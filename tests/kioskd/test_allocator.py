# SPDX-License-Identifier: Apache-2.0
"""What loading an avatar needed for a moment does not stay in memory for months."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

# A long-lived small block behind each large one keeps the heap from shrinking.
SCRIPT = """
import sys
import numpy as np
from kioskd.allocator import return_large_blocks

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

if sys.argv[1] == "tuned":
    assert return_large_blocks()
first = np.ones(30_000_000, np.uint8)
del first
before = resident()
large, small = [], []
for _ in range(40):
    large.append(np.ones(1_000_000, np.uint8))
    small.append(np.ones(3_000, np.uint8))
del large
print(resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_large_blocks_leave_no_holes_behind() -> None:
    left = {}
    for name in ("tuned", "untuned"):
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT, name], capture_output=True, text=True, check=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        left[name] = int(run.stdout)
    assert left["tuned"] < 2_000_000
    assert left["untuned"] > 10 * left["tuned"]
