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
            [sys.executable, "-c", SCRIPT, name],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        left[name] = int(run.stdout)
    assert left["tuned"] < 2_000_000
    assert left["untuned"] > 10 * left["tuned"]


HOLES = """
import threading
from kioskd.allocator import return_holes

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

kept = []
def burst():
    blocks = [bytes(20_000) + b"x" for _ in range(2_000)]
    kept.extend(blocks[::100])

before = resident()
thread = threading.Thread(target=burst)
thread.start()
thread.join()
held = resident() - before
assert return_holes()
print(held, resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_what_a_burst_of_small_blocks_leaves_behind_is_given_back() -> None:
    """Twenty of two thousand buffers stay, and keep the heap between them from shrinking."""
    run = subprocess.run(
        [sys.executable, "-c", HOLES],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    held, left = map(int, run.stdout.split())
    assert held > 30_000_000
    assert left < 4_000_000
