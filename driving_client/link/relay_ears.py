# SPDX-License-Identifier: Apache-2.0
"""What a relay's backend hears through the kiosk: it is offered, asked for, and then sent.

A backend that never asks gets nothing of it, so that old ones see no frame that they do not know.
Nothing is carried over from one session to the next. Events go out as texts, ahead of any sound
that still waits; sound goes out only while little of it is under way (`pace`), so that reports
and pongs never wait behind it for long. A slow uplink loses the oldest.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import aiohttp

from driving_client.link.heard import (
    HEARD_RATE,
    HeardEvent,
    HeardSound,
    VisitorBargedIn,
    event_document,
)
from driving_client.link.heard_queue import HeardQueue
from driving_client.link.interface import LinkCounters
from driving_client.link.pace import Line, Pace
from driving_client.utterance import Samples
from driving_client.voice_formats.opus import OpusEncoder, opus_fault
from driving_client.wire.microphone_frame import MicrophoneFrame, encode_microphone_frame

logger = logging.getLogger(__name__)

PCM: Final = "pcm_s16le"
OPUS: Final = "opus"
EVENTS: Final = ("speech", "present")

Encode = Callable[[Samples], bytes]


def capabilities() -> dict[str, Any]:
    """What `start` says of a kiosk that hears."""
    codecs = [PCM] if opus_fault() else [PCM, OPUS]
    return {
        "microphone": {"codecs": codecs, "sample_rate": HEARD_RATE},
        "events": list(EVENTS),
    }


class RelayEars:
    """One relay link's hearing; but for `hear_sound`, on the network's thread.

    `send` sends a frame at once, `send_text` soon; `line` tells how the connection does;
    `task_ended` hears of the end of each task that sends, and of its exception.
    """

    def __init__(
        self,
        counters: LinkCounters,
        send: Callable[[bytes], Awaitable[None]],
        send_text: Callable[[str], None],
        line: Callable[[], Line | None],
        task_ended: Callable[[asyncio.Task[None]], None],
    ) -> None:
        self._counters = counters
        self._send = send
        self._send_text = send_text
        self._line = line
        self._task_ended = task_ended
        self._asked = False
        self._queue: HeardQueue | None = None
        self._task: asyncio.Task[None] | None = None

    def asked(self, document: Mapping[str, Any]) -> None:
        """The backend's `listen`: from now on what it names, and no more of what it named before.

        Without a codec it is the events alone. A codec that is not offered is told, and is none.
        """
        self.lost()
        self._asked = True
        codec = document.get("codec")
        answer: dict[str, Any] = {"event": "listening", "codec": codec}
        offered = capabilities()["microphone"]["codecs"]
        if codec is not None and codec not in offered:
            told = f"codec {codec!r:.40} is not one of {', '.join(offered)}"
            answer |= {"codec": None, "error": f"{told}; none is sent"}
            logger.warning("listen: %s", told, extra={"code": "listen_refused"})
        elif codec is not None:
            encode = OpusEncoder() if codec == OPUS else _pcm
            self._queue = HeardQueue()
            self._task = asyncio.create_task(self._keep_sending(self._queue, encode))
            self._task.add_done_callback(self._task_ended)
        logger.info("the backend listens: %s", codec or "events", extra={"code": "listening"})
        self._send_text(json.dumps(answer))

    def lost(self) -> None:
        """The session is over: the next backend has to ask anew."""
        self._asked = False
        self._queue = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def hear_sound(self, sound: HeardSound) -> None:
        """Send it where it was asked for; from any thread, returns at once."""
        queue = self._queue
        if queue is not None:
            queue.put(sound)

    def hear_event(self, event: HeardEvent, wire_id: Callable[[str], str]) -> None:
        """Tell it where events were asked for, with the id that the backend gave an utterance."""
        if not self._asked:
            return
        if isinstance(event, VisitorBargedIn):
            event = replace(event, request_id=wire_id(event.request_id))
        self._send_text(json.dumps(event_document(event)))

    async def _keep_sending(self, queue: HeardQueue, encode: Encode) -> None:
        pace = Pace(self._line)
        try:
            while True:
                sound = await pace.next_of(queue, self._dropped)
                # Encoded only now: what was dropped before has left no trace in the codec's state
                frame = MicrophoneFrame(sound.position, encode(sound.samples))
                await self._send(encode_microphone_frame(frame))
                pace.sent()
                self._counters.microphone_samples_sent += len(sound.samples)
        except (aiohttp.ClientError, OSError) as error:
            # The receiving side meets the same end and reports it
            logger.debug("sound not sent: %s", error, extra={"code": "send_failed"})
        finally:
            self._dropped(queue.take_dropped())

    def _dropped(self, samples: int) -> None:
        self._counters.microphone_samples_dropped += samples


def _pcm(samples: Samples) -> bytes:
    return samples.astype("<i2").tobytes()
