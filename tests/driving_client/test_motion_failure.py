# SPDX-License-Identifier: Apache-2.0
"""What an endpoint calls its failures reaches health and metrics only as a short plain code."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from driving_client.motion_failure import MotionFailure, endpoint_failure


@given(st.text())
@example("server_error_3")
@example("server_error_3\n")
@example("")
@example("a" * 41)
def test_whatever_is_no_code_is_the_one_for_such(text: str) -> None:
    failure = endpoint_failure(text)
    assert failure == text or failure is MotionFailure.OTHER
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,39}", failure)


@pytest.mark.parametrize("code", ["server_error_3", "a", "other"])
def test_a_code_is_kept(code: str) -> None:
    assert endpoint_failure(code) == code


def test_our_own_reasons_are_codes_too_and_print_as_such() -> None:
    for reason in MotionFailure:
        assert endpoint_failure(reason.value) == reason
        assert f"{reason}" == str(reason) == reason.value
