# SPDX-License-Identifier: Apache-2.0
"""The policy after a failure: which codes are tried again, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driving_client import Backoff, LinkSettings
from driving_client.errors import LinkError
from driving_client.retry import (
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

BACKOFF = Backoff(first_s=0.5, ceiling_s=30.0, slow_s=30.0, stable_s=60.0)


def longest(_: float, high: float) -> float:
    """The longest wait that the jitter allows."""
    return high


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
        402: Action.FATAL, 403: Action.FATAL, 404: Action.FATAL,
        429: Action.SLOW, 500: Action.BACKOFF, 503: Action.BACKOFF, 302: Action.BACKOFF,
    }  # fmt: skip
    for status, action in expected.items():
        assert rule_for_status(UPGRADE_STATUS, status)[0] is action
    assert rule_for_status(TOKEN_STATUS, 401)[0] is Action.FATAL
    assert rule_for_status(TOKEN_STATUS, 500)[0] is Action.BACKOFF


def test_waits_double_to_the_ceiling_with_full_jitter() -> None:
    policy = RetryPolicy(BACKOFF, longest)
    waits = [policy.delay_after(closed(1006), 0.0) for _ in range(9)]
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    shortest = RetryPolicy(BACKOFF, lambda low, _: low)
    assert [shortest.delay_after(closed(1006), 0.0) for _ in range(3)] == [0, 0, 0]


def test_a_stable_session_forgets_what_failed_before() -> None:
    policy = RetryPolicy(BACKOFF, longest)
    for _ in range(5):
        policy.delay_after(closed(1006), 59.9)
    assert policy.delay_after(closed(1006), 60.0) == 0.5


def test_a_refused_token_is_renewed_once() -> None:
    policy = RetryPolicy(BACKOFF, longest)
    assert policy.delay_after(closed(4010), 0.0) == 0.0
    assert policy.delay_after(closed(4010), 5.0) is None
    other = RetryPolicy(BACKOFF, longest)
    assert other.delay_after(closed(4010), 0.0) == 0.0
    assert other.delay_after(closed(4010), 3600.0) == 0.0
    mixed = RetryPolicy(BACKOFF, longest)
    assert mixed.delay_after(fault_of_error(16, ""), 0.0) == 0.0
    assert mixed.delay_after(closed(1006), 0.0) is not None
    assert mixed.delay_after(closed(4010), 0.0) == 0.0


def test_an_expected_end_is_followed_at_once_but_not_in_a_hot_loop() -> None:
    policy = RetryPolicy(BACKOFF, longest)
    assert policy.delay_after(closed(4002), 600.0) == 0.0
    assert policy.delay_after(closed(4002), 600.0) == 0.0
    assert policy.delay_after(closed(4002), 0.1) == 1.0
    assert policy.delay_after(closed(4002), 0.1) == 2.0


def test_slow_means_thirty_seconds_and_more() -> None:
    assert RetryPolicy(BACKOFF, lambda low, _: low).delay_after(closed(4003), 0.0) == 30
    assert RetryPolicy(BACKOFF, longest).delay_after(closed(4003), 0.0) == 60


@given(st.lists(st.sampled_from([*CLOSE_ACTIONS]), max_size=60))
def test_a_wait_is_never_negative_and_never_endless(codes: list[int | None]) -> None:
    policy = RetryPolicy(BACKOFF)
    for code in codes:
        delay = policy.delay_after(closed(code), 0.0)
        assert delay is None or 0 <= delay <= 60


def test_a_fault_says_what_it_is_and_what_to_do() -> None:
    assert str(closed(4001)).startswith("close_4001: ")
    assert "top it up" in str(closed(4001))
    assert "(no route to host)" in str(network_fault("unreachable", "no route to host"))


BAD_SETTINGS = {
    "no address": {"url": "somewhere"},
    "no host": {"url": "ws:///path"},
    "another scheme": {"url": "ftp://host"},
    "a port beyond all ports": {"url": "ws://host:99999"},
    "brackets": {"url": "ws://[host"},
    "a dialect that is none": {"dialect": "smoke signals"},
    "a rate that nobody has": {"sample_rate": 11025},
    "two ways to a token": {"session_key": "k", "token_url": "http://host/t"},
    "a key without its console": {"api_key": "k"},
    "a token address that is none": {"token_url": "host/t"},
    "a key with a line break": {"session_key": "key\n"},
    "an application id with a line break": {"app_id": "a\r\nb"},
}


@pytest.mark.parametrize("bad", BAD_SETTINGS.values(), ids=BAD_SETTINGS)
def test_settings_that_cannot_work_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(LinkError):
        LinkSettings(**{"url": "ws://127.0.0.1:1/relay", **bad})  # type: ignore[arg-type]


def test_secrets_stay_out_of_what_is_printed() -> None:
    keyed = LinkSettings("ws://host", session_key="hidden")
    asked = LinkSettings("ws://host", token_url="http://host/t", api_key="hidden")
    assert "hidden" not in repr(keyed) + repr(asked)
