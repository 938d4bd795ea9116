# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a voice, and how to make it one that is accepted."""

from __future__ import annotations

from typing import Final

from driving_client.errors import DrivingError

TAKEN: Final = "a WAV, Ogg Opus, or raw 16-bit PCM with ?sample_rate= in the address"
CONVERT: Final = "convert it: ffmpeg -i FILE -ac 1 -ar 24000 -c:a pcm_s16le voice.wav"


class VoiceError(DrivingError):
    """What was sent is not a voice that can be spoken."""


class VoiceFormatError(VoiceError):
    """Its format is not accepted: HTTP's 415."""
