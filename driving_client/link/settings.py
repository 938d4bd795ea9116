# SPDX-License-Identifier: Apache-2.0
"""What a link must know, checked once, so that a wrong setting is told at the start.

Secrets are kept out of `repr`, and so out of logs.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Final

from driving_client.address import HTTP, WEBSOCKET, check_url, without_secrets
from driving_client.errors import AddressError, LinkError
from driving_client.link.retry import Backoff
from driving_client.utterance import SAMPLE_RATES

DIALECTS: Final = ("relay", "driveningress")


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Address and credentials of one driving endpoint.

    A driveningress endpoint takes a `session_key`, or a token had from `token_url`: the
    endpoint's console with an `api_key`, or the operator's own backend without one.
    `sample_rate` is that of the voice sent or asked for, in Hz; `motion_offset_s` is added
    to the time of every frame. Raises LinkError for settings that cannot work.
    """

    url: str
    dialect: str = "relay"
    avatar_id: str = ""
    app_id: str = ""
    session_key: str = field(default="", repr=False)
    token_url: str = ""
    api_key: str = field(default="", repr=False)
    sample_rate: int = 16000
    motion_offset_s: float = 0.0
    connect_timeout_s: float = 10.0
    heartbeat_s: float = 15.0
    backoff: Backoff = field(default_factory=Backoff)

    def __post_init__(self) -> None:
        _check_url("url", self.url, (*WEBSOCKET, *HTTP))
        if self.token_url:
            _check_url("token_url", self.token_url, HTTP)
        if self.dialect not in DIALECTS:
            raise LinkError(f"dialect {self.dialect!r}: use one of {', '.join(DIALECTS)}")
        if self.sample_rate not in SAMPLE_RATES:
            raise LinkError(
                f"sample_rate {self.sample_rate}: use one of {', '.join(map(str, SAMPLE_RATES))}"
            )
        for name in ("app_id", "session_key", "api_key"):
            value = getattr(self, name)
            if not (value.isascii() and value.isprintable()):
                raise LinkError(f"{name} holds characters that no HTTP header takes: check it")
        if self.session_key and self.token_url:
            raise LinkError("session_key and token_url are both given: keep one of them")
        if self.api_key and not self.token_url:
            raise LinkError("api_key is given without token_url: set it to …/session-tokens")

    @property
    def key(self) -> str:
        """Names endpoint and avatar in a SessionRecord; tells nothing, for a URL may hold keys."""
        told = json.dumps((self.dialect, self.url, self.app_id, self.avatar_id))
        return hashlib.sha256(told.encode()).hexdigest()


def _check_url(name: str, url: str, schemes: tuple[str, ...]) -> None:
    try:
        check_url(url, schemes)
    except AddressError as error:
        raise LinkError(f"{name} {without_secrets(url)!r} is not an address: {error}") from error
