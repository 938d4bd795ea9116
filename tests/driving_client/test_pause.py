# SPDX-License-Identifier: Apache-2.0
"""Pieces of speech follow each other after the pause that is asked for, whoever spoke them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driving_client.motion import FRAME_RATE
from driving_client.voices.pause import SHORTEST_S, followed_by, silence
from driving_client.voices.speech import Phoneme, Speech


def tone(before_s: float, sound_s: float, after_s: float, rate: int) -> Speech:
    sound = 8000 * np.sin(np.arange(round(sound_s * rate)) / 3 + 0.5)
    parts = np.zeros(round(before_s * rate)), sound, np.zeros(round(after_s * rate))
    samples = np.concatenate(parts).astype(np.int16)
    ends = np.cumsum([before_s, sound_s, after_s])
    named = zip(("_", "A:", "_"), (0.0, *ends[:-1]), ends, strict=True)
    return Speech(samples, rate, tuple(Phoneme(*each) for each in named))


@given(
    st.floats(0, 0.4), st.floats(0.1, 1), st.floats(0, 0.5), st.floats(0, 3),
    st.sampled_from([16000, 22050, 48000]),
)  # fmt: skip
def test_whatever_silence_a_voice_leaves_the_pause_is_the_one_asked_for(
    before_s: float, sound_s: float, after_s: float, pause_s: float, rate: int
) -> None:
    speech = followed_by(tone(before_s, sound_s, after_s, rate), pause_s)
    assert len(speech.samples) % (rate // FRAME_RATE) == 0
    assert speech.phonemes[-1].end == pytest.approx(speech.seconds)
    both = np.concatenate([speech.samples, speech.samples])
    loud = np.flatnonzero(np.abs(both) > 100)
    heard = np.diff(loud).max() / rate
    lead = min(before_s, 0.05)
    asked = max(pause_s - 0.05, SHORTEST_S) + lead
    assert asked - 0.04 <= heard <= asked + 0.05
    (sound,) = [each for each in speech.phonemes if each.name == "A:"]
    assert sound.start == pytest.approx(lead, abs=0.001)
    assert sound.end == pytest.approx(lead + sound_s, abs=0.001)


def test_speech_whose_phonemes_are_not_told_stays_so() -> None:
    """Its lips are heard in the sound; one silent phoneme would keep them shut."""
    untold = Speech(tone(0.1, 0.5, 0.1, 16000).samples, 16000, ())
    assert followed_by(untold, 0.4).phonemes == ()


def test_silence_is_whole_frames_and_a_closed_mouth() -> None:
    quiet = silence(0.5)
    assert quiet.seconds == pytest.approx(0.52)
    assert [each.name for each in quiet.phonemes] == ["_"]
    assert not quiet.samples.any()
