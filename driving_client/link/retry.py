# SPDX-License-Identifier: Apache-2.0
"""What to do after a link has failed: the policy as tables, and the waiting times.

A kiosk stands in a shop with nobody near, so it retries whatever time may mend, and stops only
where each retry would fail for certain. Proxies answer 401, 403 and 404 while what is behind them
restarts: a refusal is final only for an address that has never worked, where it is a mistake in
the configuration. The same in words: driving_client/README.md, When a link fails.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from driving_client.errors import LinkError
from driving_client.texts import excerpt


class Action(Enum):
    """How to go on after a failure."""

    AT_ONCE = auto()
    BACKOFF = auto()
    SLOW = auto()
    FRESH_TOKEN = auto()
    REFUSED = auto()
    FATAL = auto()


Rule = tuple[Action, str]

_NETWORK: Final[Rule] = (Action.BACKOFF, "the network or the endpoint's host failed")
_TROUBLE: Final[Rule] = (Action.BACKOFF, "the endpoint is in trouble")
_REDIRECTED: Final[Rule] = (
    Action.BACKOFF,
    "the endpoint redirects the kiosk, which does not follow, so that no credential leaks; if it "
    "stays so, configure the final address",
)
_UNEXPECTED: Final[Rule] = (
    Action.BACKOFF,
    "an internal error; please report the traceback in its log",
)
_FLOOD: Final[Rule] = (
    Action.SLOW,
    "the endpoint sends more than could ever be played; fix the endpoint",
)

CLOSE_CODES: Final[Mapping[int, Rule]] = {
    4001: (Action.FATAL, "the account's credits are used up; top it up"),
    4002: (Action.AT_ONCE, "the session's time limit is reached, as expected"),
    4003: (Action.SLOW, "too many sessions are open; close others or raise the limit"),
    4010: (Action.FRESH_TOKEN, "the token is invalid or expired; check key and application id"),
}
GRPC_CODES: Final[Mapping[int, Rule]] = {
    3: (Action.FATAL, "the endpoint refuses the request; check avatar id and sample rate"),
    14: _TROUBLE,
    16: (Action.FRESH_TOKEN, "the endpoint does not accept the token; check the key"),
}
_UNPAID: Final[Rule] = (Action.FATAL, "the account needs payment")
UPGRADE_STATUS: Final[Mapping[int, Rule]] = {
    400: (Action.FRESH_TOKEN, "the endpoint refuses the token; check key and application id"),
    401: (Action.FRESH_TOKEN, "the endpoint refuses the token; check key and application id"),
    402: _UNPAID,
    403: (Action.REFUSED, "the endpoint forbids this application; check application id and key"),
    404: (Action.REFUSED, "no such avatar or application; check URL, avatar and application id"),
    429: (Action.SLOW, "too many connections; the endpoint asks to slow down"),
}
_NO_TOKEN: Final[Rule] = (
    Action.REFUSED,
    "no session token was issued; check the token URL and the API key",
)
TOKEN_STATUS: Final[Mapping[int, Rule]] = {
    **dict.fromkeys((400, 401, 403, 404), _NO_TOKEN),
    402: _UNPAID,
    429: (Action.SLOW, "too many token requests; the console asks to slow down"),
}


LONGEST_RETRY_AFTER_S: Final = 3600.0
"""An endpoint that asks for more is asked again after that long: it may have been a mistake."""


def rule_for_close(code: int | None) -> Rule:
    """The rule for a WebSocket close code; None where the connection just broke."""
    if code is None:
        return _NETWORK
    if code in CLOSE_CODES:
        return CLOSE_CODES[code]
    if 4000 <= code <= 4099:
        return Action.FATAL, "the endpoint says that the protocol was violated; update the kiosk"
    return _TROUBLE if 4500 <= code <= 4599 else _NETWORK


def rule_for_status(table: Mapping[int, Rule], status: int) -> Rule:
    """The rule for an HTTP status that the endpoint or the console has answered."""
    return table.get(status, _TROUBLE)


def rule_for_server_error(code: int) -> Rule:
    """The rule for ServerError.code: 4000 to 4999 as close codes, others gRPC codes."""
    return rule_for_close(code) if 4000 <= code <= 4999 else GRPC_CODES.get(code, _TROUBLE)


class SessionError(LinkError):
    """Why a session ended or did not begin; `code` is stable, the message is for people.

    `retry_after_s` is what the endpoint asked for, 0 for nothing.
    """

    def __init__(
        self, code: str, rule: Rule, detail: str = "", *, retry_after_s: float = 0.0
    ) -> None:
        self.code = code
        self.retry_after_s = retry_after_s
        self.action, meaning = rule
        super().__init__(f"{code}: {meaning}" + (f" ({excerpt(detail)})" if detail else ""))


class FloodError(SessionError):
    """The peer sends too much, `code` says of what: to be cut off without reading on.

    The message is a kiosk's, about its endpoint; `detail` is what either side may say of the other.
    """

    def __init__(self, code: str, detail: str) -> None:
        self.detail = detail
        super().__init__(code, _FLOOD, detail)


def network_fault(code: str, detail: str) -> SessionError:
    """A fault of the network: `code` says at which step."""
    return SessionError(code, _NETWORK, detail)


def redirect_fault(detail: str) -> SessionError:
    """An answer that leads elsewhere: it is not followed."""
    return SessionError("redirected", _REDIRECTED, detail)


def unexpected_fault(error: Exception) -> SessionError:
    """An unexpected exception."""
    return SessionError("link_fault", _UNEXPECTED, f"{type(error).__name__}: {error}")


def fault_of_error(code: int, detail: str) -> SessionError:
    """The fault that a ServerError (or a relay's error frame with a code) tells."""
    return SessionError(f"server_error_{code}", rule_for_server_error(code), detail)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waiting times in seconds: full jitter below a ceiling that doubles from `first_s`.

    An endpoint that has refused for `late_after_s` is asked every `late_s` at the latest.
    """

    first_s: float = 0.5
    ceiling_s: float = 30.0
    slow_s: float = 30.0
    stable_s: float = 60.0
    late_after_s: float = 24 * 3600.0
    late_s: float = 900.0


class RetryPolicy:
    """Turns faults into waiting times. `uniform` is random.uniform but for tests."""

    def __init__(
        self, backoff: Backoff, uniform: Callable[[float, float], float] = random.uniform
    ) -> None:
        self._backoff = backoff
        self._uniform = uniform
        self._failures = 0
        self._refused_tokens = 0
        self._refused_since: float | None = None

    def delay_after(
        self, fault: SessionError, session_s: float, *, worked: bool, now: float
    ) -> float | None:
        """Seconds to wait, None if only a person can mend it.

        `session_s` is how long the confirmed session stood (0 if there was none): from
        `stable_s` on, what failed before it no longer counts. `worked`: whether a session with
        this endpoint has ever worked. `now` is any clock's seconds.
        """
        if session_s >= self._backoff.stable_s:
            self._failures = self._refused_tokens = 0
        if session_s > 0:
            self._refused_since = None
        delay = self._delay(fault, worked, now)
        self._failures += 1
        if delay is None or not fault.retry_after_s:
            return delay
        asked = min(fault.retry_after_s, LONGEST_RETRY_AFTER_S)
        # Not all kiosks of a fleet at the same moment
        return max(delay, self._uniform(asked, 1.1 * asked))

    def _delay(self, fault: SessionError, worked: bool, now: float) -> float | None:
        refused_before = self._refused_tokens
        self._refused_tokens = refused_before + 1 if fault.action is Action.FRESH_TOKEN else 0
        match fault.action:
            case Action.FATAL:
                return None
            case Action.FRESH_TOKEN if not refused_before:
                return 0.0
            case Action.FRESH_TOKEN | Action.REFUSED:
                # A fresh token that is refused as well is no accident
                return self._refused(now) if worked else None
            case Action.SLOW:
                return self._uniform(self._backoff.slow_s, 2 * self._backoff.slow_s)
            case Action.AT_ONCE if self._failures == 0:
                return 0.0
            case _:
                return self._doubling()

    def _refused(self, now: float) -> float:
        if self._refused_since is None:
            self._refused_since = now
        if now - self._refused_since < self._backoff.late_after_s:
            return self._doubling()
        return self._uniform(self._backoff.late_s / 2, self._backoff.late_s)

    def _doubling(self) -> float:
        # 2**16 * 0.5 s is far beyond any ceiling; the power must not grow for ever
        longest = self._backoff.first_s * 2 ** min(self._failures, 16)
        return self._uniform(0.0, min(longest, self._backoff.ceiling_s))
