# SPDX-License-Identifier: Apache-2.0
"""Reading the configuration again keeps nothing waiting, however long the files take."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from kioskd.config import Config, Loaded, load, reload
from kioskd.config.reload import MOST_TOLD, LiveConfig
from kioskd.config.table import OPTIONS

DEFAULTS = Loaded(Config(), (), None)


def apply_nothing(_loaded: Loaded, _sections: frozenset[str]) -> None:
    pass


def test_the_loop_goes_on_while_files_are_read_and_many_wishes_are_one_more_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kiosk.yaml"
    path.write_text("voice: {enabled: false}\n")
    goes_on = threading.Event()
    readers: list[str] = []

    def slow(path: Path | None, overrides: Sequence[str], **more: Any) -> Loaded:
        readers.append(threading.current_thread().name)
        assert goes_on.wait(60)
        return load(path, overrides, **more)

    async def story() -> None:
        live = LiveConfig(DEFAULTS, path, ())
        async with asyncio.timeout(60):
            reading = asyncio.create_task(live.reload(apply_nothing))
            while not readers:
                await asyncio.sleep(0.001)
            for _ in range(1000):
                await live.reload(apply_nothing)
            assert live.config.voice.enabled, "not read yet, and nobody waits for it"
            goes_on.set()
            await reading
        assert not live.config.voice.enabled

    monkeypatch.setattr(reload, "load", slow)
    asyncio.run(story())
    assert readers == ["config", "config"]


def test_of_twenty_thousand_problems_the_first_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "kiosk.yaml"
    path.write_text("".join(f"k{number}: x\n" for number in range(20_000)))
    live = LiveConfig(DEFAULTS, path, ())
    asyncio.run(live.reload(apply_nothing))
    assert len(live.snapshot.problems) == MOST_TOLD + 1
    assert live.snapshot.problems[-1].startswith("… 19,980 more problems; `")
    assert len(caplog.records) == MOST_TOLD + 2


def test_a_reload_brings_the_link_that_the_files_ask_for(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("one\n")
    path = tmp_path / "kiosk.yaml"
    path.write_text("endpoint: {session_key_file: key}\n")
    live = LiveConfig(load(path), path, ())
    applied: list[Loaded] = []

    async def story() -> None:
        (tmp_path / "key").write_text("two\n")
        await live.reload(lambda loaded, _: applied.append(loaded))
        (tmp_path / "key").unlink()
        await live.reload(lambda loaded, _: applied.append(loaded))

    asyncio.run(story())
    assert [loaded.link and loaded.link.session_key for loaded in applied] == ["two"]
    assert live.loaded is applied[0], "what is wrong changes nothing"


def test_the_link_is_live_because_every_option_of_the_endpoint_is() -> None:
    assert all(row.rule.live for row in OPTIONS.values() if row.section == "endpoint")
