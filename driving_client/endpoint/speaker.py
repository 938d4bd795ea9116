# SPDX-License-Identifier: Apache-2.0
"""Text or voice to audio and motion, off the event loop.

One worker thread: libespeak-ng takes one call at a time anyway, and a sentence costs it
about 10 ms (measured: 6 s of speech in 5 ms, its motion in 8 ms, on a desktop machine); flite
takes 50 ms for a short one and 100 for that.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import soxr

from driving_client.lipsync.flame_performance import VoicePerformance, frame_count, perform
from driving_client.motion import FloatArray
from driving_client.retarget import Retarget
from driving_client.speakable.readable import readable
from driving_client.utterance import Samples
from driving_client.voices.choice import Voice


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

    def __init__(self, retarget: Retarget) -> None:
        self._retarget = retarget
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="speaker")

    async def speak(self, text: str, voice: Voice) -> Take:
        """Speak what is readable of `text`; raises SpeechError as the voice does."""
        return await asyncio.get_running_loop().run_in_executor(
            self._worker, self._make, text, voice
        )

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

    def _make(self, text: str, voice: Voice) -> Take:
        speech = voice.speak(readable(text, voice.language))
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
