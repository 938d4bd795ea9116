# SPDX-License-Identifier: Apache-2.0
"""The ears' thread: microphone, cleaner, turns, and whoever listens, 10 ms at a time.

It holds no lock that the audio or the render thread needs while anything waits. Whatever one of its
parts raises is logged and counted, told as a reason for a while, and all parts are made anew; a
listener that raises is told too and takes no other's sound away. What is heard is nowhere kept and
no word of it logged.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from kioskd.ears.events import EarsEvent, SpeechBegan, SpeechEnded
from kioskd.ears.frames import CleanFrame
from kioskd.ears.parts import Listener, Microphone, Parts, Turns
from kioskd.ears.policy import BARGE_IN
from kioskd.ears.settings import FRAME_S
from kioskd.ears.snapshot import EarsSnapshot
from kioskd.metrics import Metrics

logger = logging.getLogger(__name__)

_READ_S: Final = 0.1
"""How long a microphone may wait for sound: the thread shows that it lives after each."""

ANEW_S: Final = 2.0
"""Seconds between a fault and the next beginning."""

TOLD_S: Final = 10.0
"""So long a fault is told after the ears have begun anew."""


class Ears:
    """Hears until it is stopped. `listen` and `snapshot` may be called from any thread."""

    def __init__(
        self, parts: Parts, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._parts = parts
        self._metrics = metrics
        self._clock = clock
        self._stop = threading.Event()
        self._listeners: tuple[Listener, ...] = ()
        self._lock = threading.Lock()
        self._speech = False
        self._echo_db: float | None = None
        self._faulty_until = 0.0
        self._cpu_s = 0.0
        self._snapshot = EarsSnapshot(beat=clock())
        self._thread = threading.Thread(target=self._run, name="ears", daemon=True)

    def start(self) -> None:
        """Start the thread, which opens the microphone."""
        self._thread.start()

    def end(self) -> None:
        """Let the thread end, which lets go of the microphone; returns at once."""
        self._stop.set()

    def ended(self, timeout_s: float) -> bool:
        """Whether the thread has ended within this time."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Give it each frame from now on; calling the result ends that."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def leave() -> None:
            with self._lock:
                self._listeners = tuple(each for each in self._listeners if each is not listener)

        return leave

    def snapshot(self) -> EarsSnapshot:
        """The newest snapshot; costs nothing and takes no lock."""
        return self._snapshot

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._hear()
            except Exception as error:
                self._metrics.ears_faults.inc()
                logger.error(
                    "the ears failed and begin anew in %g s: %s",
                    ANEW_S,
                    error,
                    exc_info=error,
                    extra={"code": "ears_fault"},
                )
                self._faulty_until = self._clock() + ANEW_S + TOLD_S
                self._snapshot = EarsSnapshot(reason="ears_fault", beat=self._clock())
                self._stop.wait(ANEW_S)

    def _hear(self) -> None:
        """Until the end, or until a part raises."""
        self._speech, self._echo_db = False, None
        cleaner, turns = self._parts.cleaner(), self._parts.turns()
        microphone = self._parts.microphone()
        try:
            while not self._stop.is_set():
                for raw in microphone.read(_READ_S):
                    frame = cleaner.clean(raw)
                    self._tell(frame, turns.hear(frame, raw))
                self._publish(microphone, turns)
        finally:
            microphone.close()
            self._metrics.ears_open.set(0)

    def _tell(self, frame: CleanFrame, events: Sequence[EarsEvent]) -> None:
        self._metrics.ears_heard_seconds.inc(FRAME_S)
        self._echo_db = frame.echo_db
        for event in events:
            if isinstance(event, SpeechBegan | SpeechEnded):
                self._speech = isinstance(event, SpeechBegan)
            if isinstance(event, SpeechBegan):
                self._metrics.ears_turns.labels("yes" if event.over else "no").inc()
        for listener in self._listeners:
            try:
                listener(frame, events)
            except Exception as error:
                self._metrics.ears_faults.inc()
                logger.error(
                    "a listener of the ears failed: %s",
                    error,
                    exc_info=error,
                    extra={"code": "ears_listener_fault"},
                )

    def _publish(self, microphone: Microphone, turns: Turns) -> None:
        taken = time.thread_time()
        self._metrics.ears_cpu_seconds.inc(taken - self._cpu_s)
        self._cpu_s = taken
        state, now = microphone.state, self._clock()
        self._metrics.ears_open.set(state.open)
        self._metrics.ears_level.set(state.level_db or 0.0)
        self._metrics.ears_echo_reduction.set(self._echo_db or 0.0)
        self._metrics.ears_barge_in.set(turns.policy == BARGE_IN)
        self._snapshot = EarsSnapshot(
            microphone=state,
            reason=state.reason or ("ears_fault" if now < self._faulty_until else None),
            echo_db=self._echo_db,
            policy=turns.policy,
            fallback=turns.fallback,
            speech=self._speech,
            beat=now,
            path=self._parts.path(),
        )
