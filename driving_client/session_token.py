# SPDX-License-Identifier: Apache-2.0
"""Session tokens for a driveningress endpoint (PROTOCOL section 3, step 1).

A token is fetched anew for every connection: connections are rare, and a token that a 4010
has spoiled is never met again.
"""

from __future__ import annotations

import json
import time
from typing import Any, Final

import aiohttp

from driving_client.retry import TOKEN_STATUS, SessionError, network_fault, rule_for_status
from driving_client.session_settings import LinkSettings

_LIFETIME_S: Final = 3600
"""A token only opens a connection; the protocol allows 24 h."""

_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_MAX_REPLY_BYTES: Final = 64 * 1024


async def credentials(http: aiohttp.ClientSession, settings: LinkSettings) -> dict[str, str]:
    """The headers of the upgrade: what is configured, nothing otherwise; raises SessionError."""
    headers = {"X-App-ID": settings.app_id} if settings.app_id else {}
    token = await _fresh_token(http, settings) if settings.token_url else settings.session_key
    if token:
        headers["X-Session-Key"] = token
    return headers


async def _fresh_token(http: aiohttp.ClientSession, settings: LinkSettings) -> str:
    headers, body = _request(settings)
    try:
        async with http.post(
            settings.token_url, headers=headers, json=body, timeout=_TIMEOUT
        ) as reply:
            raw = await reply.content.read(_MAX_REPLY_BYTES)
            while len(raw) < _MAX_REPLY_BYTES and (more := await reply.content.read(4096)):
                raw += more
            return _token_in(reply.status, raw)
    except TimeoutError as error:
        raise network_fault("token_timeout", "no reply within 10 s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise network_fault("token_unreachable", str(error)) from error


def _request(settings: LinkSettings) -> tuple[dict[str, str], dict[str, Any]]:
    if settings.api_key:
        return {"X-Api-Key": settings.api_key}, {"expireAt": int(time.time()) + _LIFETIME_S}
    return {}, {"app_id": settings.app_id, "avatar_id": settings.avatar_id}


def _token_in(status: int, raw: bytes) -> str:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        document = {}
    detail = _error_text(document)
    if status != 200 or detail:
        raise SessionError(f"token_http_{status}", rule_for_status(TOKEN_STATUS, status), detail)
    token = document.get("sessionToken") or document.get("session_token")
    if not isinstance(token, str) or not (token and token.isascii() and token.isprintable()):
        raise network_fault("token_missing", "the reply holds no usable sessionToken")
    return token


def _error_text(document: dict[str, Any]) -> str:
    """What an error reply says, in either of its forms; "" if it is none."""
    errors = document.get("errors")
    if isinstance(errors, list) and errors:
        document = errors[0] if isinstance(errors[0], dict) else {"detail": errors[0]}
    elif "sessionToken" in document or "session_token" in document:
        return ""
    texts = [document.get(key) for key in ("code", "title", "detail", "message", "error")]
    return " - ".join(str(text) for text in texts if text)
