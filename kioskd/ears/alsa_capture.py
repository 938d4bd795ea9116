# SPDX-License-Identifier: Apache-2.0
"""One open ALSA device that records, seen as sound that comes and a count of frames at a time.

A device that begins with `hw:` is taken as it is: its own format, the rate nearest to 48 kHz, two
channels or as many as it has. The time of a frame follows from ALSA's time stamp: so many frames
had been captured at that moment, those read before and those that wait.
"""

from __future__ import annotations

import errno
import os
from typing import Final

import numpy as np

from kioskd.audio.alsa_pcm import CAPTURE, AlsaError, AlsaPcm
from kioskd.ears.capture import FORMATS, Captured, CaptureError, as_channels
from kioskd.ears.settings import FRAME_S

_RATE: Final = 48000
_CHANNELS: Final = 2
"""A codec's one microphone may be on either; `kioskd.ears.channel` takes the one that lives."""
_BUFFER_S: Final = 1.0
"""What is waiting while the ears are held up."""

_BEGINS_ANEW: Final = (errno.EPIPE, errno.ESTRPIPE)
"""An overrun, and the machine has slept."""


class AlsaCapture:
    """A `kioskd.ears.capture.CaptureDevice` by ALSA's name; raises CaptureError."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.overruns = 0
        try:
            pcm = AlsaPcm(name, CAPTURE, list(FORMATS), _RATE, _CHANNELS, FRAME_S, _BUFFER_S)
        except AlsaError as error:
            raise CaptureError(
                "microphone_busy" if error.number == errno.EBUSY else "microphone_missing",
                f"microphone {name!r} cannot be opened ({error}); `arecord -L` lists the names "
                "that exist, and a name beginning with `plughw:` converts what is not known here",
            ) from error
        self._pcm = pcm
        self.rate, self.channels = pcm.rate, pcm.channels
        self._width = FORMATS[pcm.format][1] * pcm.channels
        self._bytes = np.zeros(pcm.buffer_frames * self._width, np.uint8)
        self._read = 0
        self._anew = False
        # Here, on the thread that opens, since it may wait for a server
        self._check(pcm.start())

    def read(self) -> Captured:
        """See CaptureDevice."""
        # Brings the count that goes with the stamp up to date; what is wrong, reading tells
        self._pcm.avail()
        waiting, stamp = self._pcm.htimestamp()
        first, taken = self._read, self._fetch()
        anew, self._anew = self._anew and taken > 0, self._anew and taken == 0
        self._read += taken
        sound = as_channels(self._bytes[: taken * self._width], self._pcm.format, self.channels)
        return Captured(sound, first, first + max(waiting, taken), stamp, anew)

    def close(self) -> None:
        """See CaptureDevice."""
        self._pcm.close()

    def _fetch(self) -> int:
        """Frames that were read; the count begins anew where sound was lost."""
        taken = self._pcm.read(self._bytes, self._pcm.buffer_frames)
        if -taken in _BEGINS_ANEW:
            self.overruns += 1
            self._read, self._anew = 0, True
            self._check(self._pcm.prepare())
            self._check(self._pcm.start())
            return 0
        if taken == -errno.EAGAIN:
            return 0
        self._check(taken)
        return taken

    def _check(self, result: int) -> None:
        if result < 0:
            raise CaptureError(
                "microphone_lost",
                f"microphone {self.name!r} was lost while recording ({os.strerror(-result)})",
            )
