# SPDX-License-Identifier: Apache-2.0
"""POST /v1/speak: a voice made by one's own software, spoken while it is still being made.

The body is a WAV or raw PCM with `?sample_rate=` (see `driving_client.voice_decoder`), usually
chunked. Samples go on as they come: nothing waits for the end. They are read on the HTTP
server's thread and handed to the link's piece by piece, each awaited: that keeps their order,
and while the link is busy nothing more is read.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from aiohttp import web

from driving_client.errors import DrivingError, LinkError
from driving_client.link.interface import VoiceStream
from driving_client.serving import pieces
from driving_client.voice_decoder import VoiceDecoder, asked_rate
from kioskd.http.access import refuse

logger = logging.getLogger(__name__)

PAUSE_S: Final = 60.0
"""A voice that is still being made may be silent on the wire for so long."""

BeginVoice = Callable[[int], VoiceStream]
AskLink = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Calls a function on the link's thread and gives its result."""


class VoiceInput:
    """The route; `begin_voice` is the link's, and `ask_link` calls what is the link's."""

    def __init__(
        self, begin_voice: BeginVoice, ask_link: AskLink, enabled: Callable[[], bool]
    ) -> None:
        self._begin_voice = begin_voice
        self._ask_link = ask_link
        self._enabled = enabled

    def add_routes(self, app: web.Application) -> None:
        """Add POST /v1/speak."""
        app.router.add_post("/v1/speak", self._speak)

    async def _speak(self, request: web.Request) -> web.Response:
        if not self._enabled():
            return refuse(403, "voice_disabled", "voice.enabled is false in the configuration")
        stream: VoiceStream | None = None
        try:
            decoder = VoiceDecoder(asked_rate(request.query.get("sample_rate")))
            async for chunk in pieces(request, PAUSE_S):
                samples = decoder.feed(chunk)
                if stream is None and decoder.sample_rate and len(samples):
                    rate = decoder.sample_rate
                    stream = await self._ask_link(partial(self._begin_voice, rate))
                if stream is not None and len(samples):
                    await self._ask_link(partial(stream.write, samples))
            decoder.finish()
        except LinkError as error:
            return refuse(500, "link_fault", str(error))
        except DrivingError as error:
            logger.warning("voice refused: %s", error, extra={"code": "voice_refused"})
            return refuse(400, "bad_voice", str(error))
        except ConnectionError as error:
            logger.warning("voice cut off: %s", error, extra={"code": "voice_cut_off"})
            return refuse(400, "voice_cut_off", "the connection ended before the voice")
        except TimeoutError:
            return refuse(408, "body_too_slow", f"no sound came for {PAUSE_S:g} s")
        finally:
            if stream is not None:
                await self._ask_link(stream.end)
        if stream is None:
            return refuse(400, "bad_voice", "the body contains no sound")
        utterance = stream.utterance
        return web.json_response(
            {"req_id": utterance.request_id, "seconds": round(utterance.audio_seconds, 3)}
        )
