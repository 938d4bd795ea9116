# SPDX-License-Identifier: Apache-2.0
"""What requests say about their bodies: the endpoint answers each in words and logs no fault."""

from __future__ import annotations

import asyncio

import pytest
from odd_requests import BODIES, ODD_HEADS, ask

from driving_client.endpoint import EndpointSettings, make_endpoint

ROUTES = (
    ("POST", "/say"), ("PUT", "/say"), ("POST", "/say?sample_rate=16000"), ("GET", "/say"),
    ("POST", "/session-tokens"), ("POST", "/v1/auth/session-token"), ("GET", "/relay"),
    ("GET", "/websocket?id=x"), ("POST", "/relay"), ("POST", "/nowhere"),
)  # fmt: skip


@pytest.mark.parametrize("head", ODD_HEADS.values(), ids=ODD_HEADS)
def test_no_route_breaks_on_what_a_head_says_of_its_body(
    head: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        server = make_endpoint(EndpointSettings())
        await server.start("127.0.0.1", 0)
        try:
            for method, path in ROUTES:
                for body in BODIES:
                    status, answer = await ask(server.address[1], method, path, head, body)
                    told = (method, path, body, answer)
                    assert 400 <= status < 500, told
                    assert answer.partition(b"\r\n\r\n")[2], told
                    assert status != 405 or b"\r\nAllow: " in answer
        finally:
            await server.stop()

    asyncio.run(story())
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
