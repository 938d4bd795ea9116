# SPDX-License-Identifier: Apache-2.0
"""POST /v1/gesture: the software that hears and answers people says what the face should show.

A voice that is heard wins: the answer then says that nothing changed, and that is not an error, for
the caller cannot know when a voice begins.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from aiohttp import web

from kioskd.http.access import json_object, refuse
from kioskd.playback.gestures import GestureError

logger = logging.getLogger(__name__)


class GestureInput:
    """The route; `show` takes a clip's name and says whether it shows, or raises GestureError."""

    def __init__(self, show: Callable[[str], bool]) -> None:
        self._show = show

    def add_routes(self, app: web.Application) -> None:
        """Add POST /v1/gesture."""
        app.router.add_post("/v1/gesture", self._gesture)

    async def _gesture(self, request: web.Request) -> web.Response:
        body = await json_object(request, "name")
        if isinstance(body, web.Response):
            return body
        name = body.get("name")
        if not isinstance(name, str) or not name:
            return refuse(400, "no_name", 'send {"name": "a clip of the avatar, such as listen"}')
        try:
            shown = self._show(name)
        except GestureError as error:
            return refuse(400, "unknown_gesture", str(error))
        logger.info(
            "gesture %s asked for by %s, %s",
            name,
            request.remote,
            "shown" if shown else "not shown: a voice is heard",
            extra={"code": "gesture_requested"},
        )
        return web.json_response({"name": name, "shown": shown})
