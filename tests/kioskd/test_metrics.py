# SPDX-License-Identifier: Apache-2.0
"""Strict readers take what /metrics answers, in both of its forms and whatever was counted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as parse_text

from kioskd.metrics import Metrics

FORMS = {
    "text": (generate_latest, parse_text),
    "OpenMetrics": (
        openmetrics.generate_latest,
        openmetrics_parser.text_string_to_metric_families,
    ),
}


def read(metrics: Metrics, form: str) -> list[Metric]:
    write, parse = FORMS[form]
    return list(parse(write(metrics.registry).decode()))


def observed(metrics: Metrics, value: float, label: str) -> Iterator[str]:
    """Let every metric that there is count this once; the names of those with labels."""
    metrics.observe_sync(value)
    for each in vars(metrics).values():
        if each is metrics.sync_offset or not isinstance(each, Counter | Gauge | Histogram):
            continue
        labels = [label] * len(each._labelnames)
        child = each.labels(*labels) if labels else each
        match child:
            case Counter():
                child.inc(abs(value))
            case Histogram():
                child.observe(abs(value))
            case Gauge():
                child.set(value)
        if labels:
            yield each._name


@pytest.mark.parametrize("form", FORMS)
def test_a_kiosk_that_has_just_begun_can_be_read(form: str) -> None:
    assert len(read(Metrics(), form)) > 30


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=20)
@given(
    value=st.floats(-10, 10, allow_nan=False),
    label=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
def test_whatever_was_counted_can_be_read(form: str, value: float, label: str) -> None:
    metrics = Metrics()
    labelled = set(observed(metrics, value, label))
    assert len(labelled) > 5
    found = {family.name: family for family in read(metrics, form)}
    for name in labelled:
        assert {text for each in found[name].samples for text in each.labels.values()} == {label}


def test_lips_that_are_early_and_late_are_told_apart() -> None:
    metrics = Metrics()
    for offset in (0.0, 0.015, -0.03):
        metrics.observe_sync(offset)

    def value(of: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"kiosk_sync_offset_seconds_{of}", labels)

    assert (value("count", lips="early"), value("count", lips="late")) == (2.0, 1.0)
    assert value("sum", lips="late") == pytest.approx(0.03)
    assert value("bucket", lips="late", le="0.02") == 0.0
    assert value("bucket", lips="late", le="0.04") == 1.0
