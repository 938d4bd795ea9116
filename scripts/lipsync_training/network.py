# SPDX-License-Identifier: Apache-2.0
"""The network in PyTorch: dilated convolutions over log-mel frames, without padding.

Only what an NPU runs well: convolutions, ReLU and additions; no recurrence and no
normalisation layers. `mouth_net` is the same in numpy.
"""

# mypy: disable-error-code="import-not-found,misc"
from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import nn

from driving_client.lipsync.log_mel import MELS
from driving_client.lipsync.mouth_net import DILATIONS, INPUT_KERNEL, Weights
from driving_client.retarget.mouth import CONTROL_NAMES


class Block(nn.Module):
    """A dilated convolution of three taps and a mix of its channels, added to its input."""

    def __init__(self, channels: int, inner: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.dilated = nn.Conv1d(channels, inner, 3, dilation=dilation)
        self.mix = nn.Conv1d(inner, channels, 1)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(batch, channels, n) to (batch, channels, n - 2 · dilation)."""
        change = self.mix(torch.relu(self.dilated(hidden)))
        return torch.relu(change + hidden[:, :, 2 * self.dilation :])


class Network(nn.Module):
    """Log-mel frames (batch, 40, n) at 100 Hz to logits (batch, 6, (n - 62) // 2) at 50 Hz."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.input = nn.Conv1d(MELS, channels, INPUT_KERNEL, stride=2)
        self.blocks = nn.ModuleList(Block(channels, inner, dilation) for dilation in DILATIONS)
        self.output = nn.Conv1d(channels, len(CONTROL_NAMES), 1)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Logits; a sigmoid makes controls of them."""
        hidden = torch.relu(self.input(mel))
        for block in self.blocks:
            hidden = block(hidden)
        return cast(torch.Tensor, self.output(hidden))

    def weights(self) -> Weights:
        """The weights under the names of the model file."""
        return {
            name: value.detach().numpy().astype(np.float32)
            for name, value in self.state_dict().items()
        }
