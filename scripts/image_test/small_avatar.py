# SPDX-License-Identifier: Apache-2.0
"""A test bundle that an emulated processor can draw: the default avatar with 2,000 splats.

Each stands for ten and is drawn twice as large, not ten times: in QEMU fragments are what
costs (20 splats of a large area take as long as 200 of a small one). The picture is a coarse
one, and its own: no other avatar looks like it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from bench_sets import with_splats
from splat_gles.bundle import read_bundle, write_bundle

SPLATS: Final = 2000
AREA: Final = 0.2
"""Of the area that the same number of splats would need to cover what all did."""


def small_avatar(source: Path, output: Path) -> None:
    """Write the test bundle made from `source`."""
    avatar = with_splats(read_bundle(source), SPLATS)
    covariances = avatar.covariances * np.float32(AREA)
    # Without clips there is no idle clip: at rest the face is the neutral one
    small = replace(avatar, name="boot test", covariances=covariances, clips={})
    write_bundle(small, output, source="the default avatar, thinned for the boot test")
