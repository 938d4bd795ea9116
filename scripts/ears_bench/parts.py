# SPDX-License-Identifier: Apache-2.0
"""kioskd's sound and ears without the rest of it, in this process: they never fall silent.

For what only a kiosk can show that goes on while somebody speaks over it. Sound card, microphone,
canceller and their threads are the daemon's own, in real time and through ALSA; nobody takes turns.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driving_client.utterance import Utterance
from kioskd.audio.loudspeaker import Loudspeaker
from kioskd.audio.output import AudioOutput
from kioskd.config import Config, part_settings
from kioskd.ears.cleaner import EchoCleaner
from kioskd.ears.ears import Ears
from kioskd.ears.events import EarsEvent
from kioskd.ears.frames import CleanFrame
from kioskd.ears.microphone import RoomMicrophone
from kioskd.ears.parts import Parts
from kioskd.ears.timeline import Timeline
from kioskd.metrics import Metrics
from test_stand.plain_ears import NoTurns
from test_stand.rooms import RATE, Signal
from test_stand.sound_daemon import MICROPHONE, PACED


class HeardByParts:
    """Implements real_time.HeardSounds."""

    interruptions = 0

    def __init__(self) -> None:
        self.arrivals: list[tuple[float, int]] = []
        self._blocks: list[tuple[int, NDArray[np.int16]]] = []
        self._lock = threading.Lock()

    def hear(self, frame: CleanFrame, _events: Sequence[EarsEvent]) -> None:
        """The ears' listener."""
        with self._lock:
            self._blocks.append((frame.position, frame.samples))
        if len(self.arrivals) < 1000:
            self.arrivals.append((time.monotonic(), frame.position + len(frame.samples)))

    def blocks(self) -> list[tuple[int, NDArray[np.int16]]]:
        """See HeardSounds."""
        with self._lock:
            return list(self._blocks)

    def events(self) -> list[dict[str, Any]]:
        """See HeardSounds."""
        return []

    def forget(self) -> None:
        """See HeardSounds."""
        with self._lock:
            self._blocks.clear()


class PartsOfKiosk:
    """Implements real_time.ListeningKiosk; the environment leads ALSA to the rig."""

    def __init__(self) -> None:
        self.heard = HeardByParts()
        metrics, loudspeaker = Metrics(), Loudspeaker()
        audio = replace(part_settings.audio_settings(Config()), device=PACED, volume=1.0)
        settings = replace(part_settings.ears_settings(Config()), device=MICROPHONE)
        self._output = AudioOutput(audio, metrics, loudspeaker=loudspeaker)
        microphone = partial(RoomMicrophone, settings, Timeline(), metrics)
        self._ears = Ears(Parts(microphone, partial(EchoCleaner, loudspeaker), NoTurns), metrics)
        self._ears.listen(self.heard.hear)
        self._numbers = itertools.count(1)
        self._output.start()
        self._ears.start()

    def say(self, sound: Signal) -> float:
        """See ListeningKiosk."""
        utterance = Utterance(f"bench-{next(self._numbers)}", RATE)
        utterance.append_audio(np.clip(np.round(sound * 32767), -32768, 32767).astype(np.int16))
        utterance.end_audio()
        utterance.end_motion()
        self._output.play(utterance)
        return len(sound) / RATE

    def hush(self) -> None:
        """See ListeningKiosk."""
        self._output.drop()

    def stop(self) -> None:
        """End it."""
        self._ears.end()
        self._ears.ended(5.0)
        self._output.stop()
