# SPDX-License-Identifier: Apache-2.0
"""The trained weights as files: `mouth.npz` for the CPU, `mouth.onnx` for converters.

Weights are rounded to half precision first, and both files hold the rounded values: they are
one net. In the ONNX file each half has a Cast to single precision, which converters fold:
half the size. The graph is written by hand instead of traced, so that equal weights give
equal bytes, and with two-dimensional convolutions of height 1, which NPU compilers know best.
"""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from driving_client.lipsync.log_mel import MELS
from driving_client.lipsync.mouth_net import DILATIONS, STRIDE, WINDOW_MELS, WINDOW_ROWS, Weights
from driving_client.motion import FloatArray
from driving_client.retarget.mouth import CONTROL_NAMES

_OPSET: Final = 13
_IR_VERSION: Final = 8


def rounded(weights: Weights) -> Weights:
    """Weights that half precision holds exactly."""
    return {name: array.astype(np.float16).astype(np.float32) for name, array in weights.items()}


def save_npz(weights: Weights, path: Path) -> None:
    """Half precision; the same bytes for the same weights."""
    halves = {name: array.astype(np.float16) for name, array in sorted(weights.items())}
    np.savez(path, allow_pickle=False, **halves)


def save_onnx(weights: Weights, path: Path) -> None:
    """Input "mel" (1, 40, 1, 66) to output "controls" (1, 6, 1, 2), float32, opset 13."""
    graph = _Graph(weights)
    hidden = graph.relu(graph.convolution("mel", "input", stride=STRIDE))
    for index, dilation in enumerate(DILATIONS):
        inner = graph.relu(graph.convolution(hidden, f"blocks.{index}.dilated", dilation=dilation))
        change = graph.convolution(inner, f"blocks.{index}.mix")
        hidden = graph.relu(graph.add(change, graph.without_first(hidden, 2 * dilation)))
    logits = graph.convolution(hidden, "output")
    graph.node("Sigmoid", [logits], "controls")
    onnx.save(graph.model(), path)


class _Graph:
    """Nodes and constants of the graph while it grows."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def node(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        """Add a node with one output; returns the output's name."""
        self._nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def convolution(self, source: str, name: str, stride: int = 1, dilation: int = 1) -> str:
        """The layer `name` of the weights, one tap wider than high."""
        weight = self._weight(f"{name}.weight", self._weights[f"{name}.weight"][:, :, None, :])
        bias = self._weight(f"{name}.bias", self._weights[f"{name}.bias"])
        shape = {"strides": [1, stride], "dilations": [1, dilation]}
        return self.node("Conv", [source, weight, bias], f"{name}.rows", **shape)

    def relu(self, source: str) -> str:
        """Negative values to 0."""
        return self.node("Relu", [source], f"{source}.rectified")

    def add(self, first: str, second: str) -> str:
        """The sum."""
        return self.node("Add", [first, second], f"{first}.sum")

    def without_first(self, source: str, count: int) -> str:
        """All but the first `count` places of the last axis."""
        limits = [("start", count), ("end", WINDOW_MELS), ("axis", 3)]
        names = [
            self._constant(f"{source}.{name}", np.array([value], np.int64))
            for name, value in limits
        ]
        return self.node("Slice", [source, *names], f"{source}.rest")

    def model(self) -> onnx.ModelProto:
        """The checked model."""
        mel = helper.make_tensor_value_info("mel", TensorProto.FLOAT, [1, MELS, 1, WINDOW_MELS])
        shape = [1, len(CONTROL_NAMES), 1, WINDOW_ROWS]
        controls = helper.make_tensor_value_info("controls", TensorProto.FLOAT, shape)
        graph = helper.make_graph(self._nodes, "mouth", [mel], [controls], self._constants)
        model = helper.make_model(
            graph,
            producer_name="avatar-kiosk",
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=_IR_VERSION,
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    def _weight(self, name: str, value: FloatArray) -> str:
        """A constant that is stored in half precision and used in single."""
        half = self._constant(f"{name}.half", value.astype(np.float16))
        return self.node("Cast", [half], name, to=TensorProto.FLOAT)

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name
