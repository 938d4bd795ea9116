# SPDX-License-Identifier: Apache-2.0
"""The voice that a kiosk asks its relay for: the avatar's, or what the configuration names."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from kiosk_process import KioskProcess, running, write_small_avatar

from kioskd.config.part_settings import speaking_as
from splat_gles.bundle import read_bundle, write_bundle
from splat_gles.voice import Voice


def give_voice(path: Path, voice: Voice) -> None:
    write_small_avatar(path)
    write_bundle(replace(read_bundle(path), voice=voice), path, source="made up for tests")


def test_each_kiosk_asks_for_the_voice_of_its_avatar_and_a_reload_for_another(
    tmp_path: Path,
) -> None:
    starts: list[dict[str, Any]] = []

    async def relay(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            document = json.loads(message.data)
            if document.get("action") == "start":
                starts.append(document)
        return socket

    async def until(happened: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not happened():
                await asyncio.sleep(0.05)

    async def story() -> None:
        application = web.Application()
        application.router.add_get("/relay", relay)
        async with TestServer(application) as server:
            url = f"endpoint: {{url: 'ws://127.0.0.1:{server.port}/relay'}}\n"
            kiosks: list[KioskProcess] = []
            with contextlib.ExitStack() as stack:
                for name, voice in (
                    ("her", Voice("de", "female", 195.0)),
                    ("his", Voice("en-US", "male", 105.0)),
                ):
                    (tmp_path / name).mkdir()
                    give_voice(tmp_path / name / "ball.avatar", voice)
                    started = running(tmp_path / name, config=url)
                    kiosks.append(await asyncio.to_thread(stack.enter_context, started))
                await until(lambda: len(starts) == 2)
                voices = sorted((start["voice"] for start in starts), key=lambda each: each["sex"])
                assert voices == [
                    {"language": "de", "sex": "female", "pitch": 195.0},
                    {"language": "en-US", "sex": "male", "pitch": 105.0},
                ]
                her = kiosks[0]
                her.config.write_text(url.replace("}", ", voice: fr}"))
                her.process.send_signal(1)
                await until(lambda: len(starts) == 3)
                assert starts[2]["voice"]["name"] == "fr"
                assert starts[2]["voice"]["sex"] == "female"
                await asyncio.to_thread(stack.close)

    asyncio.run(story())


def test_without_an_endpoint_nobody_is_asked() -> None:
    assert speaking_as(Voice("de", "female", 195.0), None) is None
