# SPDX-License-Identifier: Apache-2.0
"""Why speech has no motion: one list for the link that knows it and the player that reports it.

The values are the codes that health, metrics and log show, so they are stable. An endpoint has
codes of its own beside them, which come from outside: `endpoint_failure` lets through what is a
code and nothing else.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NewType


class MotionFailure(StrEnum):
    """Why an utterance has no (more) motion, or why none is hoped for."""

    # What a link knows about its utterance
    NO_ENDPOINT = "no_endpoint"
    """No endpoint is configured: nobody was asked for motion, and nothing is at fault."""
    RELAY_TAKES_NO_VOICE = "relay_takes_no_voice"
    """A voice made here, and a relay makes motion for its own voices only."""
    LINK_DOWN = "link_down"
    """The endpoint is not connected."""
    LINK_LOST = "link_lost"
    """The endpoint went away during the utterance."""
    BACKEND_ERROR = "backend_error"
    """The relay's backend reported an error for the utterance."""
    TOO_LONG = "too_long"
    """More motion came than an utterance may have."""
    EMPTY = "motion_empty"
    """The endpoint ended its motion without a frame."""
    GIVEN_UP = "given_up"
    """Nobody wants the rest: the utterance was replaced or interrupted, or has ended."""
    OTHER = "motion_failed"
    """The endpoint refused it with a code that cannot be shown."""

    # What the player finds
    LATE = "motion_late"
    """The voice is heard, and its first motion has not come yet."""
    STALLED = "motion_stalled"
    """Motion has ceased to come."""
    TIMEOUT = "motion_timeout"
    """The voice has been heard for so long without motion that it is not waited for any more."""
    NEVER_CAME = "no_motion"
    """The utterance is over, and no motion had come."""
    NO_CONNECTION = "no_connection"
    """The endpoint has not been connected for so long that motion is not waited for any more."""
    AUDIO_STARVED = "audio_starved"
    """The voice itself is late, and motion stands with it."""


EndpointCode = NewType("EndpointCode", str)
"""A code that an endpoint gave, made by `endpoint_failure`: lower case, digits and underscores."""

MotionReason = MotionFailure | EndpointCode

_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


def endpoint_failure(code: str) -> MotionReason:
    """The endpoint's own code as a reason, MotionFailure.OTHER for anything that is not a code."""
    return EndpointCode(code) if _CODE.fullmatch(code) else MotionFailure.OTHER
