# SPDX-License-Identifier: Apache-2.0
"""How an NPU's form of the speech model compares with the CPU's: in time, and in what it says."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from driving_client.lipsync.log_mel import MELS
from driving_client.lipsync.mouth_net import MouthNet, WindowNet, WindowStream
from driving_client.motion import FloatArray


@dataclass(frozen=True, slots=True)
class Comparison:
    """Milliseconds that a second of sound takes on each, and how far their controls differ."""

    npu_ms: float
    cpu_ms: float
    largest_difference: float


def compare(cpu: MouthNet, net: WindowNet) -> Comparison:
    """Put a second of frames through both."""
    # In turn, and the best counts: a device's first calls take longer, on a busy board any
    rows, times = {}, {"npu": np.inf, "cpu": np.inf}
    for name in ("npu", "cpu") * 4:
        rows[name], milliseconds = _second(WindowStream(net) if name == "npu" else cpu)
        times[name] = min(milliseconds, times[name])
    difference = float(np.abs(rows["npu"] - rows["cpu"]).max())
    return Comparison(times["npu"], times["cpu"], difference)


def cpu_ms(cpu: MouthNet) -> float:
    """Milliseconds that the CPU takes for a second of sound, the best of four."""
    return min(_second(cpu)[1] for _ in range(4))


def _second(net: MouthNet | WindowStream) -> tuple[FloatArray, float]:
    """The rows of a second of frames, as they come while somebody speaks, and milliseconds."""
    frames = np.random.default_rng(0).normal(-0.5, 0.6, (100, MELS)).astype(np.float32)
    stream = net.stream() if isinstance(net, MouthNet) else net
    start = time.perf_counter()
    rows = np.concatenate([stream.feed(frames[i : i + 4]) for i in range(0, 100, 4)])
    return rows, (time.perf_counter() - start) * 1000
