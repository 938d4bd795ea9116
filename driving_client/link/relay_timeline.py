# SPDX-License-Identifier: Apache-2.0
"""The relay's frames put together into utterances.

Audio frames carry no id and motion carries one inside its messages, so this is where it is
decided what belongs to what, by the numbered list in driving_client/wire/README.md, The rules of an
utterance. No sockets here: any order and chunking of frames can be tried on it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from driving_client.errors import ProtocolError
from driving_client.link.interface import EventSink, LinkCounters, UtteranceStarted
from driving_client.link.local_voice import new_request_id
from driving_client.motion_failure import MotionFailure
from driving_client.utterance import Utterance
from driving_client.wire.animation import add_animation
from driving_client.wire.codec import Animation
from driving_client.wire.relay_frames import AudioFrame, MetadataFrame, MotionFrame

logger = logging.getLogger(__name__)

_REMEMBERED: Final = 256
"""Ids of the past whose late motion is still known as such."""


class RelayTimeline:
    """Utterances of one relay link; `sink` hears of each as it begins.

    `admit` is asked before each and may raise; then nothing has changed.
    """

    def __init__(
        self,
        sink: EventSink,
        counters: LinkCounters,
        sample_rate: int,
        motion_offset_s: float,
        admit: Callable[[], None] = lambda: None,
    ) -> None:
        self._sink = sink
        self._counters = counters
        self._admit = admit
        self._default_rate = self._rate = sample_rate
        self._motion_offset_s = motion_offset_s
        self._current: Utterance | None = None
        self._wire_id = ""
        self._announced = False
        self._skipping_audio = False
        self._ids: dict[str, str] = {}

    def metadata(self, frame: MetadataFrame) -> None:
        """Rules 1, 4 and 5: begin an utterance, or describe the connection."""
        self._rate = frame.sample_rate
        if not frame.request_id:
            return
        if frame.request_id == self._wire_id:
            return
        if frame.request_id in self._ids:
            self._skipping_audio = True
            raise ProtocolError(
                f"relay metadata: req_id {frame.request_id!r:.80} was used before; "
                "give every utterance a new one"
            )
        self._skipping_audio = False
        self._begin(frame.request_id, frame.request_id, announced=True)

    def audio(self, frame: AudioFrame) -> None:
        """Rules 2 and 5: samples of the utterance that began last."""
        if self._skipping_audio:
            self._counters.late_messages += 1
            self._skipping_audio = not frame.last
            return
        current = self._current
        if current is None or current.audio_ended:
            if not len(frame.samples):
                return
            current = self._begin(new_request_id(), "")
        current.append_audio(frame.samples)
        if frame.last:
            current.end_audio()

    def motion(self, frame: MotionFrame) -> None:
        """Rules 2, 3 and 5: motion goes by the request id of its messages."""
        utterance = self._current
        for message in frame.messages:
            if not isinstance(message, Animation):
                continue
            self._counters.frames_dropped += message.dropped
            utterance = self._utterance_of(message.request_id)
            if utterance is None:
                self._counters.late_messages += 1
            else:
                add_animation(utterance, message)
        if frame.last and utterance is not None:
            utterance.end_motion()

    def close(self, request_id: str, reason: MotionFailure = MotionFailure.GIVEN_UP) -> None:
        """Rule 6: give the utterance up, if it is the one under way; its late frames drop."""
        current = self._current
        if current is None or request_id not in ("", current.request_id, self._wire_id):
            return
        self._skipping_audio = not current.audio_ended
        self._give_up(current, reason)
        self._current = None
        self._wire_id = ""

    def fail_motion(self, request_id: str, reason: MotionFailure) -> None:
        """Rule 7: the backend has no motion for this utterance."""
        if self._current is not None and request_id in (self._current.request_id, self._wire_id):
            self._current.fail_motion(reason)

    def link_lost(self) -> None:
        """The connection is over: what has come plays on, nothing more will come."""
        self.close("", MotionFailure.LINK_LOST)
        self._skipping_audio = False
        self._rate = self._default_rate

    def wire_id(self, request_id: str) -> str:
        """The backend's name for an utterance; its own where the backend has given none."""
        for wire_id, known in self._ids.items():
            if known == request_id:
                return wire_id
        return request_id

    def request_id(self, wire_id: str) -> str:
        """The utterance's request id for the backend's name of it."""
        return self._ids.get(wire_id, wire_id)

    def _utterance_of(self, wire_id: str) -> Utterance | None:
        """Where motion of this id belongs; None if it comes too late or fits nothing."""
        current = self._current
        if current is not None and wire_id in ("", self._wire_id):
            return current
        if not wire_id or wire_id in self._ids:
            return None
        if current is not None and not self._wire_id:
            self._name(current, wire_id)
            return current
        if current is not None and self._announced:
            # The metadata named it otherwise: motion of something that was never announced
            return None
        return self._begin(wire_id, wire_id)

    def _begin(self, request_id: str, wire_id: str, *, announced: bool = False) -> Utterance:
        self._admit()
        before = self._current
        utterance = Utterance(request_id, self._rate, motion_offset_s=self._motion_offset_s)
        self._current, self._wire_id, self._announced = utterance, "", announced
        if wire_id:
            self._name(utterance, wire_id)
        # The player hears of the newcomer first: else it would take the old one as complete
        try:
            self._sink(UtteranceStarted(utterance))
        finally:
            if before is not None:
                self._give_up(before, MotionFailure.GIVEN_UP)
        return utterance

    def _name(self, utterance: Utterance, wire_id: str) -> None:
        self._wire_id = wire_id
        self._ids[wire_id] = utterance.request_id
        if len(self._ids) > _REMEMBERED:
            del self._ids[next(iter(self._ids))]

    def _give_up(self, utterance: Utterance, reason: MotionFailure) -> None:
        utterance.end_audio()
        utterance.fail_motion(reason)
