# SPDX-License-Identifier: Apache-2.0
"""Text or voice to audio and motion, off the event loop.

One worker thread: libespeak-ng takes one call at a time anyway, and a sentence costs it
about 10 ms (measured: 6 s of speech in 5 ms, its motion in 8 ms, on a desktop machine).
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import soxr

from driving_client.endpoint.settings import EndpointSettings
from driving_client.lipsync.flame_performance import VoicePerformance, frame_count, perform
from driving_client.lipsync.readable_text import readable
from driving_client.motion import FloatArray
from driving_client.retarget import Retarget
from driving_client.utterance import Samples
from driving_client.voices.espeak import synthesise


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """One piece of speech: mono audio and FLAME frames, shape (n, 120)."""

    samples: Samples
    sample_rate: int
    frames: FloatArray

    @property
    def seconds(self) -> float:
        """Length of the audio."""
        return len(self.samples) / self.sample_rate


class Speaker:
    """Makes takes on a thread of its own."""

    def __init__(self, settings: EndpointSettings, retarget: Retarget) -> None:
        self._settings = settings
        self._retarget = retarget
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="espeak")

    async def speak(self, text: str) -> Take:
        """Synthesise what is readable of `text`; raises SpeechError as `synthesise` does."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._make, text)

    async def perform(self, samples: Samples, sample_rate: int) -> Take:
        """The motion of a voice; `sample_rate` one of sample_rates.SAMPLE_RATES."""
        return await asyncio.get_running_loop().run_in_executor(
            self._worker, self._follow, samples, sample_rate
        )

    async def audio(self, take: Take, sample_rate: int) -> tuple[Samples, FloatArray]:
        """The take's audio at another rate, and its frames: floor(25 · seconds) of them."""
        return await asyncio.get_running_loop().run_in_executor(
            self._worker, _resampled, take, sample_rate
        )

    def close(self) -> None:
        """End the thread; what it works on is finished first."""
        self._worker.shutdown(cancel_futures=True)

    def _make(self, text: str) -> Take:
        spoken = readable(text, self._settings.voice)
        speech = synthesise(spoken, self._settings.voice)
        return Take(speech.samples, speech.sample_rate, perform(speech, self._retarget))

    def _follow(self, samples: Samples, sample_rate: int) -> Take:
        performance = VoicePerformance(sample_rate, self._retarget)
        frames = np.concatenate([performance.feed(samples), performance.finish()])
        return Take(samples, sample_rate, frames)


def _resampled(take: Take, sample_rate: int) -> tuple[Samples, FloatArray]:
    if sample_rate == take.sample_rate:
        return take.samples, take.frames
    # Through float with head room: a resampled peak may exceed the original.
    audio = take.samples.astype(np.float32) / 32768.0
    resampled = soxr.resample(audio, take.sample_rate, sample_rate)
    samples = (np.clip(resampled, -1.0, 32767.0 / 32768.0) * 32768.0).astype(np.int16)
    count = min(frame_count(len(samples), sample_rate), len(take.frames))
    # Rounding may drop less than a sample, and with it never a whole frame more than one.
    return samples, take.frames[:count]
