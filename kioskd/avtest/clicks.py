# SPDX-License-Identifier: Apache-2.0
"""The sound of the test: one utterance with a click at each full second, to the sample."""

from __future__ import annotations

from typing import Final

import numpy as np

from driving_client.link.local_voice import new_request_id
from driving_client.motion_failure import MotionFailure
from driving_client.utterance import Samples, Utterance
from kioskd.audio.settings import PREFERRED_RATE

SECONDS: Final = 180
"""A test that was forgotten ends then; 17 MB of samples."""
_CLICK_S: Final = 0.004
_PITCH_HZ: Final = 3000.0
_LEVEL: Final = 26000


def click() -> Samples:
    """It is loudest at its first sample, so that its beginning shows in any waveform."""
    at = np.arange(round(_CLICK_S * PREFERRED_RATE)) / PREFERRED_RATE
    fading = np.exp(-at * 3 / _CLICK_S)
    return np.round(_LEVEL * fading * np.cos(2 * np.pi * _PITCH_HZ * at)).astype(np.int16)


def clicks(seconds: int = SECONDS) -> Utterance:
    """Whole from the first moment, without motion; clicks begin at 1, 2 … `seconds` - 1 s.

    It ends halfway to the next, so that no frame flashes for a click that never comes.
    """
    samples = np.zeros(round((seconds - 0.5) * PREFERRED_RATE), np.int16)
    one = click()
    for second in range(1, seconds):
        begin = second * PREFERRED_RATE
        samples[begin : begin + len(one)] = one
    utterance = Utterance(new_request_id(), PREFERRED_RATE)
    utterance.fail_motion(MotionFailure.NO_ENDPOINT)
    utterance.append_audio(samples)
    utterance.end_audio()
    return utterance
