# SPDX-License-Identifier: Apache-2.0
"""Watches input devices for somebody who is there; on the io thread.

A device that is pulled and plugged in again is found again; one that is missing or may not be read
is told, and looked for every few seconds. One that chatters is told once a second at most.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from kioskd.ears.events import SomebodyThere
from kioskd.presence.input_devices import (
    DEVICES,
    SYSFS,
    InputDevice,
    chosen,
    fits,
    read_devices,
)
from kioskd.presence.input_events import SIZE, Sign, signs
from kioskd.presence.snapshot import PresenceSnapshot

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 3.0
AGAIN_S: Final = 1.0
_AT_ONCE: Final = 64


class Presence:
    """Watches those that fit the patterns; `snapshot` may be read from any thread.

    `came` is told who is there, `left` that somebody is not any more and since when (monotonic);
    both must return at once.
    """

    def __init__(
        self,
        patterns: tuple[str, ...],
        came: Callable[[SomebodyThere], None],
        left: Callable[[float], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        sysfs: Path = SYSFS,
        devices: Path = DEVICES,
    ) -> None:
        self._patterns = patterns
        self._came = came
        self._left = left
        self._clock = clock
        self._sysfs = sysfs
        self._devices = devices
        self._open: dict[int, InputDevice] = {}
        self._told: dict[str, float] = {}
        self.snapshot = PresenceSnapshot()

    async def keep_watching(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                self._look()
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            for number in list(self._open):
                self._close(number)

    def _look(self) -> None:
        """Open what fits and is not open yet."""
        there = read_devices(self._sysfs)
        denied = []
        for device in chosen(there, self._patterns):
            if device in self._open.values():
                continue
            path = self._devices / device.node
            try:
                number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError as error:
                if error.errno in (errno.EACCES, errno.EPERM):
                    denied.append(str(path))
                continue
            self._open[number] = device
            asyncio.get_running_loop().add_reader(number, self._read, number)
            logger.info("%s is watched", device.name, extra={"code": "presence_watched"})
        missing = [each for each in self._patterns if not any(fits(d, each) for d in there)]
        self.snapshot = replace(self.snapshot, missing=tuple(missing), denied=tuple(denied))
        self._publish()

    def _read(self, number: int) -> None:
        try:
            chunk = os.read(number, SIZE * _AT_ONCE)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            device = self._close(number)
            logger.warning("%s went away", device.name, extra={"code": "presence_lost"})
            self._publish()
        for sign in signs(chunk):
            self._take(sign)

    def _close(self, number: int) -> InputDevice:
        asyncio.get_running_loop().remove_reader(number)
        os.close(number)
        return self._open.pop(number)

    def _take(self, sign: Sign) -> None:
        now = self._clock()
        if not sign.there:
            self._left(now)
        elif now >= self._told.get(sign.source, now - AGAIN_S) + AGAIN_S:
            self._told[sign.source] = now
            self._came(SomebodyThere(now, sign.source))

    def _publish(self) -> None:
        watched = tuple(device.name for device in self._open.values())
        self.snapshot = replace(self.snapshot, watched=watched)
