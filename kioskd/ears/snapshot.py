# SPDX-License-Identifier: Apache-2.0
"""What the ears tell about themselves: immutable values, replaced whole."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MicrophoneState:
    """`open`: it records. `reason`: a stable code for why it does not, or what is wrong with what
    it records; None while all is well.

    `device` is ALSA's name of the microphone that was tried last, `rate` and `channels` are the
    card's. `level_db` is the level of the last second (dB below full scale, negative).
    """

    open: bool = False
    reason: str | None = None
    device: str = ""
    rate: int = 0
    channels: int = 0
    level_db: float | None = None


@dataclass(frozen=True, slots=True)
class EchoPathSnapshot:
    """`delay_s` is the loudspeaker's: from the moment at which a sample leaves the sound card's
    buffer until it is heard, None where it was never measured. `heard_s` and `unheard_s` are how
    many seconds of own voice came back to the microphone and did not, since the start; `level_db`
    is how loud the last that did was recorded (dB below full scale, negative). `silent`: own voice
    is played and does not come back any more.
    """

    delay_s: float | None = None
    heard_s: int = 0
    unheard_s: int = 0
    level_db: float | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class EarsSnapshot:
    """`reason` is the microphone's, or `ears_fault` while the ears recover from one of their own.

    `echo_db` as in `CleanFrame`; `policy` is the one in force ("barge_in" or "half_duplex"),
    `fallback` why it is not the one asked for. `speech`: a visitor is speaking. `beat` (monotonic)
    shows that the thread lives. `path`: what the echo tells about the loudspeaker.
    """

    microphone: MicrophoneState = MicrophoneState()
    reason: str | None = None
    echo_db: float | None = None
    policy: str = "half_duplex"
    fallback: str | None = None
    speech: bool = False
    beat: float = 0.0
    path: EchoPathSnapshot = EchoPathSnapshot()
