# SPDX-License-Identifier: Apache-2.0
"""`POST /say`: what is asked is queued at the kiosks, and what is wrong with it is answered.

A text is answered once its first phrase has been spoken for them and the text itself is whole: what
is wrong with it then shows, and no more than that is made before a kiosk asks for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Final

from aiohttp import web

from driving_client.endpoint.identifiers import new_identifier
from driving_client.endpoint.relay_session import Queued, RelaySession
from driving_client.endpoint.say_request import SayError, SayRequest, read_say
from driving_client.endpoint.saying import Saying
from driving_client.endpoint.speaker import Speaker, Take, refuse_unreadable
from driving_client.errors import SpeechError
from driving_client.serving import read_off
from driving_client.speakable.markup import without_markup
from driving_client.voices.choice import Voice
from driving_client.voices.speech import SynthesiserMissingError
from driving_client.voices.wish import VoiceWish

logger = logging.getLogger(__name__)

VoiceFor = Callable[[VoiceWish, VoiceWish], Voice]
_UNREAD: Final = (web.HTTPRequestTimeout.status_code,)


class SayDesk:
    """Takes requests for the kiosks that there are; `voice_for` gives a voice for both wishes."""

    def __init__(
        self, kiosks: Mapping[str, RelaySession], speaker: Speaker, voice_for: VoiceFor
    ) -> None:
        self._kiosks = kiosks
        self._speaker = speaker
        self._voice_for = voice_for

    async def say(self, request: web.Request) -> web.Response:
        """Say a text or a voice at every kiosk, or at the one that `connection_id` names."""
        try:
            asked = await read_say(request)
            kiosks = self._addressed(asked)
            if asked.samples is not None:
                return await self._say_voice(asked, kiosks)
            return await self._say_text(asked, kiosks)
        except SayError as error:
            if error.status not in _UNREAD:
                await read_off(request)
            return _refuse(error.status, str(error))
        except SynthesiserMissingError as error:
            await read_off(request)
            return _refuse(503, str(error))
        except SpeechError as error:
            await read_off(request)
            return _refuse(400, str(error))

    def _addressed(self, asked: SayRequest) -> list[RelaySession]:
        kiosks = [
            kiosk
            for kiosk in self._kiosks.values()
            if kiosk.started and asked.connection_id in (None, kiosk.connection_id)
        ]
        if not kiosks:
            raise SayError(
                503,
                "no kiosk is connected"
                + (f" as {asked.connection_id}" if asked.connection_id else "")
                + "; connect one to /relay (a kiosk on /websocket sends its own voice)",
            )
        return kiosks

    async def _say_voice(self, asked: SayRequest, kiosks: list[RelaySession]) -> web.Response:
        assert asked.samples is not None
        take = await self._speaker.perform(asked.samples, asked.sample_rate)
        request_id = new_identifier()
        queued = Queued(request_id, functools.partial(_once, take))
        taken = await _queue(dict.fromkeys(kiosks, queued), interrupt=asked.interrupt)
        return _accept(request_id, taken, seconds=round(take.seconds, 3))

    async def _say_text(self, asked: SayRequest, kiosks: list[RelaySession]) -> web.Response:
        voices = {kiosk: self._voice_for(asked.voice, kiosk.voice) for kiosk in kiosks}
        saying = Saying()
        beginning = asyncio.create_task(self._begin(saying, voices, interrupt=asked.interrupt))
        try:
            if asked.coming is None:
                for voice in dict.fromkeys(voices.values()):
                    _refuse_unreadable(asked.text, voice)
                saying.add(asked.text)
            else:
                await _follow(saying, asked.coming, kiosks, beginning)
            saying.end()
            return _accept(saying.request_id, await beginning)
        except (SayError, ConnectionError) as error:
            saying.break_off()
            logger.warning(
                "%s: broken off, said to its last whole clause: %s",
                saying.request_id,
                error,
                extra={"code": "text_broken_off"},
            )
            with contextlib.suppress(SayError, SpeechError):  # the first fault is the one to tell
                await beginning
            if isinstance(error, ConnectionError):
                raise SayError(400, "the connection ended before the text") from error
            raise
        finally:
            saying.break_off()
            if not beginning.done():
                beginning.cancel()
                await asyncio.wait({beginning})

    async def _begin(
        self, saying: Saying, voices: Mapping[RelaySession, Voice], *, interrupt: bool
    ) -> list[str]:
        """Queue a text once its first phrase is there; raises what is wrong with it."""
        for voice in dict.fromkeys(voices.values()):
            await self._speaker.begin(saying, voice)
        queued = {
            kiosk: Queued(saying.request_id, functools.partial(self._speaker.takes, saying, voice))
            for kiosk, voice in voices.items()
        }
        return await _queue(queued, interrupt=interrupt)


def _refuse_unreadable(text: str, voice: Voice) -> None:
    """Raise SpeechError for letters that the voice does not read, but in markup."""
    try:
        refuse_unreadable(text, voice)
    except SpeechError:
        refuse_unreadable(without_markup(re.sub(r"[ \t]+", " ", text)), voice)


async def _follow(
    saying: Saying,
    coming: AsyncIterator[str],
    kiosks: list[RelaySession],
    beginning: asyncio.Task[list[str]],
) -> None:
    """Hand a text on as it comes, as long as somebody says it."""
    async for text in coming:
        saying.add(text)
        if not beginning.done():
            continue
        beginning.result()  # raises what is wrong with the text
        if not any(kiosk.wants(saying.request_id) for kiosk in kiosks):
            raise SayError(409, "no kiosk says it any more: it was interrupted, or is too long")


async def _queue(queued: Mapping[RelaySession, Queued], *, interrupt: bool) -> list[str]:
    taken = [
        kiosk.connection_id for kiosk, each in queued.items() if await kiosk.say(each, interrupt)
    ]
    if not taken:
        raise SayError(503, 'the queue is full; wait, or send "interrupt": true to clear it')
    return taken


async def _once(take: Take) -> AsyncGenerator[Take, None]:
    yield take


def _accept(request_id: str, taken: list[str], **more: float) -> web.Response:
    return web.json_response({"req_id": request_id, **more, "connection_ids": taken})


def _refuse(status: int, message: str) -> web.Response:
    told = f"POST /say: {message}"
    logger.warning("%s", told, extra={"code": "say_refused"})
    return web.json_response({"error": told}, status=status)
