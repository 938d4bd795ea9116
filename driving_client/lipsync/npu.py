# SPDX-License-Identifier: Apache-2.0
"""The speech model on the NPU of an RK3576, where that is there, right and faster than the CPU.

Wants three things of the vendor, no part of the project: the kernel's driver rknpu, librknnrt.so
of the board's system, and the wheel rknn-toolkit-lite2, which reports trouble as -1 or None and a
line in its own log. Against another driver it may hang or crash, so a process of its own tries
first. The NPU is used if a second of frames agrees with numpy and takes less time there.
"""

import importlib
import json
import logging
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from driving_client.errors import SpeechError
from driving_client.lipsync import mouth_net
from driving_client.lipsync.net_comparison import compare
from driving_client.motion import FloatArray

logger = logging.getLogger(__name__)

RKNN_MODEL: Final = mouth_net.MODEL_FOLDER / "mouth_rk3576.rknn"
LARGEST_ERROR: Final = 0.02  # half precision: under 0.005 in the converter's simulator


@dataclass(frozen=True, slots=True)
class ChosenNet:
    """The net to use for windows, where it runs, and why there."""

    net: mouth_net.WindowNet
    backend: Literal["cpu", "npu"]
    reason: str


class NpuError(SpeechError):
    """The NPU cannot be used; the text says why."""


class NpuNet:
    """The net on the NPU. Should it ever fail, `failure` says so and the CPU goes on."""

    def __init__(self, cpu: mouth_net.MouthNet) -> None:
        """Raises NpuError where the library, the device or the model do not load."""
        self.failure = ""
        self._cpu, self._lock = cpu, threading.Lock()
        try:
            self._rknn: Any = importlib.import_module("rknnlite.api").RKNNLite()
            loaded = self._rknn.load_rknn(str(RKNN_MODEL))
            started = self._rknn.init_runtime() if loaded == 0 else None
        except Exception as error:  # what a foreign library raises is not ours to list
            logger.info("rknnlite: %s", error, exc_info=True, extra={"code": "npu_not_loaded"})
            raise NpuError(f"rknnlite raised {type(error).__name__}: {error}") from error
        if started != 0:
            raise NpuError(f"load_rknn gave {loaded}, init_runtime {started}; see rknnlite's log")

    def window(self, mel: FloatArray) -> FloatArray:
        """Rows, shape (2, 6), from frames, shape (66, 40)."""
        given = np.ascontiguousarray(mel.T[None, :, None, :], np.float32)
        try:
            if not self.failure:
                with self._lock:
                    outputs = self._rknn.inference([given], "float32", ["nchw"])
                rows: FloatArray = np.asarray(outputs[0], np.float32).reshape(6, 2).T
                if not np.isfinite(rows).all() or np.abs(rows - 0.5).max() > 0.6:
                    raise ValueError("values that are not controls")
                return np.clip(rows, 0.0, 1.0)
        except Exception as error:  # None or another shape as well as what it raises
            self.failure = f"inference gave {error!r:.100}"
            logger.exception("NPU: the CPU goes on", extra={"code": "npu_failed"})
        return self._cpu.window(mel)


def choose_net(root: Path = Path("/"), timeout_s: float = 30.0) -> ChosenNet:
    """The NPU's net or the CPU's. Takes seconds where there is an NPU: not for a render thread."""
    cpu = mouth_net.load_net()
    reason = hindrance(root) or _tried_apart(timeout_s)
    try:
        if not reason:
            net = NpuNet(cpu)
            return ChosenNet(net, "npu", trial(cpu, net))
    except NpuError as error:
        reason = str(error)
    return ChosenNet(cpu, "cpu", reason)


def hindrance(root: Path = Path("/")) -> str:
    """Why there can be no NPU here as files tell, or nothing."""
    drivers = [path.resolve().name.lower() for path in root.glob("sys/class/drm/*/device/driver")]
    library = Path(os.environ.get("LIBRKNNRT_PATH", root / "usr/lib/librknnrt.so"))
    if "rknpu" not in drivers and not (root / "dev/rknpu").exists():
        rocket = (root / "sys/bus/platform/drivers/rocket").exists()
        return "no NPU with the driver rknpu" + (", only with mainline's rocket" if rocket else "")
    if not library.is_file() or not library.stat().st_size:  # empty: where one is mounted
        return f"the vendor's library {library} is missing"
    if find_spec("rknnlite") is None:
        return "the Python package rknn-toolkit-lite2 is not installed"
    return "" if RKNN_MODEL.is_file() else f"the model {RKNN_MODEL.name} is not installed"


def trial(cpu: mouth_net.MouthNet, net: NpuNet) -> str:
    """How the two compare. Raises NpuError: do not use it."""
    found = compare(cpu, net)
    if net.failure:
        raise NpuError(net.failure)
    told = f"{found.npu_ms:.1f} ms for a second of sound, the CPU {found.cpu_ms:.1f} ms"
    if found.largest_difference > LARGEST_ERROR:
        raise NpuError(
            f"its controls differ from the CPU's by up to {found.largest_difference:.3f}"
        )
    if found.npu_ms >= found.cpu_ms:
        raise NpuError(f"the NPU is slower: {told}")
    return f"agrees with the CPU within {found.largest_difference:.4f} and takes {told}"


def _tried_apart(timeout_s: float) -> str:
    """What a trial in a process of its own says against the NPU, or nothing."""
    command = [sys.executable, "-m", "driving_client.lipsync.npu"]
    own_path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        done = subprocess.run(
            command, env=own_path, capture_output=True, timeout=timeout_s, check=True
        )
        return str(json.loads(done.stdout.splitlines()[-1])["against"])
    except subprocess.SubprocessError as error:
        return f"the trial in a process of its own failed: {error}"
    except (OSError, ValueError, LookupError, TypeError) as error:
        return f"the trial could not be made or read ({error!r:.100})"


if __name__ == "__main__":
    own, against = mouth_net.load_net(), ""
    try:
        trial(own, NpuNet(own))
    except NpuError as error:
        against = str(error)
    sys.stdout.write("\n" + json.dumps({"against": against}) + "\n")
