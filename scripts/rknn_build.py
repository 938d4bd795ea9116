#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Build an .rknn of the mouth's ONNX and run it in the vendor's simulator.

Runs in an environment of its own (scripts/make_environment.sh npu): the vendor's converter
wants numpy 1, old protobuf and onnx. So it knows nothing of the project's packages. Half
precision: eight bits would save a quarter of the file and cost up to 0.05 of a control.

  rknn_build.py MOUTH.onnx WINDOWS.npz -o MOUTH.rknn --target rk3576

WINDOWS.npz holds `mel` (n, 66, 40) and what numpy makes of them, `rows` (n, 2, 6). The last line
of the output is JSON with the largest differences. The simulator runs only what was just
built: what an .rknn file holds can be tried on a board alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from rknn.api import RKNN


def main() -> int:
    """Build, run, compare; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("onnx", type=Path)
    parser.add_argument("windows", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--target", default="rk3576", help="(%(default)s)")
    options = parser.parse_args()
    windows = np.load(options.windows)
    inputs = np.ascontiguousarray(windows["mel"].transpose(0, 2, 1)[:, :, None, :], np.float32)
    session = onnxruntime.InferenceSession(str(options.onnx), providers=["CPUExecutionProvider"])
    by_onnx = np.concatenate([session.run(None, {"mel": each[None]})[0] for each in inputs])
    by_npu = simulated(options.onnx, options.output, options.target, inputs)
    by_numpy = windows["rows"].transpose(0, 2, 1)[:, :, None, :]
    found = {
        "windows": len(inputs),
        "simulator_to_onnx": float(np.abs(by_npu - by_onnx).max()),
        "simulator_to_numpy": float(np.abs(by_npu - by_numpy).max()),
        "onnx_to_numpy": float(np.abs(by_onnx - by_numpy).max()),
    }
    print(json.dumps(found))
    return 0


def simulated(onnx: Path, output: Path, target: str, inputs: Any) -> Any:
    """Outputs, shape (n, 6, 1, 2), of the simulator; writes the .rknn."""
    rknn = RKNN(verbose=False)
    try:
        rknn.config(target_platform=target)
        succeed("load_onnx", rknn.load_onnx(model=str(onnx)))
        succeed("build", rknn.build(do_quantization=False))
        succeed("export_rknn", rknn.export_rknn(str(output)))
        succeed("init_runtime", rknn.init_runtime())
        outputs = []
        for each in inputs:
            given = rknn.inference(inputs=[each[None]], data_format=["nchw"])
            if given is None:
                sys.exit("error: the simulator gave no output; its own lines above say why")
            outputs.append(given[0])
    finally:
        rknn.release()
    return np.concatenate(outputs)


def succeed(step: str, status: int) -> None:
    """End the program where a step of the vendor's library failed."""
    if status != 0:
        sys.exit(f"error: {step} gave {status}; the converter's own lines above say why")


if __name__ == "__main__":
    sys.exit(main())
