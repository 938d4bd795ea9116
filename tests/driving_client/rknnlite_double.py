# SPDX-License-Identifier: Apache-2.0
"""Writes a package `rknnlite` that behaves as rknn-toolkit-lite2 2.5.0 does, also when it fails.

As its api/rknn_lite.py: load_rknn checks the path and gives 0 or -1; init_runtime gives 0 or
-1; inference gives a list or None; whatever goes wrong inside is written to standard error and
not raised. RKNNLITE_DOUBLE says what is to go wrong. The "device" computes with the project's own
net and remembers what it computed, so that a second look at the same frames is quicker than
any CPU.
"""

from pathlib import Path

_API = """
import os, signal, sys, time
import numpy as np

MODE = os.environ.get("RKNNLITE_DOUBLE", "good")

if MODE == "wheel-broken":
    raise ImportError("rknn_runtime.cpython-311-aarch64-linux-gnu.so: cannot open shared object")
if MODE == "crash":
    os.kill(os.getpid(), signal.SIGSEGV)
if MODE == "hang":
    time.sleep(600)


def log(line):
    print("E RKNN: " + line, file=sys.stderr)
    print("W rknn-toolkit-lite2 version: 2.5.0")


class RKNNLite:
    NPU_CORE_AUTO = 0
    known = {}

    def __init__(self, verbose=False, verbose_file=None):
        if MODE == "constructor-raises":
            raise OSError("libgomp.so.1: cannot open shared object file")
        self.rknn_data = None
        self.runtime = False
        self.calls = 0

    def load_rknn(self, path, key_path=None):
        if MODE == "no-model" or not os.path.exists(path):
            log("Invalid RKNN model path: " + path)
            return -1
        with open(path, "rb") as file:
            self.rknn_data = file.read()
        return 0

    def init_runtime(self, target=None, device_id=None, async_mode=False, core_mask=0):
        if self.rknn_data is None:
            log("Model is not loaded yet, this interface should be called after load_rknn!")
            return -1
        if MODE == "no-library":
            log("Can not find dynamic library on RK3576! librknnrt.so")
            return -1
        if MODE == "old-driver":
            log("RKNN_ERR_MODEL_INVALID: the model needs a newer runtime")
            return -1
        if MODE == "init-raises":
            raise AttributeError("'NoneType' object has no attribute 'format'")
        self.runtime = True
        return 0

    def inference(self, inputs, data_type=None, data_format=None, inputs_pass_through=None):
        if not self.runtime:
            log("Runtime environment is not inited, please call init_runtime to init it first!")
            return None
        assert data_type == "float32" and data_format == ["nchw"], (data_type, data_format)
        assert inputs[0].shape == (1, 40, 1, 66) and inputs[0].dtype == np.float32
        self.calls += 1
        if MODE == "inference-none" or (MODE == "dies-later" and self.calls > 150):
            log("Catch exception when running RKNN model.")
            return None
        if MODE == "inference-raises":
            raise RuntimeError("unexpected")
        if MODE == "slow":
            time.sleep(0.02)
        key = inputs[0].tobytes()
        if key not in self.known:
            from driving_client.lipsync.mouth_net import load_net
            self.known[key] = load_net().window(inputs[0][0, :, 0].T).T[None, :, None, :]
        answer = self.known[key].astype(np.float32)
        if MODE == "empty":
            return []
        if MODE == "shape":
            return [answer[:, :, :, :1]]
        if MODE == "nan":
            return [answer * np.float32("nan")]
        if MODE == "unsigned":
            return [(answer * 255).astype(np.uint8)]
        if MODE == "swapped":
            return [answer[:, ::-1]]
        return [answer + np.float32(0.001)]
"""


def write_double(folder: Path) -> Path:
    """Write the package into `folder`, which belongs into PYTHONPATH."""
    package = folder / "rknnlite"
    (package / "api").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "api" / "__init__.py").write_text("from .rknn_lite import RKNNLite\n")
    (package / "api" / "rknn_lite.py").write_text(_API)
    return folder


def write_board(root: Path) -> Path:
    """The files of a board of the vendor's system that has an NPU."""
    drivers = root / "sys/bus/platform/drivers/RKNPU"
    device = root / "sys/class/drm/renderD129/device"
    for folder in (drivers, device, root / "usr/lib"):
        folder.mkdir(parents=True)
    (device / "driver").symlink_to(drivers)
    (root / "usr/lib/librknnrt.so").write_bytes(b"\x7fELF")
    return root
