# SPDX-License-Identifier: Apache-2.0
"""The PCM rates of the protocol, apart from the code that handles samples.

Code that only reads a configuration need not wait for numpy.
"""

from __future__ import annotations

from typing import Final

SAMPLE_RATES: Final = (8000, 16000, 22050, 24000, 32000, 44100, 48000)
"""In Hz, mono s16le."""


def rate_fault(value: object) -> str:
    """Why a value from outside is no sample rate of the protocol; empty for one that is."""
    if type(value) is int and value in SAMPLE_RATES:
        return ""
    return f"sample rate {value!r:.40} Hz is not one of {', '.join(map(str, SAMPLE_RATES))}"
