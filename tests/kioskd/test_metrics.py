# SPDX-License-Identifier: Apache-2.0
"""The table of metrics and the pages that name them."""

from __future__ import annotations

import re
from pathlib import Path

from kioskd.metrics import Metrics

PAGES = ("README.md", "kioskd", "driving_client", "board", "rootfs_overlay")


def exposed() -> set[str]:
    """Names as Prometheus stores them: counters end with _total."""
    return {
        family.name + ("_total" if family.type == "counter" else "")
        for family in Metrics().registry.collect()
    }


def test_every_metric_that_a_page_names_is_exposed(root: Path) -> None:
    pages = [page for name in PAGES for page in (root / name, *(root / name).rglob("*.md"))]
    named = {
        (str(page.relative_to(root)), name)
        for page in pages
        if page.is_file()
        for name in re.findall(r"\bkiosk_[a-z0-9_]+\*?", page.read_text())
    }
    known = exposed()
    assert len(named) > 15
    unknown = [
        (page, name)
        for page, name in sorted(named)
        if name not in known
        and not (name.endswith("*") and any(each.startswith(name[:-1]) for each in known))
    ]
    assert not unknown


def test_the_counters_of_the_link_are_listed_on_the_page_of_the_wire(root: Path) -> None:
    page = (root / "driving_client/wire/README.md").read_text()
    for name in ("sessions", "messages", "late_messages", "motion_frames_dropped", "errors"):
        assert f"kiosk_link_{name}_total" in exposed()
        assert f"`kiosk_link_{name}_total" in page
