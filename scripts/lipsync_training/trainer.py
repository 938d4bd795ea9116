# SPDX-License-Identifier: Apache-2.0
"""Training: batches of two seconds, AdamW, and the running mean of the weights as the result."""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from driving_client.lipsync.log_mel import MELS, SILENCE
from driving_client.lipsync.mouth_net import AHEAD_MELS, RECEPTIVE_MELS, Weights
from driving_client.motion import FloatArray
from driving_client.retarget.mouth import CONTROL_NAMES, PUCKER
from lipsync_training.augmentation import Augmentation
from lipsync_training.corpus import Example
from lipsync_training.network import Network
from lipsync_training.noises import noise_bank

_OUTPUTS: Final = 100
"""Rows of labels in an item of a batch: two seconds."""

_OUTSIDE: Final = 20
"""Rows by which an item may begin before its sentence or end after it: silence."""

_INPUTS: Final = RECEPTIVE_MELS + 2 * (_OUTPUTS - 1)
_WARM_UP_STEPS: Final = 100
_CONTROL_WEIGHTS: Final = (1.0, 1.0, 1.0, 1.6, 1.3, 1.0)
_ASKED_WEIGHTS: Final = (0.0, 0.0, 2.0, 0.0, 0.0, 0.0)
"""What a control weighs more where its label is 1: an error's mean makes rare gestures timid."""

_FULL: Final = 0.6
"""From this label on a sound asks for rounding, as the vowels of "who" and "go" and a w do."""

_FULL_ITEMS: Final = 1500
_STEEPEST: Final = 3.0
_PIVOT: Final = -1.4
"""The logit of 0.2: what is rounder becomes more so, what is less becomes less."""

_PROGRESS_STEPS: Final = 50


@dataclass(frozen=True, slots=True)
class Settings:
    """What a training run is repeated from."""

    seed: int
    steps: int = 6000
    batch: int = 48
    channels: int = 80
    inner: int = 80
    learning_rate: float = 2.5e-3
    mean_decay: float = 0.998
    base: str = ""
    """SHA-256 of the model that the training went on from; "": it began anew."""

    threads: int = 1
    """Two took ten times as long for a step on a machine with other work, and round otherwise."""


def refining(seed: int, base: str) -> Settings:
    """For a net that knows speech already, a model file's of this hash: few and small steps."""
    return Settings(seed, steps=700, learning_rate=1e-3, mean_decay=0.99, base=base)


def train(
    examples: list[Example],
    settings: Settings,
    report: Callable[[str], None],
    base: Weights | None = None,
) -> Network:
    """The trained network, begun with the weights `base` where given; `report` gets progress."""
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    rng = np.random.default_rng(settings.seed)
    augmentation = Augmentation(rng, noise_bank(rng, seconds=12.0, each=16))
    network = Network(settings.channels, settings.inner)
    if base is not None:
        network.load_state_dict({name: torch.from_numpy(array) for name, array in base.items()})
    mean = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=1e-3)
    shares = np.array([(len(each.labels) + _OUTSIDE) * each.weight for each in examples])
    began, losses = time.monotonic(), []
    for step in range(settings.steps):
        for group in optimiser.param_groups:
            group["lr"] = _learning_rate(step, settings)
        chosen = rng.choice(len(examples), settings.batch, p=shares / shares.sum())
        items = [_cut(examples[int(index)], rng) for index in chosen]
        mel, labels = augmentation(np.stack([i[0] for i in items]), np.stack([i[1] for i in items]))
        loss = _loss(
            network(torch.from_numpy(np.ascontiguousarray(mel.transpose(0, 2, 1)))),
            torch.from_numpy(np.ascontiguousarray(labels.transpose(0, 2, 1))),
        )
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        _follow(mean, network, min(settings.mean_decay, step / (step + 10.0)))
        losses.append(float(loss))
        if (step + 1) % _PROGRESS_STEPS == 0:
            seconds = time.monotonic() - began
            left = seconds / (step + 1) * (settings.steps - step - 1)
            recent = sum(losses[-_PROGRESS_STEPS:]) / _PROGRESS_STEPS
            report(
                f"training: step {step + 1} of {settings.steps}, loss {recent:.4f}, "
                f"{left:.0f} s left"
            )
    _round_fully(mean, examples, np.random.default_rng(settings.seed))
    return mean


def _round_fully(network: Network, examples: list[Example], rng: np.random.Generator) -> None:
    """Make rounding as strong as its labels, on the mean of all sounds that ask for it.

    The net is unsure of rounding, which is heard worse than it is seen, and its mean comes out
    at half of what is asked. Steeper logits, by weights of the last layer, are its own order of
    sounds with the range of the labels.
    """
    items = [
        _cut(examples[int(index)], rng) for index in rng.integers(len(examples), size=_FULL_ITEMS)
    ]
    full = np.stack([labels[:, PUCKER] for _, labels in items]) >= _FULL
    asked = float(np.stack([labels[:, PUCKER] for _, labels in items])[full].mean())
    with torch.no_grad():
        mel = np.stack([frames.T for frames, _ in items])
        logits = network(torch.from_numpy(mel))[:, PUCKER].numpy()[full].astype(np.float64)
        steepness = 1.0
        while steepness < _STEEPEST and _mean_control(logits, steepness) < asked:
            steepness += 0.05
        network.output.weight[PUCKER] *= steepness
        network.output.bias[PUCKER] = _PIVOT + steepness * (network.output.bias[PUCKER] - _PIVOT)


def _mean_control(logits: NDArray[np.float64], steepness: float) -> float:
    return float((1.0 / (1.0 + np.exp(-_PIVOT - steepness * (logits - _PIVOT)))).mean())


def _learning_rate(step: int, settings: Settings) -> float:
    """A short rise, then half a cosine down to nearly nothing."""
    fall = 0.5 * (1.0 + np.cos(np.pi * step / settings.steps)) + 0.005
    return float(settings.learning_rate * min(1.0, (step + 1) / _WARM_UP_STEPS) * fall)


def _cut(example: Example, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Two seconds from anywhere in a sentence: mel (262, 40) and labels (100, 6)."""
    mel = np.full((_INPUTS, MELS), SILENCE, np.float32)
    labels = np.zeros((_OUTPUTS, len(CONTROL_NAMES)), np.float32)
    latest = max(len(example.labels) - _OUTPUTS + _OUTSIDE, 1 - _OUTSIDE)
    first = int(rng.integers(-_OUTSIDE, latest))
    _paste(labels, example.labels, first)
    # Row k is computed from the frames up to 2k + AHEAD_MELS.
    _paste(mel, example.mel, 2 * first + AHEAD_MELS + 1 - RECEPTIVE_MELS)
    return mel, labels


def _paste(target: FloatArray, source: np.ndarray, first: int) -> None:
    """Fill `target` with the rows of `source` from `first` on, where it has such rows."""
    start, end = max(first, 0), min(first + len(target), len(source))
    if end > start:
        target[start - first : end - first] = source[start:end]


def _loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross entropy, squared error, and squared error of the change from row to row."""
    weights = torch.tensor(_CONTROL_WEIGHTS).view(1, -1, 1)
    weights = weights * (1.0 + torch.tensor(_ASKED_WEIGHTS).view(1, -1, 1) * labels)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    controls = torch.sigmoid(logits)
    error = (controls - labels) ** 2
    change = controls.diff(dim=2) - labels.diff(dim=2)
    return (weights * entropy).mean() + 2.0 * (weights * error).mean() + 4.0 * (change**2).mean()


def _follow(mean: Network, network: Network, decay: float) -> None:
    """Move the mean of the weights towards the weights."""
    with torch.no_grad():
        for slow, fast in zip(mean.parameters(), network.parameters(), strict=True):
            slow.lerp_(fast, 1.0 - decay)
