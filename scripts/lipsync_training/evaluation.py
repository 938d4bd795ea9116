# SPDX-License-Identifier: Apache-2.0
"""The mouth as it runs, `SpeechMouth`, measured on speech with known phones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from driving_client.lipsync.coarticulation import mouth_controls
from driving_client.lipsync.flame_performance import frame_count
from driving_client.lipsync.mouth_net import WindowNet
from driving_client.lipsync.speech_mouth import SpeechMouth
from driving_client.motion import FloatArray
from driving_client.retarget.mouth import CLOSE, CONTROL_NAMES, FV, OPEN
from driving_client.voices.flite import speak_flite
from driving_client.voices.speech import Speech
from lipsync_training.disturbances import DISTURBANCES
from lipsync_training.held_out import SENTENCES, VOICE
from lipsync_training.scores import best_lag, correlation, energy_score, event_f1


@dataclass(frozen=True, slots=True)
class Scores:
    """Correlations by control, F1 of the closures of lips and of lip and teeth, and the lag.

    `energy` is the best that bare loudness reaches with the opening on the same audio.
    """

    correlations: dict[str, float]
    lips_f1: float
    teeth_f1: float
    lag_s: float
    energy: float

    def figures(self) -> dict[str, float]:
        """All of them by name, rounded: for tables and provenance."""
        figures = {**self.correlations, "lips_f1": self.lips_f1, "teeth_f1": self.teeth_f1}
        figures |= {"lag_s": self.lag_s, "energy": self.energy}
        return {name: round(value, 3) for name, value in figures.items()}


def held_out_speech() -> list[Speech]:
    """The held-out voice speaking the held-out sentences; raises SpeechError without flite."""
    return [speak_flite(sentence, VOICE) for sentence in SENTENCES]


def mouth_of(speech: Speech, net: WindowNet | None = None) -> FloatArray:
    """What SpeechMouth makes of a whole piece of speech, shape (frames, 6)."""
    mouth = SpeechMouth(speech.sample_rate, net)
    return np.concatenate([mouth.feed(speech.samples), mouth.finish()])


def labels_of(speech: Speech) -> FloatArray:
    """The labels of a piece of speech, shape (frames, 6)."""
    return mouth_controls(speech.phonemes, frame_count(len(speech.samples), speech.sample_rate))


def measure(speeches: Sequence[Speech], mouth: Callable[[Speech], FloatArray]) -> Scores:
    """Scores of `mouth` (speech to controls, shape (frames, 6)) over all of `speeches`."""
    curves = [mouth(speech) for speech in speeches]
    labels = [labels_of(speech) for speech in speeches]
    rows, wanted = np.concatenate(curves), np.concatenate(labels)
    return Scores(
        {name: correlation(rows[:, i], wanted[:, i]) for i, name in enumerate(CONTROL_NAMES)},
        event_f1(rows[:, CLOSE], wanted[:, CLOSE]),
        event_f1(rows[:, FV], wanted[:, FV]),
        best_lag([curve[:, OPEN] for curve in curves], [speech.phonemes for speech in speeches]),
        energy_score([(speech.samples, speech.sample_rate) for speech in speeches], labels),
    )


def held_out_table(net: WindowNet) -> dict[str, dict[str, float]]:
    """Scores of the held-out speech, clean and disturbed, by disturbance and figure."""
    speeches = held_out_speech()
    return {
        name: measure([disturb(s) for s in speeches], lambda s: mouth_of(s, net)).figures()
        for name, disturb in DISTURBANCES.items()
    }
