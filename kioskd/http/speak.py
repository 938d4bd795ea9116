# SPDX-License-Identifier: Apache-2.0
"""POST or PUT /v1/speak: a voice made by one's own software, spoken while it is still being made.

The body is a voice in any of `driving_client.voice_formats`, usually chunked; PUT is what
`curl -T` sends. Samples go on as they come: nothing waits for the end. They are read on the HTTP
server's thread and handed to the link's piece by piece, each awaited: that keeps their order,
and while the link is busy nothing more is read.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from aiohttp import web

from driving_client.address import is_loopback
from driving_client.errors import DrivingError, LinkError
from driving_client.link.interface import VoiceStream
from driving_client.serving import media_type, pieces, read_off
from driving_client.texts import did_you_mean
from driving_client.utterance import Samples
from driving_client.voice_formats import VoiceDecoder, VoiceError, VoiceFormatError, asked_rate
from driving_client.voice_formats.decoder import in_turns
from kioskd.http.access import refuse

logger = logging.getLogger(__name__)

PAUSE_S: Final = 60.0
"""A voice that is still being made may be silent on the wire for so long."""

_QUERY: Final = ("sample_rate",)

BeginVoice = Callable[[int], VoiceStream]
AskLink = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Calls a function on the link's thread and gives its result."""


class VoiceInput:
    """The route; `begin_voice` is the link's, and `ask_link` calls what is the link's.

    `from_elsewhere` counts the pieces of voices that came from other machines.
    """

    def __init__(
        self, begin_voice: BeginVoice, ask_link: AskLink, enabled: Callable[[], bool]
    ) -> None:
        self._begin_voice = begin_voice
        self._ask_link = ask_link
        self._enabled = enabled
        self.from_elsewhere = 0

    def add_routes(self, app: web.Application) -> None:
        """Add POST and PUT /v1/speak."""
        app.router.add_post("/v1/speak", self._speak)
        app.router.add_put("/v1/speak", self._speak)

    async def _speak(self, request: web.Request) -> web.Response:
        if not self._enabled():
            return refuse(403, "voice_disabled", "voice.enabled is false in the configuration")
        voice = _Voice(self._begin_voice, self._ask_link)
        try:
            await self._hear(request, voice)
        except LinkError as error:
            return refuse(500, "link_fault", str(error))
        except DrivingError as error:
            logger.warning("voice refused: %s", error, extra={"code": "voice_refused"})
            await read_off(request)
            if isinstance(error, VoiceFormatError):
                return refuse(415, "voice_format", str(error))
            return refuse(400, "bad_voice", str(error))
        except ConnectionError as error:
            logger.warning("voice cut off: %s", error, extra={"code": "voice_cut_off"})
            return refuse(400, "voice_cut_off", "the connection ended before the voice")
        except TimeoutError:
            return refuse(408, "body_too_slow", f"no sound came for {PAUSE_S:g} s")
        finally:
            await voice.end()
        if voice.stream is None:
            return refuse(400, "bad_voice", "the body contains no sound")
        utterance = voice.stream.utterance
        return web.json_response(
            {"req_id": utterance.request_id, "seconds": round(utterance.audio_seconds, 3)}
        )

    async def _hear(self, request: web.Request, voice: _Voice) -> None:
        """The body, piece by piece, to the link; raises DrivingError and what `pieces` does."""
        for name in request.query:
            if name not in _QUERY:
                raise VoiceError(f"?{name:.80} is unknown{did_you_mean(name, _QUERY)}")
        rate = asked_rate(request.query.get("sample_rate"))
        decoder = VoiceDecoder(media_type(request), rate)
        elsewhere = not is_loopback(request.remote or "")
        async for chunk in pieces(request, PAUSE_S):
            self.from_elsewhere += elsewhere
            for part in in_turns(chunk):
                await voice.write(decoder.feed(part), decoder.sample_rate)
        await voice.write(decoder.finish(), decoder.sample_rate)


class _Voice:
    """The link's stream, which begins with the first sample."""

    def __init__(self, begin_voice: BeginVoice, ask_link: AskLink) -> None:
        self._begin_voice = begin_voice
        self._ask_link = ask_link
        self.stream: VoiceStream | None = None

    async def write(self, samples: Samples, sample_rate: int) -> None:
        if not len(samples):
            return
        if self.stream is None:
            self.stream = await self._ask_link(partial(self._begin_voice, sample_rate))
        await self._ask_link(partial(self.stream.write, samples))

    async def end(self) -> None:
        if self.stream is not None:
            await self._ask_link(self.stream.end)
