# SPDX-License-Identifier: Apache-2.0
"""What these tests allow on a busy machine still fails where the kiosk is at fault."""

from __future__ import annotations

import pytest
from processes import share_within
from prometheus_client import generate_latest
from starvation import BLUR_S, blurred

from kioskd.metrics import Metrics


@pytest.mark.parametrize("late_s", [0.0, 0.04, 1.0, 100.0])
def test_a_frame_that_is_a_second_off_is_never_within_the_limit(late_s: float) -> None:
    metrics = Metrics()
    for offset in (0.0, 0.0, -1.0, 1.0):
        metrics.observe_sync(offset)
    text = generate_latest(metrics.registry).decode()
    assert share_within(text, "kiosk_sync_offset_seconds", 0.06 + 3 * late_s) == 0.5


def test_a_limit_grows_to_the_next_bucket() -> None:
    metrics = Metrics()
    for offset in (0.01, 0.05, -0.09, 0.15):
        metrics.observe_sync(offset)
    text = generate_latest(metrics.registry).decode()
    shares = [share_within(text, "kiosk_sync_offset_seconds", at) for at in (0.02, 0.06, 0.1, 0.2)]
    assert shares == [0.25, 0.5, 0.75, 1.0]


def test_only_delays_that_blur_pictures_lower_what_they_must_show() -> None:
    assert [blurred(0.45, late_s) for late_s in (0.0, 0.04, BLUR_S)] == [0.45] * 3
    assert blurred(0.45, 2 * BLUR_S) == pytest.approx(0.225)
    assert blurred(0.45, 60.0) > 0.0
