# SPDX-License-Identifier: Apache-2.0
"""The HTTP server over real sockets: answers, access rules, TLS, pictures, console requests."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import socket
import ssl
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pygame
import pytest
from aiohttp import web
from certificates import make_certificate
from prometheus_client import Metric
from prometheus_client import parser as text_parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from driving_client.link.interface import LinkEvent
from driving_client.link.network import NetworkSettings
from kioskd.config import Config, ConfigError, load
from kioskd.config.reading import Reading
from kioskd.config.rules import read_secrets
from kioskd.health.board_checks import ThermalCheck
from kioskd.health.status import Check, Finding, Monitor, Status, failed, passed, warned
from kioskd.http.console import Console
from kioskd.http.gesture import GestureInput
from kioskd.http.server import HttpServer, ListenError, View
from kioskd.http.speak import VoiceInput
from kioskd.link.local_links import NoLink
from kioskd.metrics import Metrics
from kioskd.playback.gestures import GestureError
from kioskd.screen.pictures import PictureDesk, encode_jpeg

WIDTH, HEIGHT = 120, 200


def picture() -> np.ndarray:
    """Red above, blue below, with a shade, so that a flip or a swapped channel shows."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[: HEIGHT // 2, :, 0] = 200
    pixels[HEIGHT // 2 :, :, 2] = 200
    pixels[:, :, 1] = np.arange(WIDTH)
    return pixels


def decode(data: bytes, name: str) -> np.ndarray:
    return pygame.surfarray.array3d(pygame.image.load(io.BytesIO(data), name)).swapaxes(0, 1)


class Named:
    """A check whose finding the test chooses."""

    def __init__(self, name: str, finding: Finding) -> None:
        self.name = name
        self.finding = finding

    def run(self, _now: float) -> Finding:
        return self.finding


async def at_once(call: Callable[[], Any]) -> Any:
    """In place of a link on another thread."""
    return call()


class Setup:
    """A server with what it shows; the desk is served by a thread in the render loop's place."""

    def __init__(self, config: Config, checks: list[Check]) -> None:
        self.config = config
        self.metrics = Metrics()
        self.monitor = Monitor(checks, self.metrics)
        self.monitor.update(time.monotonic())
        self.desk = PictureDesk()
        self.alive = True
        self.interrupts = 0
        self.reads = 0
        self.rendering = True
        self.shown = picture()
        self.secrets = read_secrets(config, Reading())
        view = View(
            lambda: self.config,
            lambda: self.secrets,
            lambda: self.monitor.report,
            lambda: {"frames a second": "30"},
            lambda: self.alive,
            self.metrics,
            self.desk,
        )
        self.console = Console(lambda: self.config, NetworkSettings, self._interrupt)
        self.gestures = ["idle"]
        self.speaking = False
        gesture = GestureInput(self._gesture)
        self.utterances: list[LinkEvent] = []
        voice = VoiceInput(NoLink(self.utterances.append).begin_voice, at_once, lambda: True)
        self.server = HttpServer(
            view, self.console.add_routes, gesture.add_routes, voice.add_routes
        )

    def _interrupt(self) -> bool:
        """Speaks until the first interrupt."""
        self.interrupts += 1
        return self.interrupts == 1

    def _gesture(self, name: str) -> bool:
        """An avatar that knows two clips."""
        if name not in ("idle", "listen"):
            raise GestureError(f"no clip {name!r}; it has idle, listen")
        if not self.speaking:
            self.gestures.append(name)
        return not self.speaking

    def render(self) -> None:
        while self.rendering:
            now = time.monotonic()
            if self.desk.wanted(now):
                self.reads += 1
                self.desk.deliver(self.shown, now)
            time.sleep(0.01)


@contextlib.asynccontextmanager
async def running(
    config: Config | None = None, checks: list[Check] | None = None, *, rendering: bool = True
) -> AsyncIterator[Setup]:
    setup = Setup(config or overridden(), checks or [Named("render_loop", passed("30"))])
    thread = threading.Thread(target=setup.render)
    if rendering:
        thread.start()
    try:
        await setup.server.start()
        yield setup
    finally:
        setup.rendering = False
        await setup.server.stop()
        setup.desk.close()
        if rendering:
            thread.join()


def overridden(*overrides: str) -> Config:
    return load(Path("/dev/null"), ["health.port=0", *overrides]).config


def story(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 120))


async def ask(
    setup: Setup, path: str, method: str = "GET", **options: Any
) -> tuple[int, bytes, dict[str, str]]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, setup.server.url + path, **options) as answer,
    ):
        return answer.status, await answer.read(), dict(answer.headers)


JSON = {"Content-Type": "application/json"}


def test_the_answer_names_every_check_its_reasons_and_the_configuration_in_force() -> None:
    async def test() -> None:
        checks = [
            Named("render_loop", passed("30")),
            Named("audio", warned("gone", "audio_device_lost", "plug it in")),
        ]
        config = overridden("audio.volume=0.5", "endpoint.url=ws://h/relay?sessionKey=geheim")
        async with running(config, checks) as setup, aiohttp.ClientSession() as session:
            async with session.get(setup.server.url + "healthz") as answer:
                told = await answer.json()
                assert answer.status == 200
                assert answer.headers["Cache-Control"] == "no-store"
            assert told["status"] == "warn"
            assert told["checks"]["render_loop"]["status"] == "pass"
            assert told["checks"]["audio"]["reasons"] == [
                {"code": "audio_device_lost", "text": "plug it in"}
            ]
            assert told["checks"]["audio"]["since"].startswith("20")
            assert told["config"]["audio"]["volume"] == 0.5
            assert told["figures"] == {"frames a second": "30"}
            assert "geheim" not in str(told)
            _, metrics, headers = await ask(setup, "metrics")
            assert b'kiosk_check_state{check="audio"} 1.0' in metrics
            assert headers["Content-Type"].startswith("text/plain")

    story(test)


@pytest.mark.parametrize(
    ("accept", "content_type", "parse"),
    [
        ("*/*", "text/plain", text_parser.text_string_to_metric_families),
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1"
            ";q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text",
            openmetrics_parser.text_string_to_metric_families,
        ),
    ],
    ids=["curl", "Prometheus"],
)
def test_metrics_are_of_the_form_that_was_asked_for(
    accept: str, content_type: str, parse: Callable[[str], Iterable[Metric]]
) -> None:
    async def test() -> None:
        async with running() as setup:
            status, metrics, headers = await ask(setup, "metrics", headers={"Accept": accept})
            assert status == 200
            assert headers["Content-Type"].startswith(content_type)
            names = {family.name for family in parse(metrics.decode())}
            assert {"kiosk_check_state", "kiosk_sync_offset_seconds"} <= names

    story(test)


def test_probes_tell_alive_ready_and_why_not() -> None:
    async def test() -> None:
        link = Named("link", warned("not connected", "link_down", "refused"))
        render = Named("render_loop", passed("30"))
        async with running(checks=[render, link]) as setup:
            assert (await ask(setup, "livez"))[0] == 200
            status, body, _ = await ask(setup, "readyz")
            assert status == 503
            assert b"link_down" in body
            assert (await ask(setup, "healthz"))[0] == 200
            link.finding = passed("connected")
            setup.monitor.update(time.monotonic())
            assert (await ask(setup, "readyz"))[0] == 200
            render.finding = failed("stalled", "render_loop_stalled", "restart")
            setup.monitor.update(time.monotonic())
            setup.alive = False
            assert (await ask(setup, "livez"))[0] == 503
            assert (await ask(setup, "healthz"))[0] == 503

    story(test)


def test_answers_come_from_the_snapshot_and_look_at_nothing() -> None:
    looks = []

    class Slow(Named):
        def run(self, now: float) -> Finding:
            looks.append(now)
            return super().run(now)

    async def test() -> None:
        async with running(checks=[Slow("render_loop", passed("30"))]) as setup:
            for path in ("healthz", "readyz", "livez", "metrics"):
                for _ in range(10):
                    assert (await ask(setup, path))[0] == 200
        assert len(looks) == 1, "the monitor's own"

    story(test)


def test_a_broken_check_fails_and_takes_nothing_down() -> None:
    class Broken:
        name = "broken"

        def run(self, _now: float) -> Finding:
            raise ZeroDivisionError("why")

    monitor = Monitor([Broken(), Named("fine", passed("yes"))], Metrics())
    report = monitor.update(0.0)
    assert report.status is Status.FAIL
    broken = report.result("broken")
    assert broken is not None
    assert broken.finding.reasons[0].code == "check_broken"


def test_a_failure_is_counted_also_when_nobody_looks_at_it() -> None:
    check = Named("display", passed("yes"))
    monitor = Monitor([check], Metrics())
    for finding in (passed("yes"), failed("no", "x", "y"), failed("no", "x", "y"), passed("yes")):
        check.finding = finding
        report = monitor.update(0.0)
    assert report.results[0].failures == 1
    assert report.status is Status.PASS


def test_the_screenshot_is_the_frame_in_full_and_upright() -> None:
    async def test() -> None:
        async with running() as setup:
            status, body, headers = await ask(setup, "screenshot.png")
            assert status == 200
            assert headers["Content-Type"] == "image/png"
            np.testing.assert_array_equal(decode(body, "x.png"), picture())

    story(test)


def test_a_large_picture_is_halved_until_it_fits_the_stream() -> None:
    large = np.repeat(np.repeat(picture(), 10, 0), 10, 1)
    small = decode(encode_jpeg(large), "x.jpg")
    assert small.shape == (500, 300, 3)
    assert np.abs(small.astype(int) - large[::4, ::4].astype(int)).mean() < 6


def test_the_live_picture_comes_at_five_a_second_however_many_watch() -> None:
    async def watch(setup: Setup, wanted: int) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.get(setup.server.url + "stream.mjpg") as answer,
        ):
            assert answer.headers["Content-Type"].startswith("multipart/x-mixed-replace")
            buffer = b""
            while buffer.count(b"\xff\xd8\xff") < wanted:
                buffer += await answer.content.readany()

    async def test() -> None:
        async with running() as setup:
            begin = time.monotonic()
            await asyncio.gather(*(watch(setup, 6) for _ in range(3)))
            assert setup.reads <= 5 * (time.monotonic() - begin) + 2
            async with asyncio.timeout(60):
                idle = -1
                while setup.reads != idle:  # else pixels are read although nobody watches
                    idle = setup.reads
                    await asyncio.sleep(0.5)

    story(test)


def test_a_fifth_watcher_is_refused() -> None:
    async def test() -> None:
        async with (
            running() as setup,
            aiohttp.ClientSession() as session,
            contextlib.AsyncExitStack() as stack,
        ):
            for _ in range(4):
                url = setup.server.url + "stream.mjpg"
                answer = await stack.enter_async_context(session.get(url))
                assert answer.status == 200
            assert (await ask(setup, "stream.mjpg"))[0] == 503
            assert (await ask(setup, "stream.mjpg", "HEAD"))[0] == 405

    story(test)


def test_a_stream_does_not_delay_the_end() -> None:
    async def test() -> None:
        async with running() as setup, aiohttp.ClientSession() as session:
            answer = await session.get(setup.server.url + "stream.mjpg")
            await answer.content.readany()
            await asyncio.wait_for(setup.server.stop(), 20)  # aiohttp by itself would take 60 s
            answer.close()

    story(test)


def test_a_watcher_that_takes_no_more_pictures_keeps_no_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Four phones that went to sleep, connected still, and a fifth one."""
    monkeypatch.setattr("kioskd.http.server.WATCHER_S", 0.5)

    async def test() -> None:
        async with running() as setup, contextlib.AsyncExitStack() as stack:
            setup.shown = np.random.default_rng(1).integers(0, 255, (900, 900, 3), np.uint8)
            port = int(setup.server.url.rstrip("/").rpartition(":")[2])
            for _ in range(4):
                phone = stack.enter_context(socket.socket())
                phone.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                phone.connect(("127.0.0.1", port))
                phone.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await asyncio.sleep(0.3)
            status = 503
            async with aiohttp.ClientSession() as session:
                while status == 503:
                    await asyncio.sleep(0.3)
                    async with session.get(setup.server.url + "stream.mjpg") as answer:
                        status = answer.status
            assert status == 200

    story(test)


def test_many_who_come_at_once_are_counted_each() -> None:
    async def test() -> None:
        async with running() as setup, aiohttp.ClientSession() as session:
            url = setup.server.url + "stream.mjpg"
            answers = await asyncio.gather(*(session.get(url) for _ in range(10)))
            assert sorted(answer.status for answer in answers) == [200] * 4 + [503] * 6
            for answer in answers:
                answer.close()

    story(test)


def test_whoever_asks_for_a_picture_while_the_kiosk_stops_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test() -> None:
        async with running() as setup:
            setup.desk.close()
            status, body, _ = await ask(setup, "screenshot.png")
            assert (status, b"is stopping" in body) == (503, True)

    story(test)
    assert not caplog.records


def test_without_frames_there_is_no_picture_but_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kioskd.screen.pictures.TIMEOUT_S", 0.1)

    async def test() -> None:
        async with running(rendering=False) as setup:
            status, body, _ = await ask(setup, "screenshot.png")
            assert status == 503
            assert b"no_picture" in body
            assert not setup.desk._waiting, "whoever has left is waited for no more"

    story(test)


def test_stop_interrupts() -> None:
    async def test() -> None:
        async with running() as setup:
            for path, spoke in (("console/interrupt", True), ("v1/interrupt", False)):
                status, body, _ = await ask(setup, path, "POST", json={})
                assert (status, json.loads(body)) == (200, {"interrupted": spoke})
            assert setup.interrupts == 2

    story(test)


def test_a_gesture_shows_unless_a_voice_is_heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def test() -> None:
        async with running() as setup:
            for setup.speaking, shown in ((False, True), (True, False)):
                status, body, _ = await ask(setup, "v1/gesture", "POST", json={"name": "listen"})
                assert (status, json.loads(body)) == (200, {"name": "listen", "shown": shown})
            assert setup.gestures == ["idle", "listen"]

    story(test)
    told = [record for record in caplog.records if record.code == "gesture_requested"]
    assert ["voice" in record.getMessage() for record in told] == [False, True]


BAD_GESTURES: dict[str, tuple[bytes, str, str]] = {
    "no JSON": (b"listen", "bad_json", "not JSON"),
    "empty body": (b"", "bad_json", "not JSON"),
    "no object": (b'["listen"]', "bad_json", "not an object"),
    "no name": (b"{}", "no_name", '{"name": '),
    "another key": (b'{"gesture": "listen"}', "unknown_key", "known are name"),
    "empty name": (b'{"name": ""}', "no_name", '{"name": '),
    "a number": (b'{"name": 1}', "no_name", '{"name": '),
    "null": (b'{"name": null}', "no_name", '{"name": '),
    "unknown": (b'{"name": "dance"}', "unknown_gesture", "it has idle, listen"),
    "other letters": (b'{"name": "Listen"}', "unknown_gesture", "it has idle, listen"),
    "half a character": (b'{"name": "\\ud800"}', "unknown_gesture", "it has idle, listen"),
    "other bytes": (b'{"name": "\xff"}', "bad_json", "not JSON"),
}


@pytest.mark.parametrize(("data", "code", "text"), BAD_GESTURES.values(), ids=BAD_GESTURES)
def test_a_bad_gesture_is_refused_with_what_to_send(data: bytes, code: str, text: str) -> None:
    async def test() -> None:
        async with running() as setup:
            status, body, _ = await ask(setup, "v1/gesture", "POST", headers=JSON, data=data)
            told = json.loads(body)
            assert (status, told["error"]) == (400, code)
            assert text in told["message"]
            assert setup.gestures == ["idle"]

    story(test)


def test_a_gesture_has_the_access_rules_of_every_request(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t\n")

    async def test() -> None:
        body = {"name": "listen"}
        async with running(overridden(f"health.token_file={tmp_path / 'token'}")) as setup:
            assert (await ask(setup, "v1/gesture", "POST", json=body))[0] == 401
            bearer = {"Authorization": "Bearer t"}
            elsewhere = {**bearer, "Origin": "http://evil.example"}
            assert (await ask(setup, "v1/gesture", "POST", json=body, headers=elsewhere))[0] == 403
            plain = {**bearer, "Content-Type": "text/plain"}
            assert (await ask(setup, "v1/gesture", "POST", data=b"{}", headers=plain))[0] == 415
            assert (await ask(setup, "v1/gesture", headers=bearer))[0] == 405
            assert setup.gestures == ["idle"]
            assert (await ask(setup, "v1/gesture", "POST", json=body, headers=bearer))[0] == 200

    story(test)


CROSS_SITE = {
    "another origin": {**JSON, "Origin": "http://evil.example"},
    "opaque origin": {**JSON, "Origin": "null"},
    "another port": {**JSON, "Origin": "http://127.0.0.1:1"},
    "cross-site": {**JSON, "Sec-Fetch-Site": "cross-site"},
    "same-site": {**JSON, "Sec-Fetch-Site": "same-site"},
    "foreign host": {**JSON, "Host": "evil.example"},
    "host like ours": {**JSON, "Host": "127.0.0.1.evil.example"},
    "broken host": {**JSON, "Host": "[::1"},
    "form": {"Content-Type": "application/x-www-form-urlencoded"},
    "plain": {"Content-Type": "text/plain"},
}


@pytest.mark.parametrize("headers", CROSS_SITE.values(), ids=CROSS_SITE)
def test_other_sites_cannot_command_the_kiosk(headers: dict[str, str]) -> None:
    async def test() -> None:
        async with running() as setup:
            status, body, _ = await ask(
                setup, "console/interrupt", "POST", headers=headers, data=b"{}"
            )
            assert status in (403, 415), body
            assert setup.interrupts == 0

    story(test)


def test_a_name_made_to_point_here_reads_nothing() -> None:
    async def test() -> None:
        async with running() as setup:
            assert (await ask(setup, "healthz", headers={"Host": "evil.example"}))[0] == 403
            port = setup.server.url.rstrip("/").rpartition(":")[2]
            assert (await ask(setup, "healthz", headers={"Host": f"localhost:{port}"}))[0] == 200

    story(test)


def test_the_page_is_whole_and_allows_only_its_own_script() -> None:
    async def test() -> None:
        async with running() as setup:
            status, body, headers = await ask(setup, "")
            assert status == 200
            assert b"stream.mjpg" in body
            assert b"http" not in body.replace(b"http://www.w3.org/2000/svg", b"")
            assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
            status, body, _ = await ask(setup, "console/health")
            assert (status, json.loads(body)["ready"]) == (200, True)
        async with running(overridden("health.console=false")) as setup:
            assert (await ask(setup, ""))[0] == 404
            assert (await ask(setup, "console/health"))[0] == 404

    story(test)


BROKEN_REQUESTS = {
    "token of other bytes": (b"Authorization: Bearer \xff", b"", b"401"),
    "Basic of other bytes": (b"Authorization: Basic \xe9\xe9", b"", b"401"),
    "Basic that holds other bytes": (b"Authorization: Basic eDr/", b"", b"401"),
    "broken origin": (b"Authorization: Bearer t\r\nOrigin: http://[x", b"", b"403"),
    "nested deeply": (b"Authorization: Bearer t", b"[" * 50_000, b"400"),
    "number without end": (b"Authorization: Bearer t", b"1" * 5_000, b"400"),
    "too large": (b"Authorization: Bearer t", b" " * 70_000, b"413"),
    "unknown character set": (b"Authorization: Bearer t", b"{}", b"400"),
}


@pytest.mark.parametrize(
    ("header", "body", "status"), BROKEN_REQUESTS.values(), ids=BROKEN_REQUESTS
)
def test_what_no_client_sends_is_refused_and_breaks_nothing(
    header: bytes, body: bytes, status: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "token").write_text("t\n")

    async def test() -> None:
        async with running(overridden(f"health.token_file={tmp_path / 'token'}")) as setup:
            port = int(setup.server.url.rstrip("/").rpartition(":")[2])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            charset = b"; charset=nonsense" if body == b"{}" else b""
            writer.write(
                b"POST /v1/say HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                b"Content-Type: application/json"
                + charset
                + b"\r\n"
                + header
                + b"\r\nContent-Length: %d\r\n\r\n" % len(body)
                + body
            )
            assert (await reader.read(100)).split()[1] == status
            writer.close()

    story(test)
    assert not caplog.records


@contextlib.asynccontextmanager
async def endpoint(answer: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/say", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/say"
    finally:
        await runner.cleanup()


def test_what_is_typed_reaches_the_endpoint_and_its_answer_comes_back() -> None:
    heard: list[object] = []

    async def say(request: web.Request) -> web.Response:
        heard.append(await request.json())
        return web.json_response({"req_id": "r", "seconds": 1.5})

    async def test() -> None:
        async with endpoint(say) as url, running(overridden(f"endpoint.say_url={url}")) as setup:
            status, body, _ = await ask(setup, "console/say", "POST", json={"text": " Hi. "})
            assert status == 200
            assert b'"seconds": 1.5' in body
            assert heard == [{"text": "Hi.", "interrupt": True}]
            for interrupt in (False, True):
                asked = {"text": "Hi.", "interrupt": interrupt}
                assert (await ask(setup, "v1/say", "POST", json=asked))[0] == 200
                assert heard[-1] == asked
            for wrong in ("false", 0, None, []):
                asked = {"text": "Hi.", "interrupt": wrong}
                status, body, _ = await ask(setup, "v1/say", "POST", json=asked)
                assert (status, b"neither true nor false" in body) == (400, True)
            assert len(heard) == 3
            spoken = {"text": "Hallo.", "interrupt": True, "voice": "slt", "language": "de"}
            assert (await ask(setup, "v1/say", "POST", json=spoken))[0] == 200
            assert heard[-1] == spoken
            status, body, _ = await ask(setup, "v1/say", "POST", json={**spoken, "voice": 3})
            assert (status, b"bad_voice" in body) == (400, True)

    story(test)


def test_an_endpoint_that_refuses_or_is_gone_is_told_to_the_person() -> None:
    async def say(_request: web.Request) -> web.Response:
        return web.json_response({"error": "no kiosk is connected"}, status=503)

    async def test() -> None:
        async with endpoint(say) as url, running(overridden(f"endpoint.say_url={url}")) as setup:
            status, body, _ = await ask(setup, "console/say", "POST", json={"text": "Hi."})
            assert (status, b"no kiosk is connected" in body) == (502, True)
        async with running(overridden(f"endpoint.say_url={url}")) as setup:
            status, body, _ = await ask(setup, "console/say", "POST", json={"text": "Hi."})
            assert (status, b"endpoint_unreachable" in body) == (502, True)
        async with running() as setup:
            status, body, _ = await ask(setup, "console/say", "POST", json={"text": "Hi."})
            assert (status, b"no_say_url" in body) == (501, True)

    story(test)


@pytest.mark.parametrize(
    "status", [301, 302, 303, 307, 308, 304, 400, 404, 409, 413, 429, 500, 503]
)
def test_an_answer_that_is_no_success_is_an_error_and_nothing_follows_it(status: int) -> None:
    followed: list[str] = []

    async def other(request: web.Request) -> web.Response:
        followed.append(request.method)
        return web.json_response({"seconds": 1.0})

    async def test() -> None:
        async with endpoint(other) as elsewhere:

            async def say(_request: web.Request) -> web.Response:
                return web.Response(status=status, headers={"Location": elsewhere})

            async with (
                endpoint(say) as url,
                running(overridden(f"endpoint.say_url={url}")) as setup,
            ):
                for path in ("console/say", "v1/say"):
                    code, body, _ = await ask(setup, path, "POST", json={"text": "Hi."})
                    assert code == (status if status in (400, 409, 413) else 502)
                    assert f"({status})".encode() in body
                if status in (301, 302, 303, 307, 308):
                    assert elsewhere.removesuffix("/say").encode() in body
        assert followed == []

    story(test)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_success_of_the_endpoint_is_one(status: int) -> None:
    async def say(_request: web.Request) -> web.Response:
        return web.Response(status=status)

    async def test() -> None:
        async with endpoint(say) as url, running(overridden(f"endpoint.say_url={url}")) as setup:
            assert (await ask(setup, "v1/say", "POST", json={"text": "Hi."}))[0] == 200

    story(test)


@pytest.mark.parametrize("path", ["v1/say", "v1/gesture"])
def test_a_body_that_does_not_come_is_not_waited_for(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("driving_client.serving.bodies.BODY_S", 0.1)

    async def test() -> None:
        answered = asyncio.Event()

        async def begun() -> AsyncIterator[bytes]:
            yield b'{"text": "H'
            await answered.wait()

        async with running() as setup:
            status, body, _ = await ask(setup, path, "POST", data=begun(), headers=JSON)
            answered.set()
            assert (status, b"body_too_slow" in body) == (408, True)

    story(test)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"1", b"{}", b'{"text": 1}', b'{"text": " "}', b"\xff", b'{"text":"'],
)
def test_a_bad_text_is_a_bad_request(body: bytes) -> None:
    async def test() -> None:
        async with running(overridden("endpoint.say_url=http://127.0.0.1:1/say")) as setup:
            status, _, _ = await ask(setup, "console/say", "POST", data=body, headers=JSON)
            assert status == 400
            long = {"text": "a" * 20_001}
            assert (await ask(setup, "console/say", "POST", json=long))[0] == 400

    story(test)


@pytest.fixture(scope="module")
def protected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A certificate of our own with its key, and a token; the options that use them."""
    folder = tmp_path_factory.mktemp("tls")
    local = ("-addext", "subjectAltName=IP:127.0.0.1")
    make_certificate(folder / "cert.pem", folder / "key.pem", "kiosk", *local)
    (folder / "token").write_text("a-token-long-enough\n")
    return (
        folder / "cert.pem",
        [
            "health.address=0.0.0.0",
            f"health.tls_certificate={folder / 'cert.pem'}",
            f"health.tls_key={folder / 'key.pem'}",
            f"health.token_file={folder / 'token'}",
        ],
    )


def test_in_the_network_there_is_tls_and_a_token_is_asked_for(
    protected: tuple[Path, list[str]],
) -> None:
    certificate, options = protected

    async def test() -> None:
        async with running(overridden(*options)) as setup:
            setup.server.url = setup.server.local_url
            assert setup.server.url.startswith("https://")
            tls = ssl.create_default_context(cafile=str(certificate))
            for path in ("livez", "healthz", "metrics", "screenshot.png", "", "nowhere"):
                status, _, headers = await ask(setup, path, ssl=tls)
                assert status == 401, path
                assert headers["WWW-Authenticate"].startswith("Basic")
            for wrong in ("Bearer", "Bearer x", "bearer a-long-toke", "Basic !", "Basic eDp5"):
                status, _, _ = await ask(
                    setup, "healthz", ssl=tls, headers={"Authorization": wrong}
                )
                assert status == 401, wrong
            bearer = {"Authorization": "Bearer a-token-long-enough"}
            assert (await ask(setup, "healthz", ssl=tls, headers=bearer))[0] == 200
            basic = {"Authorization": aiohttp.encode_basic_auth("anyone", "a-token-long-enough")}
            assert (await ask(setup, "healthz", ssl=tls, headers=basic))[0] == 200
            status, _, _ = await ask(
                setup,
                "console/interrupt",
                "POST",
                ssl=tls,
                headers={**basic, "Origin": "https://evil.example"},
                json={},
            )
            assert status == 403
            with pytest.raises(aiohttp.ClientError):
                await ask(setup, "healthz")

    story(test)


def test_a_live_picture_ends_with_the_token_that_opened_it(
    protected: tuple[Path, list[str]],
) -> None:
    certificate, options = protected
    bearer = {"Authorization": "Bearer a-token-long-enough"}

    async def test() -> None:
        async with running(overridden(*options)) as setup, aiohttp.ClientSession() as session:
            tls = ssl.create_default_context(cafile=str(certificate))
            url = setup.server.local_url + "stream.mjpg"
            async with session.get(url, ssl=tls, headers=bearer) as answer:
                await answer.content.readuntil(b"--frame")
                setup.secrets = replace(
                    setup.secrets, texts={"health.token_file": "another-token-long-enough"}
                )
                while await answer.content.read(1 << 16):
                    pass  # what was on its way
            async with session.get(url, ssl=tls, headers=bearer) as answer:
                assert answer.status == 401

    story(test)


def test_kioskctl_reaches_a_protected_kiosk(protected: tuple[Path, list[str]]) -> None:
    certificate, options = protected
    token = str(certificate.with_name("token"))
    wrong = certificate.with_name("wrong-token")
    wrong.write_text("a-token-of-another-kiosk\n")

    async def ctl(url: str, *arguments: str) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "kioskd.ctl",
            "--url",
            url,
            *arguments,
            "status",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return process.returncode, output.decode()

    async def test() -> None:
        async with running(overridden(*options)) as setup:
            url = setup.server.local_url
            trust = ("--authority", str(certificate))
            status, output = await ctl(url, *trust, "--token-file", token)
            assert (status, output.startswith("kioskd 0.1.0: pass")) == (0, True), output
            status, output = await ctl(url, *trust)
            assert (status, "give --token-file" in output) == (2, True), output
            status, output = await ctl(url, "--token-file", token)
            assert (status, "--authority FILE names the certificate" in output) == (2, True), output
            status, output = await ctl(url, *trust, "--token-file", str(wrong))
            assert (status, f"refuses the token in {wrong}" in output) == (2, True), output
            status, output = await ctl(url.replace("https:", "http:"), "--token-file", token)
            assert (status, "write https://" in output) == (2, True), output

    story(test)


def test_each_missing_protection_refuses_the_start(protected: tuple[Path, list[str]]) -> None:
    _, options = protected
    for missing in options[1:]:
        given = [option for option in options if option != missing]
        with pytest.raises(ConfigError, match=missing.partition("=")[0]):
            overridden(*given)


def test_a_damaged_certificate_is_a_named_error(
    protected: tuple[Path, list[str]], tmp_path: Path
) -> None:
    _, options = protected
    (tmp_path / "bad.pem").write_text("no certificate\n")
    with pytest.raises(ConfigError, match="not a certificate with its key"):
        overridden(*options, f"health.tls_certificate={tmp_path / 'bad.pem'}")


def test_a_short_token_is_refused_where_others_reach_the_port(
    protected: tuple[Path, list[str]], tmp_path: Path
) -> None:
    _, options = protected
    (tmp_path / "short").write_text("x\n")
    with pytest.raises(ConfigError, match="has 1 characters; at least 16 are needed"):
        overridden(*options, f"health.token_file={tmp_path / 'short'}")


def test_a_port_in_use_is_a_named_error() -> None:
    async def test() -> None:
        async with running() as setup:
            port = setup.server.url.rstrip("/").rpartition(":")[2]
            with pytest.raises(ListenError, match=f"port {port}.*choose a free one"):
                async with running(overridden(f"health.port={port}"), rendering=False):
                    pass

    story(test)


def test_heat_above_the_limit_warns(tmp_path: Path) -> None:
    told: list[float] = []
    check = ThermalCheck(lambda: 90.0, tmp_path, told.append)
    assert check.run(0.0) == passed("no sensor can be read")
    for index, value in enumerate(("45000", "95500", "oops")):
        zone = tmp_path / f"thermal_zone{index}"
        zone.mkdir()
        (zone / "temp").write_text(value)
    assert check.run(0.0).reasons[0].code == "too_hot"
    assert told == [95.5]
