# SPDX-License-Identifier: Apache-2.0
"""Answers at the upgrade and at the token service that are neither a success nor a refusal."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from scripted_endpoint import linked, serving, until

from driving_client.link.session import ReconnectingLink

REDIRECTS = ["{other}/stolen", "/elsewhere", "http://a..b/", "ws://x:99999999", "", "//[", "\x7f"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["token", "upgrade"])
def test_credentials_follow_no_redirect(where: str, status: int) -> None:
    stolen: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        stolen.append(request.path)
        return web.Response()

    async def story() -> None:
        other_app = web.Application()
        other_app.router.add_route("*", "/{any:.*}", elsewhere)
        async with serving(other_app) as other:
            locations = [each.format(other=f"http://{other}") for each in REDIRECTS]

            async def redirect(request: web.Request) -> web.StreamResponse:
                headers = {"Location": locations[0] if len(locations) == 1 else locations.pop()}
                return web.Response(status=status, headers=headers)

            app = web.Application()
            app.router.add_route("*", "/{any:.*}", redirect)
            credentials = {"session_key": "secret"}
            if where == "token":
                credentials = {"token_path": "/t", "api_key": "secret"}
            async with linked(app, **credentials) as rig:
                await until(lambda: len(rig.downs) > len(REDIRECTS))
                assert all(down.reason.startswith("redirected: ") for down in rig.downs)
                assert f"leads to http://{other}" in rig.downs[-1].reason
                assert not any(down.fatal for down in rig.downs)
                assert not rig.link.counters.failures.get("link_fault")
        assert stolen == []

    asyncio.run(story())


def test_retry_after_is_heeded_at_both_steps() -> None:
    async def story(where: str, status: int) -> None:
        async def busy(_: web.Request) -> web.Response:
            return web.Response(status=status, headers={"Retry-After": "7"})

        app = web.Application()
        app.router.add_route("*", "/{any:.*}", busy)
        settings = {"token_path": "/t"} if where == "token" else {}
        async with linked(app, **settings) as rig:
            await until(lambda: rig.downs)
            wait = rig.downs[0].retry_in_s
            assert wait is not None
            assert 7 <= wait <= 7.7

    for where in ("token", "upgrade"):
        for status in (429, 503):
            asyncio.run(story(where, status))


@pytest.mark.parametrize("url", ["ws://" + "a" * 64, "ws://a..b", "ws://xn--\u00fc"])
def test_a_name_that_no_resolver_takes_is_a_link_that_is_down(url: str) -> None:
    async def story() -> None:
        async with linked(web.Application()) as rig:
            assert isinstance(rig.link, ReconnectingLink)
            object.__setattr__(rig.link._settings, "url", url)
            await until(lambda: len(rig.downs) > 2)
            assert rig.downs[-1].reason.startswith("unreachable")
            object.__setattr__(rig.link._settings, "token_url", url.replace("ws", "http"))
            await until(lambda: rig.downs[-1].reason.startswith("token_unreachable"))
            assert not any(down.fatal for down in rig.downs)
            assert not rig.link.counters.failures.get("link_fault")

    asyncio.run(story())
