# SPDX-License-Identifier: Apache-2.0
"""The mouth is open when the first syllable is heard: what is shown against what is asked.

The player with the sound output in the test's own time, sixty sentences, each beginning at another
moment between two frames. A frame is seen 30 ms after its tick: drawing, and a panel's 15 ms.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from cinema import FRAME_S, Audience
from numpy.typing import NDArray

from alive_bench.sentences import SENTENCES
from driving_client.link.interface import UtteranceStarted
from driving_client.lipsync.flame_performance import perform
from driving_client.lipsync.speech_mouth import SpeechMouth
from driving_client.motion import ARKIT_NAMES, FRAME_RATE
from driving_client.motion_failure import MotionFailure
from driving_client.retarget import load_retarget
from driving_client.retarget.mouth import arkit_mouth
from driving_client.utterance import Utterance
from driving_client.voices.espeak import synthesise
from driving_client.voices.speech import Speech
from kioskd.audio.settings import LEAD_IN_S

LOUD = 300
FIRST_S = 0.2
MOUTH = [i for i, name in enumerate(ARKIT_NAMES) if name.startswith(("jaw", "mouth"))]
JAW = MOUTH.index(ARKIT_NAMES.index("jawOpen"))
Array = NDArray[np.float64]
Sends = Callable[[Speech], tuple[Utterance, Array, Callable[[float], None]]]
"""A speech as it comes, the mouths that it asks for (25 a second), and what comes later."""


def whole(speech: Speech) -> Utterance:
    utterance = Utterance("a", speech.sample_rate)
    utterance.append_audio(speech.samples)
    utterance.end_audio()
    return utterance


def at_once(_passed_s: float) -> None:
    """Nothing comes later."""


def with_motion_for_its_text(speech: Speech) -> tuple[Utterance, Array, Callable[[float], None]]:
    utterance = whole(speech)
    frames = perform(speech, load_retarget())
    utterance.append_motion(frames)
    utterance.end_motion()
    return utterance, asked_by(frames), at_once


def as_a_relay_sends_it(speech: Speech) -> tuple[Utterance, Array, Callable[[float], None]]:
    """The voice in pieces of 80 ms, its motion 120 ms after it."""
    utterance = Utterance("a", speech.sample_rate)
    frames = perform(speech, load_retarget())
    piece = round(0.08 * speech.sample_rate)
    heard, moved = 0, 0

    def later(passed_s: float) -> None:
        nonlocal heard, moved
        while heard * 0.04 <= passed_s and heard * piece < len(speech.samples):
            utterance.append_audio(speech.samples[heard * piece : (heard + 1) * piece])
            heard += 1
        while moved * 0.04 + 0.12 <= passed_s and 2 * moved < len(frames):
            utterance.append_motion(frames[2 * moved : 2 * moved + 2])
            moved += 1

    return utterance, asked_by(frames), later


def without_motion(speech: Speech) -> tuple[Utterance, Array, Callable[[float], None]]:
    utterance = whole(speech)
    utterance.fail_motion(MotionFailure.NO_ENDPOINT)
    mouth = SpeechMouth(speech.sample_rate)
    rows = np.concatenate([mouth.feed(speech.samples), mouth.finish()])
    return utterance, np.stack([arkit_mouth(row)[MOUTH] for row in rows]), at_once


def asked_by(frames: NDArray[np.float32]) -> Array:
    retarget = load_retarget().for_stream(frames)
    return np.stack([retarget.arkit(frame)[MOUTH] for frame in frames]).astype(np.float64)


def first_syllable(text: str, sends: Sends, phase: float) -> tuple[Array, Array, float]:
    """What is shown and asked at each 2 ms from the first sound on, and the voice's delay."""
    speech = synthesise(text)
    utterance, asked, later = sends(speech)
    audience = Audience()
    audience.run(0.2)
    audience.pass_until(audience.clock() + phase * FRAME_S)
    began = audience.clock()
    later(0.0)
    audience.player.on_event(UtteranceStarted(utterance))
    audience.pass_until(began + (1 - phase) * FRAME_S)
    for _ in range(50):
        later(audience.clock() - began)
        audience.frame()
    times, samples = audience.card.heard()
    loud = np.abs(samples.astype(np.int32)) > LOUD
    onset = float(times[loud][0])
    quiet = np.flatnonzero(np.abs(speech.samples.astype(np.int32)) > LOUD)[0] / speech.sample_rate
    seen = np.array(audience.times)
    frames = np.searchsorted(seen, np.arange(onset, onset + FIRST_S, 0.002), side="right") - 1
    # A frame is its own moment's until the next one comes
    places = np.maximum(seen[frames] - (onset - quiet), 0.0) * FRAME_RATE
    grid = np.arange(len(asked))
    wanted = np.stack([np.interp(places, grid, column) for column in asked.T], axis=1)
    mouths = np.array([pose.weights[MOUTH] for pose in audience.poses], np.float64)
    return mouths[frames], wanted, onset - quiet - began


@pytest.mark.slow("sixty sentences are synthesised, and each played in the test's time")
@pytest.mark.parametrize("sends", [with_motion_for_its_text, as_a_relay_sends_it, without_motion])
def test_the_mouth_shows_what_is_asked_from_the_first_sound_on(sends: Sends) -> None:
    jaws, mouths, delays = [], [], []
    for number, text in enumerate(SENTENCES[:60]):
        shown, asked, delay = first_syllable(text, sends, number % 10 / 10)
        # More than is asked does not make up for what was missing
        jaws.append(np.minimum(shown[:, JAW], asked[:, JAW]).sum() / asked[:, JAW].sum())
        mouths.append(1 - np.abs(shown - asked).sum() / asked.sum())
        delays.append(delay)
    assert np.median(jaws) >= 0.85
    assert np.median(mouths) >= 0.85
    assert min(jaws) > 0.5, "no first syllable is lost"
    if sends is not as_a_relay_sends_it:
        assert max(delays) <= LEAD_IN_S + 0.012, "and what the sound's thread takes to wake"
