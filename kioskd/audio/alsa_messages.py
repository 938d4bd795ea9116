# SPDX-License-Identifier: Apache-2.0
"""Keeps libasound from writing to standard error.

The library prints a line for every refused opening besides reporting it, and a kiosk without
a sound card tries again every few seconds for months. What it prints is in the exception
already, so it is dropped. pyalsaaudio has no call for this; the library that it has loaded
is asked directly.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

_Handler: Final = ctypes.CFUNCTYPE(
    None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p
)


def _drop(*_message: Any) -> None:
    return


_DROP: Final = _Handler(_drop)
"""Kept for as long as the process lives: the library calls it at any time."""


def silence_libasound() -> None:
    """Drop the library's own messages, in this process, from now on."""
    ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(_DROP)
