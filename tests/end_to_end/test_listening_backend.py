# SPDX-License-Identifier: Apache-2.0
"""The example that backend writers copy who want to hear: a parrot, and a kiosk that hears."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from kiosk_rig import Start, recorded, start_kioskd, wait_for_outcome
from numpy.typing import NDArray
from processes import GENEROUS_S, ROOT, Process, metric, until
from sound_server import SoundServer

import listening_backend
from driving_client import make_link
from driving_client.link.heard import HeardSound, VisitorBegan, VisitorEnded
from driving_client.link.interface import LinkEvent, UtteranceStarted
from driving_client.voices.espeak import synthesise
from driving_client.voices.speech import Speech
from kioskd.config.network_sections import EndpointSection
from kioskd.config.part_settings import link_settings
from kioskd.config.sections import EarsSection
from kioskd.config.table import Config
from test_stand.sound_daemon import INTO_MICROPHONE, MICROPHONE

EXAMPLE = ROOT / "scripts/listening_backend.py"
HEARD_FIRST_S = 1.5
"""What the kiosk has to have heard of its own voice before it believes in another's over it."""
TALKS_OVER = "Thank you, that is enough for now. I did not want to hear it all once more."
ASKS = "Good morning, can you hear me? I want to know when the train to the sea leaves today."


async def _served(stack: contextlib.AsyncExitStack) -> str:
    """The example on a free port of loopback."""
    app = web.Application()
    app.router.add_get("/{any:.*}", listening_backend.relay)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"ws://127.0.0.1:{runner.addresses[0][1]}/any/path"


def test_the_parrot_says_back_the_turn_that_it_heard_and_nothing_else() -> None:
    """With sound missing before and after it, by a real link that offers a microphone."""
    room = np.arange(1, 64_001).astype(np.int16)

    async def story() -> None:
        async with contextlib.AsyncExitStack() as stack:
            config = Config(
                endpoint=EndpointSection(url=await _served(stack)), ears=EarsSection(enabled=True)
            )
            settings = link_settings(config, {})
            assert settings is not None
            events: list[LinkEvent] = []
            link = make_link(settings, events.append)
            task = asyncio.create_task(link.run())
            stack.callback(task.cancel)

            await becomes(lambda: link._ears._queue)  # type: ignore[attr-defined]
            sent = link.counters.bytes_sent
            for start in range(0, 64_000, 160):
                if start not in range(8000, 12_000) and start not in range(60_000, 61_000):
                    link.report_heard(HeardSound(room[start : start + 160], 900_000 + start))
                    await asyncio.sleep(0)
            await becomes(lambda: link.counters.bytes_sent > sent + 2 * 58_000)
            link.report_heard(VisitorBegan(900_000 + 20_000))
            link.report_heard(VisitorEnded(900_000 + 44_000, 900_000 + 55_200))
            await becomes(lambda: any(isinstance(each, UtteranceStarted) for each in events))
            (begun,) = [each for each in events if isinstance(each, UtteranceStarted)]
            await becomes(lambda: begun.utterance.audio_ended)
            said = begun.utterance.audio(0, 99_999)
            assert (said == room[20_000 - 4000 : 44_000]).all()
            assert begun.utterance.motion_ended, "the kiosk makes the lips"

    asyncio.run(story())


async def becomes(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(GENEROUS_S):
        while not holds():
            await asyncio.sleep(0.005)


@pytest.mark.slow("plays in real time")
def test_a_visitor_is_answered_and_talks_over_the_answer(
    start: Start, tmp_path: Path, avatar: Path, sound_server: SoundServer
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    backend = start("scripts.listening_backend", str(port))
    backend.wait_for("Running on")
    kioskd, url = start_kioskd(
        start,
        tmp_path,
        avatar,
        sound_server,
        f"url: ws://127.0.0.1:{port}/any/path",
        f'ears: {{enabled: true, device: "{MICROPHONE}", policy: barge_in}}',
    )
    backend.wait_for('"event": "listening", "codec": "pcm_s16le"')
    beside = Beside(f"{url}/v1/listen")
    asked = say_into_the_microphone(tmp_path, ASKS)
    answered = told_in(backend, '"state": "playing"')
    time.sleep(HEARD_FIRST_S)
    say_into_the_microphone(tmp_path, TALKS_OVER)
    barge_in = told_in(backend, '"state": "barge_in"')
    interrupted = told_in(backend, '"state": "interrupted"')
    assert barge_in["req_id"] == interrupted["req_id"] == answered["req_id"]
    assert barge_in["heard_ms"] == interrupted["played_ms"]
    assert 0 < barge_in["heard_ms"] < 1000 * asked.seconds
    wait_for_outcome(url, "interrupted")
    assert metric(url, "kiosk_listeners") == 1
    assert metric(url, "kiosk_link_microphone_dropped_seconds_total") == 0
    assert kioskd.terminate() == 0, kioskd.text
    # The parrot's answer begins a moment before the visitor's first word
    heard = asked.samples[: (barge_in["heard_ms"] - 500) * asked.sample_rate // 1000]
    assert likeness(*recorded(sound_server.wav), heard, asked.sample_rate) > 0.6
    beside.thread.join(GENEROUS_S)
    assert beside.texts[0]["event"] == "listening"
    states = [text["state"] for text in beside.texts if text["event"] == "speech"]
    assert states[:4] == ["began", "ended", "began", "barge_in"]
    assert likeness(beside.sound, 16000, asked.samples, asked.sample_rate) > 0.6


class Beside:
    """Software on the kiosk itself that listens too, until the kiosk ends."""

    def __init__(self, url: str) -> None:
        self.texts: list[dict[str, Any]] = []
        self._sound: list[bytes] = []
        self.thread = threading.Thread(target=lambda: asyncio.run(self._listen(url)), daemon=True)
        self.thread.start()
        until(lambda: self.texts or None, lambda: "nothing from /v1/listen")

    @property
    def sound(self) -> NDArray[np.int16]:
        return np.frombuffer(b"".join(self._sound), "<i2")

    async def _listen(self, url: str) -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as connected:
            async for message in connected:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self.texts.append(json.loads(message.data))
                else:
                    self._sound.append(message.data)


def say_into_the_microphone(folder: Path, text: str) -> Speech:
    """A visitor who is alone in a quiet room; returns when they have finished."""
    said = synthesise(text)
    path = folder / "visitor.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(said.sample_rate)
        file.writeframes(said.samples.astype("<i2").tobytes())
    subprocess.run(["aplay", "-q", "-D", INTO_MICROPHONE, str(path)], check=True, timeout=120)
    return said


def told_in(backend: Process, pattern: str) -> dict[str, Any]:
    """The first text that the kiosk sent and that the pattern fits."""
    told: dict[str, Any] = json.loads(backend.wait_for(rf"^{{.*{pattern}.*")[0])
    return told


def likeness(
    played: NDArray[np.int16], rate: int, spoken: NDArray[np.int16], spoken_rate: int
) -> float:
    """How alike the loudness of both goes, at most 1, where the spoken fits the played best."""
    levels = []
    for samples, own_rate in ((played, rate), (spoken, spoken_rate)):
        hop = own_rate // 50
        blocks = samples[: len(samples) // hop * hop].reshape(-1, hop).astype(float)
        levels.append(np.sqrt(np.mean(blocks**2, axis=1)))
    within, sought = levels
    pieces = np.lib.stride_tricks.sliding_window_view(within, len(sought))
    return max(float(np.corrcoef(piece, sought)[0, 1]) for piece in pieces if piece.any())


@pytest.mark.parametrize("arguments", [(), ("nine thousand",), ("9000", "more")])
def test_the_example_tells_how_to_use_it(arguments: tuple[str, ...]) -> None:
    result = subprocess.run(
        [sys.executable, str(EXAMPLE), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "listening_backend.py 9000" in result.stderr
