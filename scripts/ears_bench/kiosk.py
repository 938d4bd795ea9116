# SPDX-License-Identifier: Apache-2.0
"""The real kioskd on the rig's sound cards: it is told to speak, and told what it hears.

As any software beside a kiosk would: `POST /v1/speak`, `GET /v1/listen`, `/healthz`, `/metrics`.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import re
import threading
import time
import urllib.error
import urllib.request
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import numpy as np
from numpy.typing import NDArray

from test_stand.processes import ROOT, StandError, start_kiosk
from test_stand.rooms import RATE, Signal
from test_stand.sound_daemon import MICROPHONE, PACED

_ASK_S: Final = 30.0
_READY_S: Final = 120.0
_NICE: Final = -15
"""Given before its threads begin, which inherit it."""


class HeardByKiosk:
    """What /v1/listen told: sound by position, and events; filled by a thread of its own."""

    def __init__(self, url: str) -> None:
        self.began = threading.Event()
        self.interruptions = 0
        self.arrivals: list[tuple[float, int]] = []
        self._url = url
        self._lock = threading.Lock()
        self._blocks: list[tuple[int, NDArray[np.int16]]] = []
        self._events: list[dict[str, Any]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="listen", daemon=True)
        self._thread.start()

    def blocks(self) -> list[tuple[int, NDArray[np.int16]]]:
        """Position and samples of each, in order."""
        with self._lock:
            return list(self._blocks)

    def events(self) -> list[dict[str, Any]]:
        """All so far."""
        with self._lock:
            return list(self._events)

    def forget(self) -> None:
        """Let go of it."""
        with self._lock:
            self._blocks.clear()
            self._events.clear()

    def close(self) -> None:
        """End it."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        task = self._loop.create_task(self._listen())
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_forever()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, aiohttp.ClientError, OSError):
            self._loop.run_until_complete(task)
        self._loop.close()

    async def _listen(self) -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(self._url) as socket:
            position = 0
            async for message in socket:
                if message.type is aiohttp.WSMsgType.BINARY:
                    samples = np.frombuffer(message.data, "<i2").astype(np.int16)
                    with self._lock:
                        self._blocks.append((position, samples))
                    position += len(samples)
                    if len(self.arrivals) < 1000:
                        self.arrivals.append((time.monotonic(), position))
                    self.began.set()
                elif message.type is aiohttp.WSMsgType.TEXT:
                    told = json.loads(message.data)
                    if told["event"] == "position":
                        position = int(told["position"])
                    self.interruptions += told.get("state") == "barge_in"
                    with self._lock:
                        self._events.append(told)


class Kiosk:
    """A running kioskd with ears; `heard` is what it tells a listener."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], settings: Mapping[str, object]
    ) -> None:
        """Returns once it listens; raises StandError where it does not."""
        self._run = start_kiosk(
            folder,
            {
                "avatar.path": ROOT / "config/avatars/default-20k.avatar",
                "display.width": 90,
                "display.height": 160,
                "display.frame_rate": 10,
                "audio.device": PACED,
                "audio.volume": 1.0,
                "health.port": 0,
                "ears.enabled": "true",
                "ears.device": MICROPHONE,
                **settings,
            },
            environment,
        )
        with contextlib.suppress(OSError):
            # Where the right is there: what a starved kiosk does is not what is measured
            os.setpriority(os.PRIO_PROCESS, self._run.pid, _NICE)
        self.log = self._run.log
        try:
            self._run.wait_for(r"ready: ")
            port = int(self._run.wait_for(r"http_listening: .*:(\d+)/")[1])
        except BaseException:
            self._run.kill()
            raise
        self.url = f"http://127.0.0.1:{port}"
        self.heard = HeardByKiosk(f"ws://127.0.0.1:{port}/v1/listen")
        if not self.heard.began.wait(_READY_S):
            self.stop()
            raise StandError(f"nothing comes from the kiosk's microphone; see {self.log}")

    def say(self, sound: Signal) -> float:
        """Have it speak this (-1 to 1, at RATE); seconds of it. Raises StandError."""
        samples = np.clip(np.round(sound * 32767), -32768, 32767).astype("<i2")
        body = io.BytesIO()
        with wave.open(body, "wb") as file:
            file.setparams((1, 2, RATE, len(samples), "NONE", ""))
            file.writeframes(samples.tobytes())
        self._ask("POST", "/v1/speak", body.getvalue(), "audio/wav")
        return len(samples) / RATE

    def hush(self) -> None:
        """Have it be silent."""
        self._ask("POST", "/v1/interrupt", b"", "application/json")

    def metric(self, name: str) -> float:
        """A metric, summed over its labels; 0 where it is not told."""
        text = self._ask("GET", "/metrics").decode()
        values = re.findall(rf"^{re.escape(name)}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
        return sum(map(float, values))

    def stop(self) -> None:
        """End it."""
        self.heard.close()
        self._run.kill()

    def _ask(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> bytes:
        headers = {"Content-Type": kind} if kind else {}
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=_ASK_S) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise StandError(f"{method} {path}: {error.code} {error.read()[:200]!r}") from error
        except OSError as error:
            raise StandError(f"{method} {path}: {error}; see {self.log}") from error
