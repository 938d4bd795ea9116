# SPDX-License-Identifier: Apache-2.0
"""Reading the configuration again keeps nothing waiting, however long the files take."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from kioskd.config import Config, Loaded, load, reload
from kioskd.config.reload import MOST_TOLD, LiveConfig


def apply_nothing(_config: Config, _sections: frozenset[str]) -> None:
    pass


def test_the_loop_goes_on_while_files_are_read_and_many_wishes_are_one_more_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kiosk.yaml"
    path.write_text("voice: {enabled: false}\n")
    goes_on = threading.Event()
    readers: list[str] = []

    def slow(path: Path | None, overrides: Sequence[str]) -> Loaded:
        readers.append(threading.current_thread().name)
        assert goes_on.wait(60)
        return load(path, overrides)

    async def story() -> None:
        live = LiveConfig(Config(), path, ())
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
    live = LiveConfig(Config(), path, ())
    asyncio.run(live.reload(apply_nothing))
    assert len(live.snapshot.problems) == MOST_TOLD + 1
    assert live.snapshot.problems[-1].startswith("… 19,980 more problems; `")
    assert len(caplog.records) == MOST_TOLD + 2
