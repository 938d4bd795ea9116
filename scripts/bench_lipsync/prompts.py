# SPDX-License-Identifier: Apache-2.0
"""Recorded prompts as samples; needs nothing of the project, so that any environment can use it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 16000


def decode(file: Path) -> NDArray[np.int16]:
    """Samples at 16 kHz of a headerless G.722 file."""
    command = ["ffmpeg", "-v", "error", "-f", "g722", "-i", str(file), "-f", "s16le", "-"]
    raw = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return np.frombuffer(raw, "<i2")
