# SPDX-License-Identifier: Apache-2.0
"""Links without a network: none at all, and a recording that is played once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from driving_client.link.heard import Heard
from driving_client.link.interface import (
    EventSink,
    Link,
    LinkCounters,
    LinkUp,
    PlaybackState,
    UtteranceStarted,
    VoiceStream,
)
from driving_client.link.local_voice import LocalVoice, new_request_id
from driving_client.motion_failure import MotionFailure
from driving_client.utterance import Utterance
from driving_client.wire.recording import Recording

logger = logging.getLogger(__name__)

MakeOwnLink = Callable[[EventSink, Callable[[], None]], Link]
"""Makes a link that takes the endpoint's place, given the sink and how to end the daemon."""


class NoLink:
    """Implements link.Link where no endpoint is configured: a local voice has no motion."""

    def __init__(self, sink: EventSink) -> None:
        self._sink = sink
        self._counters = LinkCounters()

    @property
    def counters(self) -> LinkCounters:
        """All zero."""
        return self._counters

    async def run(self) -> None:
        """Nothing to do."""
        await asyncio.Event().wait()

    def report_playback(self, request_id: str, state: PlaybackState, played_ms: int) -> None:
        """Nobody to tell."""

    def report_heard(self, heard: Heard) -> None:
        """Nobody to tell."""

    def begin_voice(self, sample_rate: int) -> VoiceStream:
        """Starts an utterance whose motion has failed from the beginning."""
        utterance = Utterance(new_request_id(), sample_rate)
        utterance.fail_motion(MotionFailure.NO_ENDPOINT)
        self._sink(UtteranceStarted(utterance))
        return LocalVoice(utterance, lambda: None)


class RecordingLink(NoLink):
    """Plays a recording of the wire once, then calls `finished`."""

    def __init__(
        self,
        sink: EventSink,
        recording: Recording,
        motion_offset_s: float,
        finished: Callable[[], None],
    ) -> None:
        super().__init__(sink)
        self._recording = recording
        self._motion_offset_s = motion_offset_s
        self._finished = finished

    async def run(self) -> None:
        """Start the utterance, whole from the first moment."""
        self._sink(LinkUp(self._recording.name))
        self._sink(UtteranceStarted(self._recording.utterance(self._motion_offset_s)))
        await asyncio.Event().wait()

    def report_playback(self, request_id: str, state: PlaybackState, played_ms: int) -> None:
        """The end of the utterance is the end of the recording."""
        if state not in (PlaybackState.PLAYING, PlaybackState.PAUSED):
            logger.info(
                "recording %s %s after %.1f s",
                request_id,
                state.value,
                played_ms / 1000,
                extra={"code": "recording_over"},
            )
            self._finished()
