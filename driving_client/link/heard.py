# SPDX-License-Identifier: Apache-2.0
"""What a kiosk hears and a link may pass on: the visitor's sound, and what was noticed in it.

Plain values and their texts; who makes them, and how, is not known here. A position counts samples
at `HEARD_RATE` since the microphone was first opened, in sound and events alike: it never goes
back, and where sound is missing the next position is later by as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from driving_client.utterance import Samples

HEARD_RATE: Final = 16000


@dataclass(frozen=True, slots=True, eq=False)
class HeardSound:
    """10 or 20 ms, mono at HEARD_RATE, the kiosk's own voice taken out; `position` of the first."""

    samples: Samples
    position: int


@dataclass(frozen=True, slots=True)
class VisitorBegan:
    """A visitor speaks, `over` the kiosk where that was speaking; position of the first sound."""

    position: int
    over: bool = False


@dataclass(frozen=True, slots=True)
class VisitorEnded:
    """The visitor's turn is over at `position`, which was noticed when `noticed` was heard."""

    position: int
    noticed: int


@dataclass(frozen=True, slots=True)
class VisitorBargedIn:
    """The kiosk fell silent for a visitor who spoke from `position` on.

    `request_id` is the utterance that was cut off, `heard_ms` how much of it was heard.
    """

    position: int
    request_id: str
    heard_ms: int


@dataclass(frozen=True, slots=True)
class VisitorPresent:
    """Somebody is there, by `source`: wake (a wake word), presence (a sensor) or touch."""

    source: str


HeardEvent = VisitorBegan | VisitorEnded | VisitorBargedIn | VisitorPresent
Heard = HeardSound | HeardEvent


def event_document(event: HeardEvent) -> dict[str, Any]:
    """The event as a JSON object, the same for backends and for `/v1/listen`."""
    match event:
        case VisitorBegan(position, over):
            return {"event": "speech", "state": "began", "position": position, "over": over}
        case VisitorEnded(position, noticed):
            return {"event": "speech", "state": "ended", "position": position, "noticed": noticed}
        case VisitorBargedIn(position, request_id, heard_ms):
            return {
                "event": "speech",
                "state": "barge_in",
                "position": position,
                "req_id": request_id,
                "heard_ms": heard_ms,
            }
        case VisitorPresent(source):
            return {"event": "present", "source": source}
