# SPDX-License-Identifier: Apache-2.0
"""What is believed of the net, told by levels alone: gaps, what is steady, and held vowels."""

import math

import numpy as np
import pytest

from driving_client.lipsync.log_mel import SILENCE
from driving_client.lipsync.speech_level import SpeechLevel


def test_lips_may_stay_closed_through_the_gap_of_a_p():
    level = SpeechLevel()
    loud = np.full((4, 40), 1.0, np.float32)
    silent = np.full((4, 40), SILENCE, np.float32)
    assert level.next(silent, 0.0).gate == 0.0
    assert [level.next(loud, 1.0).gate for _ in range(5)] == [1.0] * 5
    gap = [level.next(silent, 0.0).gate for _ in range(12)]
    assert gap[:4] == [1.0] * 4, "160 ms of silence are no end of speech"
    assert gap == sorted(gap, reverse=True)
    assert gap[-1] == 0.0
    assert level.next(loud, 1.0).gate == 1.0, "and speech is taken up at once"


def test_what_the_net_takes_for_a_vowel_is_believed_for_eight_seconds_and_no_longer():
    silent = np.full((4, 40), SILENCE, np.float32)
    steady = np.full((4, 40), 0.5, np.float32)
    for heard, longest in ((1.0, 8.0), (0.0, 0.0)):
        level = SpeechLevel()
        for _ in range(60):
            level.next(silent, 0.0)
        gates = np.array([level.next(steady, heard).gate for _ in range(400)])
        open_for_s = np.flatnonzero(gates < 0.5)[0] / 25
        assert longest < open_for_s < longest + 2.0
        assert gates[-50:].max() == 0.0


def test_a_machine_is_told_by_how_little_it_changes_and_only_where_no_vowel_is_heard():
    silent = np.full((4, 40), SILENCE, np.float32)
    after_half_a_second: dict[tuple[float, float], float] = {}
    for heard, wobble_db in ((0.0, 0.5), (0.0, 3.0), (1.0, 0.5)):
        level = SpeechLevel()
        for _ in range(60):
            level.next(silent, 0.0)
        # The frames are of the power's natural logarithm, divided by four.
        swing = wobble_db * math.log(10.0) / 10.0 / 4.0 / 2.0
        gates = [
            level.next(np.full((4, 40), 0.5 + swing * (-1) ** row, np.float32), heard).gate
            for row in range(15)
        ]
        after_half_a_second[heard, wobble_db] = gates[-1]
    assert after_half_a_second == {
        (0.0, 0.5): pytest.approx(0.0, abs=0.1),
        (0.0, 3.0): 1.0,
        (1.0, 0.5): 1.0,
    }
