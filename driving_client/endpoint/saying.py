# SPDX-License-Identifier: Apache-2.0
"""The text of one request, on its way in, for all the kiosks that say it.

The text itself is kept and no sound of it: a kiosk cuts it into phrases when it is its turn, in the
language of its own voice. So what a queue holds is small, however long its texts are.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from driving_client.endpoint.identifiers import new_identifier
from driving_client.speakable.phrases import Phrase, Phrases


class Saying:
    """Add text until it ends or breaks off; `phrases` may be read by any number at once."""

    def __init__(self) -> None:
        self.request_id = new_identifier()
        self._pieces: list[str] = []
        self._ended = False
        self._broken = False
        self._changed = asyncio.Event()

    def add(self, text: str) -> None:
        """More text, in any pieces."""
        self._pieces.append(text)
        self._tell()

    def end(self) -> None:
        """The text is whole."""
        self._ended = True
        self._tell()

    def break_off(self) -> None:
        """The rest will not come: what has come is said to its last whole clause."""
        self._broken = self._broken or not self._ended
        self.end()

    async def phrases(self, language: str) -> AsyncGenerator[Phrase, None]:
        """All of it, each phrase as soon as it is whole, for a voice of that language."""
        phrases = Phrases(language)
        read = 0
        while True:
            changed, ended = self._changed, self._ended
            phrases.feed("".join(self._pieces[read:]))
            read = len(self._pieces)
            if ended:
                (phrases.break_off if self._broken else phrases.end)()
            while (phrase := phrases.next()) is not None:
                yield phrase
            if ended:
                return
            await changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
