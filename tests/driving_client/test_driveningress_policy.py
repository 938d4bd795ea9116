# SPDX-License-Identifier: Apache-2.0
"""How a driveningress session begins and ends: handshakes, close codes, refusals."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from scripted_endpoint import ConfirmingEndpoint, linked, until, websocket_app

from driving_client.link.interface import LinkDown, LinkUp
from driving_client.wire.codec import (
    ConfirmSession,
    PlaybackStateMessage,
    ServerError,
    encode_message,
)

CLOSES = [
    (4001, "fatal"),
    (4002, "again"),
    (4003, "again"),
    (4010, "fatal"),  # it comes again with the fresh token: twice in a row
    (4099, "fatal"),
    (4503, "again"),
    (1011, "again"),
]


@pytest.mark.parametrize(
    ("code", "outcome", "how"),
    [(*close, "close") for close in CLOSES]
    + [(code, outcome, "error") for code, outcome in CLOSES if code >= 4000],
)
def test_the_end_of_a_session_is_treated_by_its_code(code: int, outcome: str, how: str) -> None:
    attempts = 0

    async def refuse(socket: web.WebSocketResponse, _: web.Request) -> None:
        nonlocal attempts
        attempts += 1
        await socket.receive()
        if how == "error":
            await socket.send_bytes(encode_message(ServerError(code, "because")))
            await socket.receive()
        await socket.close(code=code)

    async def story() -> None:
        async with linked(websocket_app(refuse)) as rig:
            if outcome == "fatal":
                await asyncio.wait_for(rig.task, 60)
                assert rig.downs[-1].fatal
                assert rig.downs[-1].retry_in_s is None
                assert str(code) in rig.downs[-1].reason
                assert attempts == (2 if code == 4010 else 1)
            else:
                await until(lambda: attempts >= 3)
                assert not any(down.fatal for down in rig.downs)
            assert not rig.ups

    asyncio.run(story())


UPGRADES = [(401, 2), (400, 2), (402, 1), (403, 1), (404, 1), (429, None), (503, None)]


@pytest.mark.parametrize(("status", "attempts_before_the_end"), UPGRADES)
def test_a_refused_upgrade_is_treated_by_its_status(
    status: int, attempts_before_the_end: int | None
) -> None:
    attempts = 0

    async def refuse(_: web.Request) -> web.Response:
        nonlocal attempts
        attempts += 1
        return web.Response(status=status)

    async def story() -> None:
        app = web.Application()
        app.router.add_get("/websocket", refuse)
        async with linked(app) as rig:
            if attempts_before_the_end is None:
                await until(lambda: attempts >= 3)
                assert all(isinstance(e, LinkDown) and not e.fatal for e in rig.events)
            else:
                await asyncio.wait_for(rig.task, 60)
                assert attempts == attempts_before_the_end
                assert rig.downs[-1].fatal
                assert f"http_{status}" in rig.downs[-1].reason

    asyncio.run(story())


def test_a_silent_or_wrong_handshake_is_tried_again() -> None:
    behaviours = ["empty id", "garbage", "hang up", "ok"]

    async def handler(socket: web.WebSocketResponse, _: web.Request) -> None:
        match behaviours.pop(0):
            case "empty id":
                await socket.send_bytes(encode_message(ConfirmSession("")))
            case "garbage":
                await socket.send_bytes(b"\x08\x02")
            case "hang up":
                return
            case "ok":
                await socket.send_str("texts are ignored")
                await socket.send_bytes(encode_message(PlaybackStateMessage("x", 1)))
                await socket.send_bytes(encode_message(ConfirmSession("at last")))
        await socket.receive()
        await socket.receive()

    async def story() -> None:
        async with linked(websocket_app(handler), connect_timeout_s=60.0) as rig:
            await until(lambda: rig.ups)
            assert rig.ups == [LinkUp("at last")]
            codes = [down.reason.split(":")[0] for down in rig.downs]
            assert codes[:2] == ["handshake_damaged"] * 2
            assert codes[2].startswith("close_")

    asyncio.run(story())


def test_a_backend_that_never_confirms_is_given_up_and_tried_again() -> None:
    async def silent(socket: web.WebSocketResponse, _: web.Request) -> None:
        await socket.receive()
        await socket.receive()

    async def story() -> None:
        # On a busy machine some tries do not even come to the upgrade
        async with linked(websocket_app(silent), connect_timeout_s=0.5) as rig:
            await until(
                lambda: any(each.reason.startswith("confirm_timeout: ") for each in rig.downs)
            )
            assert not rig.ups
            assert rig.downs[0].retry_in_s is not None

    asyncio.run(story())


def test_an_endpoint_that_is_not_there_yet_is_found_later() -> None:
    async def story() -> None:
        endpoint = ConfirmingEndpoint()
        async with linked(websocket_app(endpoint)) as rig:
            await until(lambda: rig.ups)
            socket = endpoint.socket
            assert socket is not None
            assert socket._req is not None
            transport = socket._req.transport
            assert transport is not None
            transport.abort()  # as if a cable was pulled: no close frame
            await until(lambda: len(rig.ups) == 2)
            assert rig.link.counters.connects == 2

    asyncio.run(story())
