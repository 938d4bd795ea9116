# SPDX-License-Identifier: Apache-2.0
"""The trained network of the mouth in numpy: log-mel frames to six controls at 50 Hz.

Dilated convolutions without padding, as `lipsync_training.network` defines them. Two forms of one
net: `stream` keeps the past of every layer in small buffers and computes each row once,
`window` computes two rows from the 66 frames that they rest on, as an NPU does. Row k is
for k * 20 ms; it needs the frames up to 2k + 7 and, before the first frame, silence.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from driving_client.errors import SpeechError
from driving_client.lipsync.log_mel import MELS, SILENCE
from driving_client.motion import FloatArray
from driving_client.retarget.mouth import CONTROL_NAMES

NET_RATE: Final = 50.0
"""Rows a second."""

AHEAD_MELS: Final = 7
"""Frames of 10 ms beyond a row's instant."""

DILATIONS: Final = (1, 2, 4, 8)
INPUT_KERNEL: Final = 4
STRIDE: Final = 2
_TAPS: Final = 3

RECEPTIVE_MELS: Final = STRIDE * (_TAPS - 1) * sum(DILATIONS) + INPUT_KERNEL
"""Frames that one row rests on: 64."""

WINDOW_ROWS: Final = 2
WINDOW_MELS: Final = RECEPTIVE_MELS + STRIDE * (WINDOW_ROWS - 1)

_EARLY_ROWS: Final = AHEAD_MELS // STRIDE
"""Rows before the first that already rest on sound."""

_LEAD_MELS: Final = INPUT_KERNEL - 1 - AHEAD_MELS % STRIDE
"""Frames of silence that belong to the first of them."""

MODEL_FOLDER: Final = Path(__file__).parent / "model"
_MODEL: Final = MODEL_FOLDER / "mouth.npz"

Weights = dict[str, FloatArray]
"""Arrays by name: input, blocks.0 to blocks.3 (dilated, mix), output; .weight and .bias."""


class WindowNet(Protocol):
    """A net that computes windows: this one, or one on an NPU."""

    def window(self, mel: FloatArray) -> FloatArray:
        """Frames, shape (66, 40), to rows, shape (2, 6), 0 to 1."""


class ControlStream(Protocol):
    """Frames in, rows out, with the past kept inside."""

    def feed(self, mel: FloatArray) -> FloatArray:
        """Frames, shape (n, 40), to the rows, shape (k, 6), that they completed."""


def load_net(path: Path | None = None) -> MouthNet:
    """The net of a model file, by default the project's own; raises SpeechError if damaged."""
    source = path or _MODEL
    try:
        return MouthNet(load_weights(source))
    except (ValueError, KeyError) as error:
        raise _damaged(source, error) from error


def load_weights(path: Path) -> Weights:
    """The arrays of a model file, in single precision; raises SpeechError if it is none."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name].astype(np.float32) for name in file.files}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> SpeechError:
    return SpeechError(
        f"{path} is not a model of the mouth ({error}); restore it, or train it anew "
        "with `make train-lipsync`"
    )


class MouthNet:
    """Immutable; any number of streams and threads may share it."""

    def __init__(self, weights: Weights) -> None:
        """Raises KeyError for a missing array and ValueError for one of another shape."""
        self.input = _Convolution(weights, "input", MELS, INPUT_KERNEL)
        channels = self.input.outputs
        self.blocks: list[tuple[_Convolution, _Convolution]] = []
        for index in range(len(DILATIONS)):
            dilated = _Convolution(weights, f"blocks.{index}.dilated", channels, _TAPS)
            mix = _Convolution(weights, f"blocks.{index}.mix", dilated.outputs, 1)
            if mix.outputs != channels:
                raise ValueError(f"blocks.{index}.mix has {mix.outputs} outputs, not {channels}")
            self.blocks.append((dilated, mix))
        self.output = _Convolution(weights, "output", channels, 1)
        if self.output.outputs != len(CONTROL_NAMES):
            raise ValueError(f"the net has {self.output.outputs} outputs, not {len(CONTROL_NAMES)}")

    def window(self, mel: FloatArray) -> FloatArray:
        """Rows, shape (2, 6), from frames, shape (66, 40)."""
        return self.rows(mel)

    def rows(self, mel: FloatArray) -> FloatArray:
        """All rows, shape ((n - 62) // 2, 6), that rest on n frames and nothing before them."""
        hidden = self.input.rectified(_strided(mel, INPUT_KERNEL))
        for block, dilation in zip(self.blocks, DILATIONS, strict=True):
            hidden = _block(block, hidden, dilation)
        return self.controls(hidden)

    def controls(self, hidden: FloatArray) -> FloatArray:
        """Controls, shape (n, 6), from the last hidden layer."""
        logits = self.output(hidden)
        # exp(80) is finite in float32
        controls: FloatArray = np.reciprocal(1.0 + np.exp(np.clip(-logits, -80.0, 80.0)))
        return controls

    def stream(self) -> ControlStream:
        """A stream with silence before its first frame."""
        return _NetStream(self)


class WindowStream:
    """A stream over a net that knows windows only: one call for each 40 ms."""

    def __init__(self, net: WindowNet) -> None:
        self._net = net
        # The first window ends with the frame AHEAD_MELS: it holds the rows -1 and 0.
        before = WINDOW_MELS - AHEAD_MELS - 1
        self._pending: FloatArray = np.full((before, MELS), SILENCE, np.float32)
        self._first = True

    def feed(self, mel: FloatArray) -> FloatArray:
        """Rows, shape (k, 6), that these frames, shape (n, 40), completed."""
        self._pending = np.concatenate([self._pending, mel])
        rows = []
        while len(self._pending) >= WINDOW_MELS:
            pair = self._net.window(self._pending[:WINDOW_MELS])
            rows.append(pair[1:] if self._first else pair)
            self._first = False
            self._pending = self._pending[STRIDE * WINDOW_ROWS :]
        return np.concatenate(rows) if rows else np.zeros((0, len(CONTROL_NAMES)), np.float32)


class _NetStream:
    """The past of each layer: what its next rows need."""

    def __init__(self, net: MouthNet) -> None:
        self._net = net
        # The stream begins with the first row of the input layer that a frame reaches.
        self._pending: FloatArray = np.full((_LEAD_MELS, MELS), SILENCE, np.float32)
        self._surplus = _EARLY_ROWS
        silence = np.full((RECEPTIVE_MELS + STRIDE * 2 * max(DILATIONS), MELS), SILENCE, np.float32)
        hidden = net.input.rectified(_strided(silence, INPUT_KERNEL))
        self._past = []
        for block, dilation in zip(net.blocks, DILATIONS, strict=True):
            self._past.append(hidden[-2 * dilation :])
            hidden = _block(block, hidden, dilation)

    def feed(self, mel: FloatArray) -> FloatArray:
        """Rows, shape (k, 6), that these frames, shape (n, 40), completed."""
        self._pending = np.concatenate([self._pending, mel])
        count = max((len(self._pending) - INPUT_KERNEL) // STRIDE + 1, 0)
        if count == 0:
            return np.zeros((0, len(CONTROL_NAMES)), np.float32)
        used = self._pending[: STRIDE * (count - 1) + INPUT_KERNEL]
        hidden = self._net.input.rectified(_strided(used, INPUT_KERNEL))
        self._pending = self._pending[STRIDE * count :]
        for index, (block, dilation) in enumerate(zip(self._net.blocks, DILATIONS, strict=True)):
            known = np.concatenate([self._past[index], hidden])
            self._past[index] = known[-2 * dilation :]
            hidden = _block(block, known, dilation)
        wanted = hidden[self._surplus :]
        self._surplus = max(self._surplus - count, 0)
        return self._net.controls(wanted)


class _Convolution:
    """Taps side by side in one matrix: (n, taps · inputs) @ (taps · inputs, outputs) + bias."""

    def __init__(self, weights: Weights, name: str, inputs: int, taps: int) -> None:
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        self.outputs = len(bias)
        if weight.shape != (self.outputs, inputs, taps) or not np.isfinite(weight).all():
            raise ValueError(
                f"{name}.weight has shape {weight.shape}, not ({self.outputs}, {inputs}, {taps}), "
                "or holds values that are not numbers"
            )
        self._matrix = np.ascontiguousarray(
            weight.transpose(2, 1, 0).reshape(taps * inputs, self.outputs)
        )
        self._bias = bias

    def __call__(self, rows: FloatArray) -> FloatArray:
        result: FloatArray = rows @ self._matrix + self._bias
        return result

    def rectified(self, rows: FloatArray) -> FloatArray:
        """The same, and negative values to 0."""
        result = self(rows)
        return np.maximum(result, 0.0, out=result)


def _block(
    block: tuple[_Convolution, _Convolution], hidden: FloatArray, dilation: int
) -> FloatArray:
    """Rows, shape (n - 2 · dilation, channels), from rows (n, channels)."""
    dilated, mix = block
    taps = (hidden[: -2 * dilation], hidden[dilation:-dilation], hidden[2 * dilation :])
    change = mix(dilated.rectified(np.concatenate(taps, axis=1)))
    result: FloatArray = np.maximum(change + taps[2], 0.0)
    return result


def _strided(mel: FloatArray, kernel: int) -> FloatArray:
    """Every second frame and those after it, side by side: (rows, 40 · kernel)."""
    count = (len(mel) - kernel) // STRIDE + 1
    places = STRIDE * np.arange(count)[:, None] + np.arange(kernel)
    frames: FloatArray = mel[places].reshape(count, -1)
    return frames
