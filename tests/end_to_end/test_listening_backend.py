# SPDX-License-Identifier: Apache-2.0
"""The example that backend writers copy who want to hear: a parrot, and a kiosk that hears."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys

import numpy as np
import pytest
from aiohttp import web
from processes import GENEROUS_S, ROOT

import listening_backend
from driving_client import make_link
from driving_client.link.heard import HeardSound, VisitorBegan, VisitorEnded
from driving_client.link.interface import LinkEvent, UtteranceStarted
from kioskd.config.network_sections import EndpointSection
from kioskd.config.part_settings import link_settings
from kioskd.config.sections import EarsSection
from kioskd.config.table import Config

EXAMPLE = ROOT / "scripts/listening_backend.py"
ASKS = "Good morning, can you hear what I am saying?"


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

            async def until(holds: object) -> None:
                async with asyncio.timeout(GENEROUS_S):
                    while not holds():  # type: ignore[operator]
                        await asyncio.sleep(0.005)

            await until(lambda: link._ears._queue)  # type: ignore[attr-defined]
            sent = link.counters.bytes_sent
            for start in range(0, 64_000, 160):
                if start not in range(8000, 12_000) and start not in range(60_000, 61_000):
                    link.report_heard(HeardSound(room[start : start + 160], 900_000 + start))
                    await asyncio.sleep(0)
            await until(lambda: link.counters.bytes_sent > sent + 2 * 58_000)
            link.report_heard(VisitorBegan(900_000 + 20_000))
            link.report_heard(VisitorEnded(900_000 + 44_000, 900_000 + 55_200))
            await until(lambda: any(isinstance(each, UtteranceStarted) for each in events))
            (begun,) = [each for each in events if isinstance(each, UtteranceStarted)]
            await until(lambda: begun.utterance.audio_ended)
            said = begun.utterance.audio(0, 99_999)
            assert (said == room[20_000 - 4000 : 44_000]).all()
            assert begun.utterance.motion_ended, "the kiosk makes the lips"

    asyncio.run(story())


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
