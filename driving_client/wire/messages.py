# SPDX-License-Identifier: Apache-2.0
"""The messages of the wire as plain values, free of protobuf.

The rest of driving_client works with these; `codec` turns them into bytes and back and
enforces the limits. Which message may come when is the sessions' business.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from driving_client.motion import FloatArray


@dataclass(frozen=True, slots=True)
class ConfigureSession:
    """Client: what it will send; `audio_format` 0 is PCM s16le mono, 1 Ogg Opus.

    `egress_type` 0: motion is wanted on this connection; others name a room to publish in.
    """

    sample_rate: int
    bitrate: int = 0
    audio_format: int = 0
    extra_params: dict[str, str] = field(default_factory=dict)
    egress_type: int = 0


@dataclass(frozen=True, slots=True)
class ConfirmSession:
    """Server: the session stands."""

    connection_id: str
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AudioInput:
    """Client: a piece of a request's voice, in the session's format."""

    request_id: str
    audio: bytes
    end: bool = False


@dataclass(frozen=True, slots=True)
class ServerError:
    """Server: 4000 to 4999 are close codes, other values gRPC codes."""

    code: int
    message: str = ""
    connection_id: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Animation:
    """Server: FLAME frames, shape (n, 120), in the order of `FLAME_SLICES`.

    `dropped` frames were unusable; where n > 0 their places are filled, where n is 0 they
    are places without any frame.
    """

    request_id: str
    frames: FloatArray
    end: bool = False
    connection_id: str = ""
    dropped: int = 0

    @property
    def places(self) -> int:
        """How many keyframes the message held, usable or not."""
        return len(self.frames) or self.dropped


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Client: stop this request."""

    request_id: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Client: hold this request."""

    request_id: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Client: go on with this request."""

    request_id: str


@dataclass(frozen=True, slots=True)
class PlaybackStateMessage:
    """Server: the state after a Pause or Resume; 1 playing, 2 paused, 3 ended, 4 interrupted."""

    request_id: str
    state: int
    played_ms: int = 0
    reason: str = ""
    connection_id: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A type of a newer protocol: to be ignored."""

    message_type: int


WireMessage = (
    ConfigureSession
    | ConfirmSession
    | AudioInput
    | ServerError
    | Animation
    | Interrupt
    | Pause
    | Resume
    | PlaybackStateMessage
    | Unknown
)
