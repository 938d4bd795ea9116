# SPDX-License-Identifier: Apache-2.0
"""The policy after a failure: which codes are tried again, and when."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_endpoint import link_settings

from driving_client import Backoff
from driving_client.link.http_answers import retry_after
from driving_client.link.retry import (
    TOKEN_STATUS,
    UPGRADE_STATUS,
    Action,
    RetryPolicy,
    SessionError,
    fault_of_error,
    network_fault,
    rule_for_close,
    rule_for_server_error,
    rule_for_status,
)
from driving_client.link.settings import SettingsError
from driving_client.voices.wish import VoiceWish

BACKOFF = Backoff(first_s=0.5, ceiling_s=30.0, slow_s=30.0, stable_s=60.0)


def longest(_: float, high: float) -> float:
    """The longest wait that the jitter allows."""
    return high


class Policy:
    """RetryPolicy against an endpoint that has worked or not, with a clock that is wound on."""

    def __init__(
        self,
        uniform: Callable[[float, float], float] = random.uniform,
        *,
        worked: bool = False,
    ) -> None:
        self._policy = RetryPolicy(BACKOFF, uniform)
        self._worked = worked
        self.now = 0.0

    def delay_after(self, fault: SessionError, session_s: float) -> float | None:
        return self._policy.delay_after(fault, session_s, worked=self._worked, now=self.now)


def closed(code: int | None) -> SessionError:
    return SessionError(f"close_{code}", rule_for_close(code))


CLOSE_ACTIONS = {
    4001: Action.FATAL,
    4002: Action.AT_ONCE,
    4003: Action.SLOW,
    4010: Action.FRESH_TOKEN,
    4000: Action.FATAL,
    4004: Action.FATAL,
    4099: Action.FATAL,
    4500: Action.BACKOFF,
    4503: Action.BACKOFF,
    4599: Action.BACKOFF,
    4100: Action.BACKOFF,
    1000: Action.BACKOFF,
    1006: Action.BACKOFF,
    1011: Action.BACKOFF,
    None: Action.BACKOFF,
}


@pytest.mark.parametrize(("code", "action"), CLOSE_ACTIONS.items())
def test_the_table_of_close_codes(code: int | None, action: Action) -> None:
    assert rule_for_close(code)[0] is action


@pytest.mark.parametrize(
    ("code", "action"),
    [
        (3, Action.FATAL),
        (14, Action.BACKOFF),
        (16, Action.FRESH_TOKEN),
        (13, Action.BACKOFF),
        (0, Action.BACKOFF),
        (4001, Action.FATAL),
        (4503, Action.BACKOFF),
        (5000, Action.BACKOFF),
    ],
)
def test_the_table_of_server_errors(code: int, action: Action) -> None:
    assert rule_for_server_error(code)[0] is action


def test_the_tables_of_http_statuses() -> None:
    expected = {
        400: Action.FRESH_TOKEN, 401: Action.FRESH_TOKEN,
        402: Action.FATAL, 403: Action.REFUSED, 404: Action.REFUSED,
        429: Action.SLOW, 500: Action.BACKOFF, 503: Action.BACKOFF, 302: Action.BACKOFF,
    }  # fmt: skip
    for status, action in expected.items():
        assert rule_for_status(UPGRADE_STATUS, status)[0] is action
    for status in (400, 401, 403, 404):
        assert rule_for_status(TOKEN_STATUS, status)[0] is Action.REFUSED
    assert rule_for_status(TOKEN_STATUS, 402)[0] is Action.FATAL
    assert rule_for_status(TOKEN_STATUS, 500)[0] is Action.BACKOFF


def test_waits_double_to_the_ceiling_with_full_jitter() -> None:
    policy = Policy(longest)
    waits = [policy.delay_after(closed(1006), 0.0) for _ in range(9)]
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    shortest = Policy(lambda low, _: low)
    assert [shortest.delay_after(closed(1006), 0.0) for _ in range(3)] == [0, 0, 0]


def test_a_stable_session_forgets_what_failed_before() -> None:
    policy = Policy(longest)
    for _ in range(5):
        policy.delay_after(closed(1006), 59.9)
    assert policy.delay_after(closed(1006), 60.0) == 0.5


def test_a_refused_token_is_renewed_once() -> None:
    policy = Policy(longest)
    assert policy.delay_after(closed(4010), 0.0) == 0.0
    assert policy.delay_after(closed(4010), 5.0) is None
    other = Policy(longest)
    assert other.delay_after(closed(4010), 0.0) == 0.0
    assert other.delay_after(closed(4010), 3600.0) == 0.0
    mixed = Policy(longest)
    assert mixed.delay_after(fault_of_error(16, ""), 0.0) == 0.0
    assert mixed.delay_after(closed(1006), 0.0) is not None
    assert mixed.delay_after(closed(4010), 0.0) == 0.0


def test_an_expected_end_is_followed_at_once_but_not_in_a_hot_loop() -> None:
    policy = Policy(longest)
    assert policy.delay_after(closed(4002), 600.0) == 0.0
    assert policy.delay_after(closed(4002), 600.0) == 0.0
    assert policy.delay_after(closed(4002), 0.1) == 1.0
    assert policy.delay_after(closed(4002), 0.1) == 2.0


def test_slow_means_thirty_seconds_and_more() -> None:
    assert Policy(lambda low, _: low).delay_after(closed(4003), 0.0) == 30
    assert Policy(longest).delay_after(closed(4003), 0.0) == 60


REFUSALS = [
    *(SessionError("http", UPGRADE_STATUS[status]) for status in (403, 404)),
    *(SessionError("token_http", TOKEN_STATUS[status]) for status in (400, 401, 403, 404)),
]


@pytest.mark.parametrize("fault", REFUSALS, ids=str)
def test_a_refusal_is_final_only_before_anything_has_worked(fault: SessionError) -> None:
    assert Policy(longest).delay_after(fault, 0.0) is None
    policy = Policy(longest, worked=True)
    while policy.now < 24 * 3600:
        delay = policy.delay_after(fault, 0.0)
        assert delay is not None
        assert delay <= 60
        policy.now += max(delay, 10.0)
    late = Policy(longest, worked=True)
    late.delay_after(fault, 0.0)
    late.now = 24 * 3600
    assert late.delay_after(fault, 0.0) == 900
    assert late.delay_after(closed(1006), 0.0) == 2.0, "a network is looked for as ever"
    assert late.delay_after(fault, 0.0) == 900
    assert late.delay_after(closed(1006), 5.0) is not None, "it has worked again: a new day begins"
    assert late.delay_after(fault, 0.0) == 16.0


def test_two_refused_tokens_are_a_refusal_like_any_other_once_it_has_worked() -> None:
    policy = Policy(longest, worked=True)
    assert policy.delay_after(closed(4010), 0.0) == 0.0
    waits = [policy.delay_after(closed(4010), 0.0) for _ in range(7)]
    assert waits == [1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize("code", [4001, 4000, 4099])
def test_credits_and_a_broken_contract_are_final_even_where_it_has_worked(code: int) -> None:
    assert Policy(longest, worked=True).delay_after(closed(code), 0.0) is None
    unpaid = SessionError("http_402", UPGRADE_STATUS[402])
    assert Policy(longest, worked=True).delay_after(unpaid, 0.0) is None


def test_an_endpoint_that_asks_for_time_gets_it_but_not_for_ever() -> None:
    def asked(seconds: float) -> float | None:
        fault = SessionError("http_503", (Action.BACKOFF, "busy"), retry_after_s=seconds)
        return Policy(lambda low, _: low).delay_after(fault, 0.0)

    assert asked(120.0) == 120
    assert asked(0.0) == 0
    assert asked(10.0**9) == 3600
    fatal = SessionError("http_402", (Action.FATAL, "unpaid"), retry_after_s=1.0)
    assert Policy(longest).delay_after(fatal, 0.0) is None


DATE = "Mon, 30 Nov 2026 08:00:00 GMT"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("Mon, 30 Nov 2026 08:01:30 GMT", 90),
        ("Mon, 30 Nov 2026 07:00:00 GMT", 0),
        ("9" * 400, 999999999),
        *((nonsense, 0) for nonsense in ("", "-1", "1.5", "soon", "١٢", "Mon, 99 Foo 2026", "0")),
    ],
)
def test_both_forms_of_retry_after_are_read_whatever_this_boards_clock_says(
    header: str, seconds: float
) -> None:
    assert retry_after(header, DATE) == seconds


@given(st.text(), st.text())
def test_any_retry_after_is_a_number(header: str, date: str) -> None:
    assert retry_after(header, date) >= 0


@given(st.lists(st.sampled_from([*CLOSE_ACTIONS]), max_size=60))
def test_a_wait_is_never_negative_and_never_endless(codes: list[int | None]) -> None:
    policy = Policy()
    for code in codes:
        delay = policy.delay_after(closed(code), 0.0)
        assert delay is None or 0 <= delay <= 60


def test_a_fault_says_what_it_is_and_what_to_do() -> None:
    assert str(closed(4001)).startswith("close_4001: ")
    assert "top it up" in str(closed(4001))
    assert "(no route to host)" in str(network_fault("unreachable", "no route to host"))


BAD_SETTINGS = {
    "no address": ({"url": "somewhere"}, "url"),
    "no host": ({"url": "ws:///path"}, "url"),
    "another scheme": ({"url": "ftp://host"}, "url"),
    "a port beyond all ports": ({"url": "ws://host:99999"}, "url"),
    "brackets": ({"url": "ws://[host"}, "url"),
    "an unknown dialect": ({"dialect": "smoke signals"}, "dialect"),
    "a rate that nobody has": ({"sample_rate": 11025}, "sample_rate"),
    "two ways to a token": ({"session_key": "k", "token_url": "http://host/t"}, "token_url"),
    "a key without its console": ({"api_key": "k"}, "api_key"),
    "a token address without a scheme": ({"token_url": "host/t"}, "token_url"),
    "a key with a line break": ({"session_key": "key\n"}, "session_key"),
    "a voice's name that is a letter": ({"voice": VoiceWish("x" * 101)}, "voice"),
    "an application id with a line break": ({"app_id": "a\r\nb"}, "app_id"),
}


@pytest.mark.parametrize(("bad", "name"), BAD_SETTINGS.values(), ids=BAD_SETTINGS)
def test_settings_that_cannot_work_are_refused_by_name(bad: dict[str, object], name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        link_settings(**bad)
    assert list(caught.value.faults) == [name]


def test_all_that_is_wrong_with_the_settings_is_told_at_once() -> None:
    with pytest.raises(SettingsError, match=r"^dialect: 'tom-toms' is .*; api_key: has no effect "):
        link_settings(dialect="tom-toms", api_key="k")


def test_secrets_stay_out_of_what_is_printed() -> None:
    keyed = link_settings(session_key="hidden")
    asked = link_settings(token_url="http://host/t", api_key="hidden")
    assert "hidden" not in repr(keyed) + repr(asked)
