# SPDX-License-Identifier: Apache-2.0
"""An Animation message onto the timeline of its utterance: the one rule both dialects share."""

from __future__ import annotations

from driving_client.errors import ProtocolError
from driving_client.motion_failure import MotionFailure
from driving_client.utterance import Utterance
from driving_client.wire.codec import Animation


def add_animation(utterance: Utterance, animation: Animation) -> None:
    """Add the frames; a motion that outgrows the utterance fails and raises ProtocolError."""
    try:
        if len(animation.frames):
            utterance.append_motion(animation.frames)
        else:
            utterance.skip_motion(animation.dropped)
    except ProtocolError:
        utterance.fail_motion(MotionFailure.TOO_LONG)
        raise
    if animation.end:
        utterance.end_motion()
