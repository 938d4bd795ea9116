# SPDX-License-Identifier: Apache-2.0
"""Speech of both kinds, and what became of each utterance."""

from __future__ import annotations

import http.client
import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np

from soaking.stand import Kiosk

_RATE: Final = 16000
_UNREACHABLE: Final = (501, 502, 503, 504)
_TEXT: Final = "Good morning! This is sentence number {} of a long day."
_TEXT_S: Final = 4.0


class Speech:
    """Speaks, waits for the end of what it said, and counts."""

    def __init__(self, kiosk: Kiosk) -> None:
        self._kiosk = kiosk
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []

    def say(self, *, excused: bool = False, wait: bool = True) -> None:
        """A text through the endpoint; `excused` where the endpoint is just being killed."""
        self.counts["said"] += 1
        body = json.dumps({"text": _TEXT.format(self.counts["said"])})
        self._ask("/v1/say", body, "application/json", excused, wait)

    def speak(self, seconds: float, *, wait: bool = True) -> None:
        """A voice of our own, sent while it is made; it needs no endpoint."""
        self.counts["spoken"] += 1
        self._ask(f"/v1/speak?sample_rate={_RATE}", _voice(seconds), "audio/pcm", False, wait)

    def _ask(self, path: str, body: object, kind: str, excused: bool, wait: bool) -> None:
        try:
            status, answer = self._kiosk.ask("POST", path, body, kind)
        except (OSError, http.client.HTTPException) as error:
            status, answer = 0, str(error).encode()
        if status == 200:
            self.counts["answered"] += 1
            if wait:
                time.sleep(min(float(json.loads(answer).get("seconds", _TEXT_S)) + 0.3, 8.0))
        elif excused and status in _UNREACHABLE:
            self.counts["excused by a kill"] += 1
        else:
            self.failures.append(f"{path}: {status} {answer[:200].decode('utf-8', 'replace')}")


def _voice(seconds: float) -> Iterator[bytes]:
    """A tone in pieces of 100 ms, made twice as fast as it is heard."""
    moments = np.arange(_RATE // 10) / _RATE
    piece = (np.sin(moments * 2 * np.pi * 220) * 8000).astype("<i2").tobytes()
    for _ in range(round(10 * seconds)):
        yield piece
        time.sleep(0.05)
