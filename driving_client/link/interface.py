# SPDX-License-Identifier: Apache-2.0
"""What a link to a driving endpoint tells the player, and what the player can ask of it.

The two dialects (driveningress and relay) implement `Link`; kioskd sees only this file.
Events are delivered on the network's thread, in order, through the `EventSink` that the
link was made with; a sink must return at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

from driving_client.link.heard import Heard
from driving_client.utterance import Samples, Utterance


class PlaybackState(Enum):
    """What became of an utterance, as told upstream.

    The text that carries it: driving_client/wire/README.md, Relay dialect.
    """

    PLAYING = "playing"
    PAUSED = "paused"
    ENDED = "ended"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class Control(Enum):
    """What a backend may ask of the kiosk as text."""

    INTERRUPT = "interrupt"
    PAUSE = "pause"
    RESUME = "resume"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class LinkUp:
    """The session is confirmed and ready."""

    connection_id: str


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The link is lost; `retry_in_s` is None when only a person can mend it (`fatal`).

    `reason` begins with a stable code and says what the endpoint answered.
    """

    reason: str
    retry_in_s: float | None
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class UtteranceStarted:
    """A new utterance begins; its audio and motion go on arriving in the object."""

    utterance: Utterance


@dataclass(frozen=True, slots=True)
class ControlRequested:
    """The backend asks for something; an empty request id means whatever plays now."""

    control: Control
    request_id: str = ""


LinkEvent = LinkUp | LinkDown | UtteranceStarted | ControlRequested
EventSink = Callable[[LinkEvent], None]


MAX_FAILURE_CODES: Final = 64


@dataclass(slots=True)
class LinkCounters:
    """Running totals, written by the network's thread only; read them as a snapshot."""

    bytes_received: int = 0
    bytes_sent: int = 0
    messages_received: int = 0
    frames_dropped: int = 0
    late_messages: int = 0
    connects: int = 0
    microphone_samples_sent: int = 0
    microphone_samples_dropped: int = 0
    failures: dict[str, int] = field(default_factory=dict)

    def fail(self, code: str) -> str:
        """Count a failure; the code that it counts as: they are few, whatever a peer sends."""
        if code not in self.failures and len(self.failures) >= MAX_FAILURE_CODES:
            code = "other"
        self.failures[code] = self.failures.get(code, 0) + 1
        return code


class VoiceStream(Protocol):
    """A local voice being made: its samples go to the utterance and, forwarded, upstream."""

    @property
    def utterance(self) -> Utterance:
        """The utterance that this voice speaks."""

    def write(self, samples: Samples) -> None:
        """Add mono samples (call on the network's thread)."""

    def end(self) -> None:
        """The voice is complete (call on the network's thread)."""


class Link(Protocol):
    """A self-reconnecting session with one driving endpoint."""

    @property
    def counters(self) -> LinkCounters:
        """Traffic and failures so far."""

    async def run(self) -> None:
        """Connect, serve and reconnect until cancelled; never returns by itself unless fatal."""

    def report_playback(self, request_id: str, state: PlaybackState, played_ms: int) -> None:
        """Tell the endpoint what became of an utterance; may be called from any thread."""

    def report_heard(self, heard: Heard) -> None:
        """Pass on what was heard, in order; from any thread, returns at once.

        Nothing of it goes to an endpoint that has not asked for it on this connection.
        """

    def begin_voice(self, sample_rate: int) -> VoiceStream:
        """Start an utterance whose voice is made here; emits UtteranceStarted.

        On a driveningress link the samples are forwarded and motion comes back; without a
        connection, or on a relay link, the utterance's motion fails at once with the reason.
        """
