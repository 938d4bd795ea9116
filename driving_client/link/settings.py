# SPDX-License-Identifier: Apache-2.0
"""What a link must know, checked once, so that a wrong setting is told at the start.

Defaults are left to the caller: an operator's are in kioskd's table of options, and only what
nobody sets has one here. Secrets are kept out of `repr`, and so out of logs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final

from driving_client.address import HTTP, WEBSOCKET, check_url, without_secrets
from driving_client.errors import AddressError, LinkError
from driving_client.link.network import NetworkSettings
from driving_client.link.retry import Backoff
from driving_client.sample_rates import rate_fault
from driving_client.voices.wish import LONGEST_TEXT, VoiceWish

DIALECTS: Final = ("relay", "driveningress")
_FOR_A_CONNECTION: Final = ("session_key", "api_key", "network")
"""Settings that a session which stands needs no more."""


class SettingsError(LinkError):
    """Settings with which no link can work; `faults` says of each, by name, what is wrong."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {fault}" for name, fault in faults.items()))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Address and credentials of one driving endpoint; an empty text is one that is not given.

    A driveningress endpoint takes a `session_key`, or a token from `token_url`: the
    endpoint's console with an `api_key`, or the operator's own backend without one.
    `sample_rate` is that of the voice sent or asked for, in Hz; `motion_offset_s` is added
    to the time of every frame; `network` is the way out; `voice` is the one that a relay is asked
    for; `microphone`: whether one is offered to a relay. Raises SettingsError for settings that
    cannot work.
    """

    url: str
    dialect: str
    avatar_id: str
    app_id: str
    session_key: str = field(repr=False)
    token_url: str
    api_key: str = field(repr=False)
    sample_rate: int
    motion_offset_s: float
    connect_timeout_s: float
    network: NetworkSettings = field(default_factory=NetworkSettings)
    voice: VoiceWish = field(default_factory=VoiceWish)
    microphone: bool = False
    heartbeat_s: float = 15.0
    backoff: Backoff = field(default_factory=Backoff)

    def __post_init__(self) -> None:
        if faults := {name: fault for name, fault in self._faults().items() if fault}:
            raise SettingsError(faults)

    @property
    def key(self) -> str:
        """Names endpoint and avatar in a SessionRecord; a hash, for a URL may hold keys."""
        told = json.dumps((self.dialect, self.url, self.app_id, self.avatar_id))
        return hashlib.sha256(told.encode()).hexdigest()

    def same_session(self, other: LinkSettings) -> bool:
        """Whether a session made with the other stays what it is: only what made it differs."""
        return all(
            getattr(self, each.name) == getattr(other, each.name)
            for each in fields(self)
            if each.name not in _FOR_A_CONNECTION
        )

    def _faults(self) -> dict[str, str]:
        """What is wrong with each setting that anything can be wrong with; empty for nothing."""
        return {
            "url": _url_fault(self.url, (*WEBSOCKET, *HTTP)),
            "dialect": _dialect_fault(self.dialect),
            "app_id": _header_fault(self.app_id),
            "session_key": _header_fault(self.session_key),
            "token_url": self._token_url_fault(),
            "api_key": self._api_key_fault(),
            "sample_rate": rate_fault(self.sample_rate),
            "voice": _voice_fault(self.voice),
        }

    def _token_url_fault(self) -> str:
        if not self.token_url:
            return ""
        if self.session_key:
            return "a session key is given as well; keep one of the two"
        return _url_fault(self.token_url, HTTP)

    def _api_key_fault(self) -> str:
        if self.api_key and not self.token_url:
            return "has no effect without token_url; set that to the console's …/session-tokens"
        return _header_fault(self.api_key)


def _dialect_fault(dialect: str) -> str:
    return "" if dialect in DIALECTS else f"{dialect!r} is not one of {', '.join(DIALECTS)}"


def _voice_fault(voice: VoiceWish) -> str:
    if len(voice.name) <= LONGEST_TEXT:
        return ""
    return f"{len(voice.name)} characters are no voice's name; it has at most {LONGEST_TEXT}"


def _header_fault(value: str) -> str:
    if value.isascii() and value.isprintable():
        return ""
    return "contains characters that an HTTP header cannot carry; copy it again from the console"


def _url_fault(url: str, schemes: tuple[str, ...]) -> str:
    try:
        check_url(url, schemes)
    except AddressError as error:
        return f"{without_secrets(url)!r} is not an address: {error}"
    return ""
