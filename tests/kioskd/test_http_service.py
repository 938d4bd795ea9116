# SPDX-License-Identifier: Apache-2.0
"""The HTTP server's thread: nothing else waits for it, and another takes its place."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from test_health import overridden

from kioskd.config import Config
from kioskd.config.secrets import Secrets
from kioskd.health.http_check import HttpCheck
from kioskd.health.status import Report
from kioskd.http import service as http_service
from kioskd.http.server import HttpServer, ListenError, View
from kioskd.http.service import HttpService
from kioskd.http.snapshot import HttpSnapshot
from kioskd.loop_thread import LoopThread
from kioskd.metrics import Metrics
from kioskd.screen.pictures import PictureDesk


class Stuck:
    """A server whose `/livez` may stand still, and with it the loop that it runs on."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.config: Config = overridden()
        self.standing = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()
        view = View(
            config=lambda: self.config,
            secrets=Secrets,
            report=lambda: Report(()),
            figures=dict,
            alive=self._alive,
            metrics=self.metrics,
            pictures=PictureDesk(),
        )
        self.refusals = 0

        def make_server(port: int | None) -> HttpServer:
            if self.refusals:
                self.refusals -= 1
                raise ListenError("the port is in use")
            return HttpServer(view, port=port)

        self.service = HttpService(make_server, self.metrics)
        self.url = self.service.start().url

    def _alive(self) -> bool:
        self.standing.set()
        return self.go_on.wait(60)

    def get(self) -> int:
        with urllib.request.urlopen(f"{self.url}livez", timeout=60) as answer:
            return int(answer.status)

    def stand_still(self) -> None:
        """Whoever asks now stops the loop."""
        self.standing.clear()
        self.go_on.clear()
        threading.Thread(target=self._ask_in_vain, daemon=True).start()
        assert self.standing.wait(60)

    def _ask_in_vain(self) -> None:
        with contextlib.suppress(OSError):
            self.get()


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    made = Stuck()
    yield made
    made.go_on.set()
    assert made.service.begin_stop()(60)


@pytest.fixture
def other() -> Iterator[LoopThread]:
    thread = LoopThread("other")
    thread.start()
    yield thread
    assert thread.begin_stop()(60)


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_stuck_server_is_left_behind_and_another_answers_at_the_same_port(
    stuck: Stuck,
    other: LoopThread,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(http_service, "STUCK_S", 1.0)
    monkeypatch.setattr(http_service, "LOOK_EVERY_S", 0.05)
    check = HttpCheck(lambda: stuck.service.snapshot)
    assert stuck.get() == 200
    assert not check.run(0.0).reasons
    other.spawn(stuck.service.keep(), "keeper")
    before = {thread.ident for thread in threading.enumerate() if thread.name == "http"}
    stuck.stand_still()
    beat = other.beat
    wait_until(lambda: stuck.service.snapshot.restarts)
    wait_until(lambda: stuck.service.snapshot.url)
    assert other.beat > beat, "nobody else waits"
    monkeypatch.setattr(http_service, "STUCK_S", 600.0)
    stuck.go_on.set()
    assert stuck.get() == 200
    assert stuck.service.snapshot.url == stuck.url
    [reason] = check.run(0.0).reasons
    assert reason.code == "http_restarted"
    assert "http_restarted" in {getattr(record, "code", "") for record in caplog.records}
    # The old one goes on, and so it ends
    wait_until(
        lambda: not before & {each.ident for each in threading.enumerate() if each.name == "http"}
    )


def test_what_is_asked_of_another_loop_comes_back_in_order_with_its_errors(
    other: LoopThread,
) -> None:
    done: list[int] = []

    def refuse() -> None:
        raise ValueError("no")

    async def ask() -> None:
        for number in range(100):
            await other.ask(lambda number=number: done.append(number))
        with pytest.raises(ValueError, match="no"):
            await other.ask(refuse)
        assert await other.ask(threading.get_ident) != threading.get_ident()

    asyncio.run(ask())
    assert done == list(range(100))


def test_a_server_that_is_gone_is_told() -> None:
    [reason] = HttpCheck(lambda: HttpSnapshot(trouble="the port is in use")).run(0.0).reasons
    assert reason.code == "http_down"
    assert not HttpCheck(lambda: None).run(0.0).reasons


def test_a_port_that_another_has_taken_meanwhile_is_tried_again(
    stuck: Stuck,
    other: LoopThread,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(http_service, "STUCK_S", 1.0)
    monkeypatch.setattr(http_service, "LOOK_EVERY_S", 0.05)
    stuck.refusals = 2
    other.spawn(stuck.service.keep(), "keeper")
    stuck.stand_still()
    wait_until(lambda: stuck.service.snapshot.restarts)
    monkeypatch.setattr(http_service, "STUCK_S", 600.0)
    stuck.go_on.set()
    wait_until(lambda: stuck.service.snapshot.url)
    assert stuck.get() == 200
    codes = [getattr(record, "code", "") for record in caplog.records]
    assert codes.count("http_down") == 2


def test_a_server_that_does_not_begin_to_listen_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not with a traceback: the daemon's start is refused, and tried again."""
    monkeypatch.setattr(http_service, "LISTEN_TIMEOUT_S", 0.05)
    asked = threading.Event()
    go_on = threading.Event()

    def make_server(_port: int | None) -> HttpServer:
        asked.set()
        go_on.wait(60)
        raise ListenError("too late")

    service = HttpService(make_server, Metrics())
    with pytest.raises(ListenError, match="still not listening after"):
        service.start()
    assert asked.wait(60)
    go_on.set()
    assert service.begin_stop()(60)
