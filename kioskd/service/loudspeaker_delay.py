# SPDX-License-Identifier: Apache-2.0
"""The loudspeaker's delay, as the ears measured it: kept over restarts, and what lip sync goes by.

A kiosk that is switched on has its first words in time, for it remembers what the last ones
told. Another sound device has another delay, so the file says which one was measured. A damaged or
missing file means that nothing is known, a medium that cannot be written that nothing is
remembered: neither stops anything.
"""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path
from typing import Final

from driving_client.regular_file import read_regular
from kioskd.audio.output import AudioOutput
from kioskd.config import Config
from kioskd.config.options import AUTO
from kioskd.durable_files import DiskFiles, replace
from kioskd.ears.echo_path import EchoPath
from kioskd.ears.snapshot import EchoPathSnapshot
from kioskd.metrics import Metrics

logger = logging.getLogger(__name__)

FILE_NAME: Final = "loudspeaker_delay.json"
_MAX_BYTES: Final = 4096
_LONGEST_S: Final = 2.0
_WORTH_WRITING_S: Final = 0.005
"""Nobody sees less, and flash wears."""


class LoudspeakerDelay:
    """What is known when the daemon starts, and what becomes of each measurement."""

    def __init__(
        self, config: Config, audio: AudioOutput, metrics: Metrics, folder: Path | None
    ) -> None:
        self._audio = audio
        self._metrics = metrics
        self._sets_lips = config.audio.latency_ms == AUTO
        self._device = config.audio.device
        self._file = None if folder is None else folder / FILE_NAME
        self._known_s = None if self._file is None else read_loop_delay(self._file, self._device)
        self.path = EchoPath(self._known_s, config.ears.latency_ms / 1000, self._measured)
        self._seen = self.path.snapshot()
        self._use(self._seen)

    def _measured(self, snapshot: EchoPathSnapshot) -> None:
        self._use(snapshot)
        heard = self._metrics.loudspeaker_heard
        heard.labels("yes").inc(snapshot.heard_s - self._seen.heard_s)
        heard.labels("no").inc(snapshot.unheard_s - self._seen.unheard_s)
        self._seen = snapshot
        if snapshot.level_db is not None:
            self._metrics.loudspeaker_level.set(snapshot.level_db)
        loop_s = self.path.loop_s
        if loop_s is None:
            return
        if self._known_s is None or abs(loop_s - self._known_s) > _WORTH_WRITING_S:
            logger.info(
                "the loudspeaker is heard %.0f ms after its samples have left the sound card",
                1000 * (snapshot.delay_s or 0.0),
                extra={"code": "loudspeaker_delay"},
            )
            self._known_s = loop_s
            if self._file is not None:
                write = (self._file, self._device, loop_s)
                # A medium may take seconds, and the ears must not wait for it
                threading.Thread(
                    target=keep_loop_delay, args=write, name="loudspeaker_delay", daemon=True
                ).start()

    def _use(self, snapshot: EchoPathSnapshot) -> None:
        if snapshot.delay_s is None:
            return
        self._metrics.loudspeaker_delay.set(snapshot.delay_s)
        if self._sets_lips:
            self._audio.set_latency(snapshot.delay_s)


def read_loop_delay(file: Path, device: str) -> float | None:
    """The delay in seconds from sound card to microphone that was kept for this device."""
    try:
        told = json.loads(read_regular(file, _MAX_BYTES))
        loop_s = float(told["loop_ms"]) / 1000
        known = told["device"] == device and 0 <= loop_s <= _LONGEST_S
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        logger.warning(
            "%s cannot be read (%s): the loudspeaker's delay is measured anew",
            file,
            error,
            extra={"code": "state_damaged"},
        )
        return None
    return loop_s if known else None


def keep_loop_delay(file: Path, device: str, loop_s: float) -> None:
    """Write it, whole or not at all whenever the power goes."""
    told = {"device": device, "loop_ms": round(1000 * loop_s, 1)}
    try:
        replace(DiskFiles(), file, json.dumps(told).encode())
    except OSError as error:
        logger.warning(
            "%s cannot be written (%s): after a restart the loudspeaker's delay is measured anew",
            file,
            error.strerror,
            extra={"code": "loudspeaker_delay_not_kept"},
        )
