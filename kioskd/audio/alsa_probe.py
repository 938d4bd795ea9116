# SPDX-License-Identifier: Apache-2.0
"""Opens the loudspeaker once beforehand, so that one that hangs does not hang everything.

pyalsaaudio 0.11 keeps Python's lock while a device is opened: a sound server that does not answer,
or a card whose driver waits for it, would hold up every thread, the picture's too (measured: all of
the process stood still for the 4 s that a stopped PulseAudio took). ctypes gives the lock back, so
the same is done through it first, and pyalsaaudio follows where that has come back.
"""

from __future__ import annotations

import ctypes
from typing import Final

_PLAYBACK: Final = 0
_NONBLOCK: Final = 1
_S16_LE: Final = 2
_INTERLEAVED: Final = 3
_LATENCY_US: Final = 100_000


def wait_for_device(name: str, rate: int, channels: int) -> None:
    """Return once ALSA has opened, prepared and closed it, or refused to: opening tells why."""
    library = ctypes.CDLL("libasound.so.2")
    handle = ctypes.c_void_p()
    if library.snd_pcm_open(ctypes.byref(handle), name.encode(), _PLAYBACK, _NONBLOCK) < 0:
        return
    # A server is asked for a stream only when rates and formats are set
    library.snd_pcm_set_params(handle, _S16_LE, _INTERLEAVED, channels, rate, 1, _LATENCY_US)
    library.snd_pcm_close(handle)
