# SPDX-License-Identifier: Apache-2.0
"""Session tokens for a driveningress endpoint (driving_client/wire/README.md, Tokens).

A token is fetched anew for every connection: connections are rare, and a token that a 4010
has spoiled is never met again. Its expiry is counted by the service's own clock, because a board
without a battery would ask for a token that has expired already and be refused for it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any, Final

import aiohttp

from driving_client.link.http_answers import no_redirects, read_answer, refused
from driving_client.link.http_client import uncompressed
from driving_client.link.network import NetworkSettings, by_way_of
from driving_client.link.retry import TOKEN_STATUS, Action, Rule, SessionError, network_fault
from driving_client.link.server_clock import ServerClock
from driving_client.link.settings import LinkSettings
from driving_client.texts import excerpt

_LIFETIME_S: Final = 3600
"""A token only opens a connection; the protocol allows 24 h."""

_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_TIME_TIMEOUT: Final = aiohttp.ClientTimeout(total=3)
_MAX_TOKEN: Final = 4096
"""Characters; no server takes a longer header."""

_MAX_REPLY_BYTES: Final = 64 * 1024


_LONGEST_S: Final = 24 * 3600
"""From now to expiry at most, by the protocol."""

_CLOCK: Final[Rule] = (
    Action.BACKOFF,
    "the board's clock is not set and the token service does not tell the time; "
    "waiting for the clock",
)


async def credentials(
    http: aiohttp.ClientSession, settings: LinkSettings, clock: ServerClock
) -> dict[str, str]:
    """The headers of the upgrade: what is configured, nothing otherwise; raises SessionError.

    `http` follows no redirect (`http_answers.no_redirects`); `clock` is kept between calls.
    """
    headers = {"X-App-ID": settings.app_id} if settings.app_id else {}
    token = await _fresh_token(http, settings, clock) if settings.token_url else ""
    if token or settings.session_key:
        headers["X-Session-Key"] = token or settings.session_key
    return headers


async def _fresh_token(
    http: aiohttp.ClientSession, settings: LinkSettings, clock: ServerClock
) -> str:
    if not settings.api_key:
        body = {"app_id": settings.app_id, "avatar_id": settings.avatar_id}
        return await _post(http, settings, {}, body, clock)
    if not clock.told:
        await _ask_the_time(settings.token_url, settings.network, clock)
    headers = {"X-Api-Key": settings.api_key}
    expires = _expiry(clock)
    try:
        return await _post(http, settings, headers, {"expireAt": expires}, clock)
    except SessionError:
        now = clock.now()
        if now is None or 0 < expires - now <= _LONGEST_S:
            raise
    # It was our clock that was refused: the answer has told the right time
    return await _post(http, settings, headers, {"expireAt": _expiry(clock)}, clock)


def _expiry(clock: ServerClock) -> int:
    now = clock.now()
    if now is None:
        raise SessionError("clock_not_set", _CLOCK)
    return int(now) + _LIFETIME_S


async def _ask_the_time(url: str, network: NetworkSettings, clock: ServerClock) -> None:
    """Let the service tell its Date, without any credential; a service need not answer.

    On a connection of its own: many end one after a HEAD, and a POST on it would fail.
    """
    with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError, ValueError, SessionError):
        async with (
            uncompressed(network, _TIME_TIMEOUT, (no_redirects,)) as http,
            http.head(url) as answer,
        ):
            clock.hear(answer.headers.get("Date"))


async def _post(
    http: aiohttp.ClientSession,
    settings: LinkSettings,
    headers: dict[str, str],
    body: dict[str, Any],
    clock: ServerClock,
) -> str:
    try:
        async with http.post(
            settings.token_url, headers=headers, json=body, timeout=_TIMEOUT
        ) as reply:
            clock.hear(reply.headers.get("Date"))
            raw = await read_answer(reply, _MAX_REPLY_BYTES)
            return _token_in(reply.status, reply.headers, raw)
    except TimeoutError as error:
        way = by_way_of(settings.network, settings.token_url)
        raise network_fault("token_timeout", f"no reply within 10 s{way}") from error
    # ValueError: a name that no resolver takes (UnicodeError), an address that yarl refuses
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise network_fault("token_unreachable", str(error)) from error


def _token_in(status: int, headers: Mapping[str, str], raw: bytes) -> str:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        document = {}
    token = document.get("sessionToken") or document.get("session_token")
    if (
        200 <= status <= 299
        and isinstance(token, str)
        and token
        and token.isascii()
        and token.isprintable()
        and len(token) <= _MAX_TOKEN
    ):
        return token
    detail = _error_text(document)
    if not 200 <= status <= 299 or detail:
        raise refused("token_http", TOKEN_STATUS, status, headers, detail)
    raise network_fault("token_missing", "the reply has no usable sessionToken")


def _error_text(document: dict[str, Any]) -> str:
    """What an error reply says, in either of its forms; "" if it is not one."""
    errors = document.get("errors")
    if isinstance(errors, list) and errors:
        document = errors[0] if isinstance(errors[0], dict) else {"detail": errors[0]}
    elif "sessionToken" in document or "session_token" in document:
        return ""
    texts = [document.get(key) for key in ("code", "title", "detail", "message", "error")]
    return " - ".join(excerpt(str(text)) for text in texts if text)
