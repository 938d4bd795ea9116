# SPDX-License-Identifier: Apache-2.0
"""Text or voice to audio and motion, off the event loop.

One worker thread: libespeak-ng takes one call at a time anyway, and a sentence costs it
about 10 ms (measured: 6 s of speech in 5 ms, its motion in 8 ms, on a desktop machine); flite
takes 50 ms for a short one and 100 for that. A text is spoken phrase by phrase, each when it is
asked for. What was spoken last is kept for a while, since all kiosks that say the same ask for the
same at about the same time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import soxr

from driving_client.endpoint.saying import Saying
from driving_client.errors import SpeechError
from driving_client.lipsync.flame_performance import VoicePerformance, frame_count, perform
from driving_client.motion import FloatArray
from driving_client.retarget import Retarget
from driving_client.speakable.letters import refuse_foreign_letters
from driving_client.speakable.phrases import Phrase
from driving_client.utterance import Samples
from driving_client.voices.choice import Voice
from driving_client.voices.espeak import languages
from driving_client.voices.pause import followed_by, silence
from driving_client.voices.speech import SynthesiserMissingError

logger = logging.getLogger(__name__)

_KEPT_S: Final = 60.0
"""Of speech, with its motion: 3 MB."""


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
        self._kept: dict[tuple[Voice, Phrase], Take] = {}  # the worker's, in order of age

    async def speak(self, phrase: Phrase, voice: Voice) -> Take:
        """Speak a phrase and its pause; raises SpeechError as the voice does."""
        return await asyncio.get_running_loop().run_in_executor(
            self._worker, self._make, phrase, voice
        )

    async def begin(self, saying: Saying, voice: Voice) -> None:
        """Speak the first phrase, so that its fault is known and it is ready for whoever sends it.

        Raises SpeechError, also where there is nothing to say.
        """
        async with contextlib.aclosing(saying.phrases(voice.language)) as phrases:
            async for phrase in phrases:
                if phrase.text:
                    await self.speak(phrase, voice)
                    return
        raise SpeechError("the text is nothing but markup or signs; give at least one word")

    async def takes(self, saying: Saying, voice: Voice) -> AsyncGenerator[Take, None]:
        """A text, phrase by phrase, each made when it is asked for.

        What the voice cannot say of it is told in the log and left out.
        """
        async with contextlib.aclosing(saying.phrases(voice.language)) as phrases:
            async for phrase in phrases:
                try:
                    take = await self.speak(phrase, voice)
                except SpeechError as error:
                    logger.warning(
                        "%s: left out %.40r: %s",
                        saying.request_id,
                        phrase.text,
                        error,
                        extra={"code": "not_said"},
                    )
                else:
                    yield take

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

    def _make(self, phrase: Phrase, voice: Voice) -> Take:
        take = self._kept.pop((voice, phrase), None)
        if take is None:
            if phrase.text:
                refuse_unreadable(phrase.text, voice)
                speech = followed_by(voice.speak(phrase.text), phrase.pause_s)
            else:
                speech = silence(phrase.pause_s)
            take = Take(speech.samples, speech.sample_rate, perform(speech, self._retarget))
        self._kept[voice, phrase] = take
        while sum(each.seconds for each in self._kept.values()) > _KEPT_S and len(self._kept) > 1:
            del self._kept[next(iter(self._kept))]
        return take

    def _follow(self, samples: Samples, sample_rate: int) -> Take:
        performance = VoicePerformance(sample_rate, self._retarget)
        frames = np.concatenate([performance.feed(samples), performance.finish()])
        return Take(samples, sample_rate, frames)


def refuse_unreadable(text: str, voice: Voice) -> None:
    """Raise SpeechError where the text has letters that the voice does not read."""
    refuse_foreign_letters(text, voice.language, _spoken_here)


def _spoken_here() -> Collection[str]:
    """Languages besides flite's, which reads no other letters than English has."""
    try:
        return languages()
    except SynthesiserMissingError:
        return ()


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
