# SPDX-License-Identifier: Apache-2.0
"""The console page: its policy fits what is in it, and what it shows comes in the right order."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from driving_client.link.network import NetworkSettings
from kioskd.about import About
from kioskd.config import Config
from kioskd.health.status import CheckResult, Finding, Report, failed, passed, warned
from kioskd.http import console
from kioskd.http.answers import console_answer, health_answer


class Page(HTMLParser):
    """What a browser would run, apply or load of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self.images: list[str] = []
        self.attributes: set[str] = set()
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        given = dict(attrs)
        self.attributes |= set(given)
        if tag == "img" or (tag == "link" and given.get("rel") == "icon"):
            self.images.append(str(given.get("src") or given.get("href")))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in self.texts:
            self.texts[self._inside].append(data)


def policy_of(page: console.Console) -> dict[str, list[str]]:
    rows = (row.split() for row in page._policy.split(";"))
    return {name: words for name, *words in rows}


@pytest.fixture
def page() -> console.Console:
    return console.Console(Config, NetworkSettings, lambda: False)


def test_the_policy_allows_the_pages_own_script_and_styles_and_nothing_else(
    page: console.Console,
) -> None:
    policy, found = policy_of(page), Page(page._page)
    assert policy["default-src"] == ["'none'"]
    for tag in ("script", "style"):
        (text,) = found.texts[tag]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert policy[f"{tag}-src"] == [f"'sha256-{digest}'"]
    assert not {name for name in found.attributes if name.startswith("on") or name == "style"}


def test_every_picture_of_the_page_is_one_that_its_policy_allows(page: console.Console) -> None:
    allowed, found = policy_of(page)["img-src"], Page(page._page)
    assert allowed == ["'self'", "data:"]
    assert len(found.images) == 2, "the icon and the live picture"
    for source in found.images:
        assert source.startswith("data:image/") or ":" not in source, source


def test_the_script_asks_only_for_what_the_server_has(page: console.Console) -> None:
    (script,) = Page(page._page).texts["script"]
    asked = set(re.findall(r'(?:fetch|post)\("([^"]+)"', script))
    assert asked == {"console/health", "console/say", "console/interrupt"}
    for element in re.findall(r'byId\("([a-z-]+)"\)', script):
        assert f'id="{element}"' in page._page


def report(**findings: Finding) -> Report:
    return Report(tuple(CheckResult(name, each, "") for name, each in findings.items()))


def test_the_worst_checks_come_first_and_what_hinders_is_told() -> None:
    now = report(
        display=passed("x"),
        audio=warned("none", "audio_no_device", "plug one in"),
        link=warned("away", "link_down", "no answer yet"),
        storage=failed("0 bytes", "storage_full", "remove files"),
        config=passed("x"),
    )
    about = About(host="lobby-7", serial="123", board="rk3576", slot="a")
    told = console_answer(health_answer(now, Config(), 1.0, {}, about), now)
    assert list(told["checks"]) == ["storage", "audio", "link", "display", "config"]
    assert not told["ready"]
    assert [each["code"] for each in told["not_ready"]] == ["link_down", "storage_full"]
    assert [told[word] for word in ("host", "serial", "board", "slot")] == [
        "lobby-7",
        "123",
        "rk3576",
        "a",
    ]


def test_a_kiosk_with_a_warning_that_does_not_hinder_is_ready() -> None:
    now = report(audio=warned("none", "audio_no_device", "plug one in"), link=passed("up"))
    told = console_answer(health_answer(now, Config(), 1.0, {}, About()), now)
    assert told["ready"]
    assert told["not_ready"] == []
    assert told["status"] == "warn"


def test_the_page_names_its_kiosk_and_tells_what_hinders_in_words_of_its_own(
    page: console.Console,
) -> None:
    (script,) = Page(page._page).texts["script"]
    for word in ("host", "serial", "board", "slot", "not_ready"):
        assert word in script
    assert "innerHTML" not in script, "texts of others are never markup"
