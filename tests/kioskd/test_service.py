# SPDX-License-Identifier: Apache-2.0
"""The daemon as a real process: start, notices, signals, reload, refusals, recordings."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import numpy as np
import pygame
import pytest
from aiohttp import web
from kiosk_process import GENEROUS_S, ROOT, KioskProcess, running, write_small_avatar
from made_up.plugin import LAM_NAMES, MADE_UP, Clips
from sound_server import SoundServer
from starvation import Late, unless_starved

from driving_client.wire.messages import Animation
from driving_client.wire.relay_frames import (
    AudioFrame,
    ErrorFrame,
    MetadataFrame,
    MotionFrame,
    encode_frame,
)
from kioskd.service.signals import GRACE_S, LAST_WORDS_S, MARGIN_S
from soaking.stand import End
from test_stand.starvation import watching

NO_ENDPOINT = "endpoint: {url: ''}\n"
NOBODY = "endpoint: {url: 'ws://127.0.0.1:9/relay'}\n"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kioskd", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=GENEROUS_S,
        check=False,
    )


def test_a_start_is_told_the_watchdog_fed_and_the_end_clean(tmp_path: Path) -> None:
    config = NO_ENDPOINT + "playback: {audio_only_after_s: 1}\n"
    with running(tmp_path, config=config, WATCHDOG_USEC="2000000") as kiosk:
        kiosk.wait_for_check("render_loop", "pass")
        assert kiosk.get("livez")[0] == 200
        assert kiosk.get("readyz")[0] == 200
        health = kiosk.health()
        assert health["checks"]["avatar"]["observed"] == "ball, 400 splats"
        assert health["config"]["display"]["width"] == 180
        assert set(health["checks"]) == {
            "display",
            "avatar",
            "render_loop",
            "audio",
            "link",
            "motion",
            "config",
            "storage",
            "thermal",
            "time",
            "npu",
            "mixer",
            "ears",
            "loudspeaker",
            "presence",
            "update",
            "provisioning",
            "http",
            "certificate",
        }
        # Fed once a second, so 2 s later. Long without a connection, which nobody has asked for
        kiosk.wait_until(lambda: kiosk.notices.count("WATCHDOG=1") >= 3, "food for the watchdog")
        assert kiosk.health()["checks"]["motion"]["status"] == "pass"
        assert kiosk.stop() == 0, kiosk.log
        assert kiosk.notices[0].startswith("READY=1\n")
        assert kiosk.notices[-1].startswith("STOPPING=1")
        assert "Traceback" not in kiosk.log


def test_every_line_of_the_log_has_its_code(tmp_path: Path) -> None:
    with running(tmp_path, config=NOBODY) as kiosk:
        kiosk.wait_for("link_down")
        kiosk.stop()
        ours = [line for line in kiosk.log.splitlines() if line[2:3] == ":"]
        assert len(ours) > 5
        assert not [line for line in ours if " library: " in line]


def test_the_screenshot_shows_the_avatar_before_its_background(tmp_path: Path) -> None:
    config = NO_ENDPOINT + "display: {background: '#0000ff'}\n"
    with running(tmp_path, config=config) as kiosk:
        status, body = kiosk.get("screenshot.png")
        assert status == 200
        image = pygame.image.load(io.BytesIO(body), "x.png")
        pixels = pygame.surfarray.array3d(image).swapaxes(0, 1).astype(int)
        assert pixels.shape == (320, 180, 3)
        np.testing.assert_array_equal(pixels[2, 2], (0, 0, 255))
        assert pixels[160, 90, 0] > 150
        assert pixels[160, 90, 2] < 100


def test_ctrl_c_ends_it_while_somebody_watches(tmp_path: Path) -> None:
    with (
        running(tmp_path, config=NOBODY) as kiosk,
        urllib.request.urlopen(f"{kiosk.url}/stream.mjpg") as live,
    ):
        assert live.read(64).startswith(b"--frame")
        assert kiosk.stop(signal.SIGINT) == 0, kiosk.log


STUCK = """
import ctypes, signal, sys, threading
from kioskd import log
from kioskd.service import signals
signals.GRACE_S = float(sys.argv[1])
signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
log.set_up_logging("info")
watch = signals.SignalThread()
watch.take_over(lambda: None)
watch.start()
print("stuck", flush=True)
if sys.argv[2] == "lock":
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
else:
    watch.stop.wait()
    ctypes.PyDLL(None).sleep(1000)  # as a driver that never gives the interpreter back
"""


def stuck(grace_s: float, how: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", STUCK, str(grace_s), how],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "stuck\n"
    return process


@pytest.mark.parametrize(
    ("grace_s", "signals", "status", "told"),
    [
        (GRACE_S, 1, 0, f"not stopped within {GRACE_S:.1f} s"),
        (10 * GENEROUS_S, 2, 143, "a second signal: exiting now"),
    ],
)
def test_a_stuck_main_thread_cannot_prevent_the_end(
    grace_s: float, signals: int, status: int, told: str
) -> None:
    """A service manager gives 2 s where it is hurried; the second signal waits for nothing."""
    assert GRACE_S + LAST_WORDS_S < GRACE_S + MARGIN_S < 2.0
    process = stuck(grace_s, "lock")
    try:
        assert process.stderr is not None
        for _ in range(signals - 1):
            process.send_signal(signal.SIGTERM)
            assert "SIGTERM: stopping" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=GENEROUS_S)
        assert process.returncode == status, log
        assert f"exit_forced: {told}" in log
    finally:
        process.kill()


def test_a_thread_that_keeps_the_interpreter_cannot_prevent_the_end() -> None:
    process = stuck(0.1, "interpreter")
    try:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=GENEROUS_S)
        assert "Timeout" in log, log
        assert process.returncode == 1
    finally:
        process.kill()


def test_a_log_that_nobody_reads_cannot_prevent_the_end() -> None:
    process = stuck(0.1, "lock")
    try:
        assert process.stderr is not None
        with Path(f"/proc/self/fd/{process.stderr.fileno()}").open("wb", buffering=0) as filling:
            os.set_blocking(filling.fileno(), False)
            while filling.write(b"x" * 4096) is not None:
                pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(GENEROUS_S) == 0
    finally:
        process.kill()


def test_on_a_busy_machine_the_end_comes_in_time_too(tmp_path: Path) -> None:
    with running(tmp_path, config=NO_ENDPOINT) as kiosk, watching() as probe:
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
        try:
            kiosk.process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            assert kiosk.process.wait(GENEROUS_S) == 0, kiosk.log
            end = End(0, time.monotonic() - began, probe.worst(began))
            # Its own limit is 2 s; 3 s are for this test, which is as busy, and what is beside it
            assert end.seconds < end.allowed_s + 3.0, end
        finally:
            for each in busy:
                each.kill()
                each.wait()


ON_A_FULL_DISK = """
mount -t tmpfs -o size=8m t "$1/disk" && mount -t tmpfs -o size=64k t /dev/shm || exit 200
unset XDG_CACHE_HOME MESA_SHADER_CACHE_DIR MESA_GLSL_CACHE_DIR
unset MESA_SHADER_CACHE_DISABLE MESA_GLSL_CACHE_DISABLE
export HOME=$1/disk STATE_DIRECTORY=$1/disk TMPDIR=$1/disk XDG_RUNTIME_DIR=$1/disk
cat /dev/zero >/dev/shm/fill 2>/dev/null
[ "$2" = later ] || cat /dev/zero >"$1/disk/fill" 2>/dev/null
SDL_VIDEODRIVER=offscreen "$3" -m kioskd --config "$1/kiosk.yaml" 2>"$1/log" &
while kill -0 $! && ! grep -q ready: "$1/log"; do sleep 0.1; done
cat /dev/zero >"$1/disk/fill" 2>/dev/null
while kill -0 $! && ! grep -q storage_full "$1/log"; do sleep 0.1; done
kill -HUP $!
while kill -0 $! && ! grep -q config_reloaded "$1/log"; do sleep 0.1; done
kill $!
wait $!
"""


@pytest.mark.parametrize("when", ["before", "later"])
def test_full_disks_end_nothing(tmp_path: Path, when: str) -> None:
    """State, home, temporary files and shared memory, full before the start or once it runs."""
    (tmp_path / "disk").mkdir()
    avatar = write_small_avatar(tmp_path / "ball.avatar")
    (tmp_path / "kiosk.yaml").write_text(
        f"avatar: {{path: {avatar}}}\nhealth: {{port: 0}}\naudio: {{enabled: false}}\n{NO_ENDPOINT}"
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", ON_A_FULL_DISK, "sh", tmp_path, when, sys.executable],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=4 * GENEROUS_S,
    )
    if done.returncode == 200 or "unshare" in done.stderr:
        pytest.skip("no right to mount a small file system here")
    log = (tmp_path / "log").read_text()
    assert done.returncode == 0, log
    assert "Traceback" not in log
    assert ("shader_cache_off" in log) is (when == "before")


SLOW_IMPORT = """
import pathlib, time
folder = pathlib.Path(__file__).parent
(folder / "importing").touch()
while True:
    time.sleep(1)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_it_still_loads_is_an_orderly_end(
    tmp_path: Path, number: signal.Signals
) -> None:
    """It is held at the first of the large imports, and does not wait for the rest of them."""
    (tmp_path / "kiosk.yaml").write_text(NO_ENDPOINT)
    (tmp_path / "numpy.py").write_text(SLOW_IMPORT)
    process = subprocess.Popen(
        [sys.executable, "-m", "kioskd", "--config", str(tmp_path / "kiosk.yaml")],
        cwd=ROOT,
        text=True,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    try:
        deadline = time.monotonic() + GENEROUS_S
        while not (tmp_path / "importing").exists():
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        _, log = process.communicate(timeout=GENEROUS_S)
        assert process.returncode == 0, log
        assert "Traceback" not in log
        assert "stopping" in log
    finally:
        process.kill()


def test_a_reload_applies_what_is_live_and_names_what_is_not(tmp_path: Path) -> None:
    with running(tmp_path, config=NO_ENDPOINT) as kiosk:
        kiosk.config.write_text("endpoint: {url: 'ws://127.0.0.1:9/relay'}\naudio: {volume: 0.5}\n")
        kiosk.process.send_signal(signal.SIGHUP)
        kiosk.wait_for("config_needs_restart: changed, but only a restart applies it: audio.volume")
        kiosk.wait_for("applied: endpoint.url")
        config = kiosk.health()["config"]
        assert config["endpoint"]["url"] == "ws://127.0.0.1:9/relay"
        assert config["audio"]["volume"] == 1.0
        kiosk.wait_for_check("link", "warn")
        check = kiosk.wait_for_check("config", "warn")
        assert check["reasons"][0]["code"] == "config_needs_restart"
        assert "audio.volume" in check["reasons"][0]["text"]

        kiosk.config.write_text("endpoint: {url: 5}\n")
        kiosk.process.send_signal(signal.SIGHUP)
        kiosk.wait_for("config_kept")
        assert f"{kiosk.config}:1: endpoint.url: 5 is not a ws:// or wss:// address" in kiosk.log
        assert kiosk.health()["config"]["endpoint"]["url"] == "ws://127.0.0.1:9/relay"
        kiosk.wait_for_check("config", "warn", "config_invalid")

        kiosk.config.write_text(NO_ENDPOINT)
        kiosk.process.send_signal(signal.SIGHUP)
        kiosk.wait_for_check("config", "pass")
        assert kiosk.wait_for_check("link", "pass")["observed"] == "no endpoint is configured"


Converse = Callable[[web.Request, web.WebSocketResponse], Awaitable[None]]


@contextlib.contextmanager
def endpoint(
    converse: Converse, proxy: Callable[[web.Request], web.Response | None] = lambda _: None
) -> Iterator[str]:
    """A WebSocket server on a thread of its own; its address. `proxy` may answer before it."""
    loop = asyncio.new_event_loop()

    async def answer(request: web.Request) -> web.StreamResponse:
        refusal = proxy(request)
        if refusal is not None:
            return refusal
        upgraded = web.WebSocketResponse()
        await upgraded.prepare(request)
        await converse(request, upgraded)
        return upgraded

    async def start() -> int:
        app = web.Application()
        app.router.add_get("/relay", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return int(runner.addresses[0][1])

    port = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"ws://127.0.0.1:{port}/relay"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def metric(kiosk: KioskProcess, name: str) -> float:
    lines = kiosk.get("metrics")[1].decode()
    found = re.search(rf"^{re.escape(name)} (\S+)", lines, re.MULTILINE)
    return float(found[1]) if found else 0.0


def endpoint_that_closes_with(code: int) -> contextlib.AbstractContextManager[str]:
    async def refuse(_request: web.Request, upgraded: web.WebSocketResponse) -> None:
        await upgraded.close(code=code, message=b"no")

    return endpoint(refuse)


def test_the_endpoint_hears_of_the_speech_that_a_shutdown_cuts_short(tmp_path: Path) -> None:
    """In the little time that the daemon gives its threads: in real time."""
    unless_starved(lambda _late: cut_speech_short(tmp_path))


def cut_speech_short(tmp_path: Path) -> None:
    heard: list[dict[str, object]] = []

    async def speak(_request: web.Request, upgraded: web.WebSocketResponse) -> None:
        await upgraded.receive_str()
        await upgraded.send_bytes(encode_frame(MetadataFrame(16000, "long")))
        samples = np.full(16000 * 20, 3000, np.int16)
        await upgraded.send_bytes(encode_frame(AudioFrame(samples, last=True)))
        async for message in upgraded:
            report = json.loads(message.data)
            heard.append(report)

    with (
        endpoint(speak) as url,
        running(tmp_path, config=f"endpoint: {{url: '{url}'}}\n") as kiosk,
    ):
        kiosk.wait_until(lambda: bool(heard), "report")
        kiosk.wait_until(lambda: metric(kiosk, "kiosk_speech_seconds_total") > 0.3, "speech")
        assert kiosk.stop() == 0, kiosk.log
        deadline = time.monotonic() + GENEROUS_S
        while len(heard) < 2:
            assert time.monotonic() < deadline, kiosk.log
            time.sleep(0.01)
    assert [(report["req_id"], report["state"]) for report in heard] == [
        ("long", "playing"),
        ("long", "interrupted"),
    ]
    assert 300 < int(str(heard[-1]["played_ms"])) < 20_000
    assert "utterance_interrupted" in kiosk.log
    assert "threads_late" not in kiosk.log


def test_an_endpoint_that_is_deaf_and_a_watcher_do_not_hold_up_the_end(tmp_path: Path) -> None:
    """By the clock of the daemon: in real time."""
    unless_starved(lambda _late: end_with_the_deaf(tmp_path))


def end_with_the_deaf(tmp_path: Path) -> None:
    async def be_deaf(_request: web.Request, _upgraded: web.WebSocketResponse) -> None:
        await asyncio.sleep(60)

    with (
        endpoint(be_deaf) as url,
        running(tmp_path, config=f"endpoint: {{url: '{url}'}}\n") as kiosk,
        urllib.request.urlopen(f"{kiosk.url}/stream.mjpg") as live,
        socket.create_connection(("127.0.0.1", int(kiosk.url.rpartition(":")[2]))) as voice,
    ):
        voice.sendall(b"POST /v1/speak?sample_rate=8000 HTTP/1.1\r\nHost: localhost\r\n")
        sound = bytes(range(256)) * 3
        voice.sendall(b"Transfer-Encoding: chunked\r\n\r\n300\r\n" + sound + b"\r\n")
        kiosk.wait_for_check("link", "pass")
        assert live.read(64).startswith(b"--frame")
        assert kiosk.stop() == 0, kiosk.log
    assert "threads_late" not in kiosk.log
    assert "exit_forced" not in kiosk.log
    assert "Traceback" not in kiosk.log


def test_a_reload_tries_again_what_a_person_has_mended_elsewhere(tmp_path: Path) -> None:
    """The endpoint refused for good; then only the key's file changes, or nothing here at all."""
    keys: list[str] = []
    ends = threading.Event()

    async def admit(request: web.Request, upgraded: web.WebSocketResponse) -> None:
        keys.append(request.headers.get("X-Session-Key", ""))
        if len(keys) == 1:
            await upgraded.close(code=4001, message=b"no")
        elif len(keys) == 2:
            while not ends.is_set():
                await asyncio.sleep(0.02)
            await upgraded.close()
        async for _ in upgraded:
            pass

    (tmp_path / "key").write_text("one\n")
    with (
        endpoint(admit) as url,
        running(tmp_path, config=f"endpoint: {{url: '{url}', session_key_file: key}}\n") as kiosk,
    ):
        kiosk.wait_for_check("link", "fail")
        kiosk.process.send_signal(signal.SIGHUP)
        kiosk.wait_for_check("link", "pass")
        (tmp_path / "key").write_text("two\n")
        kiosk.process.send_signal(signal.SIGHUP)
        kiosk.wait_for("applied: endpoint.session_key_file")
        assert keys == ["one", "one"], "a session that stands is not ended for a new key"
        ends.set()
        kiosk.wait_until(lambda: len(keys) == 3, "session with the new key")
        kiosk.wait_for_check("link", "pass")
        # Nothing has changed: the session stays
        kiosk.process.send_signal(signal.SIGHUP)
        kiosk.wait_until(lambda: kiosk.log.count("config_reloaded") == 3, "third reload")
        # A key that no header takes is the configuration's fault: the good one stays in use
        (tmp_path / "key").write_text("schlüssel\n")
        kiosk.process.send_signal(signal.SIGHUP)
        kiosk.wait_for("config_kept")
        assert f"{kiosk.config}:1: endpoint.session_key_file: contains characters that" in kiosk.log
        kiosk.wait_for_check("link", "pass")
        assert kiosk.stop() == 0
    assert keys == ["one", "one", "two"]
    assert "Traceback" not in kiosk.log
    result = run("--config", str(kiosk.config), "--check")
    assert (result.returncode, "an HTTP header cannot carry" in result.stderr) == (78, True)


def test_what_an_endpoint_sends_in_vain_is_counted_where_operators_look(tmp_path: Path) -> None:
    sessions = itertools.count(1)
    frames = np.zeros((4, 120), np.float32)
    spoilt = frames.copy()
    spoilt[1:3, 50] = np.nan

    async def err(_request: web.Request, upgraded: web.WebSocketResponse) -> None:
        await upgraded.receive_str()
        if next(sessions) == 1:
            await upgraded.send_bytes(encode_frame(MetadataFrame(16000, "now")))
            await upgraded.send_bytes(encode_frame(MotionFrame((Animation("now", spoilt),))))
            await upgraded.send_bytes(encode_frame(MotionFrame((Animation("other", frames),))))
            await upgraded.send_bytes(b"\x01\x00half a sample")
            await upgraded.send_bytes(encode_frame(ErrorFrame("no model")))
            await upgraded.close(code=4503, message=b"in trouble")
        async for _ in upgraded:
            pass

    with (
        endpoint(err) as url,
        running(tmp_path, config=f"endpoint: {{url: '{url}'}}\n") as kiosk,
    ):
        kiosk.wait_until(lambda: metric(kiosk, "kiosk_link_sessions_total") == 2, "next session")
        told = {
            name: metric(kiosk, f"kiosk_link_{name}")
            for name in (
                "messages_total",
                "motion_frames_dropped_total",
                "late_messages_total",
                "bad_frames_total",
                'errors_total{code="protocol_error"}',
                'errors_total{code="backend_error"}',
                'errors_total{code="close_4503"}',
            )
        }
        assert list(told.values()) == [5, 2, 1, 1, 1, 1, 1], told
        assert kiosk.stop() == 0


def test_an_endpoint_that_refuses_for_good_waits_for_a_person(tmp_path: Path) -> None:
    with (
        endpoint_that_closes_with(4001) as url,
        running(tmp_path, config=f"endpoint: {{url: '{url}'}}\n") as kiosk,
    ):
        check = kiosk.wait_for_check("link", "fail")
        assert check["reasons"][0]["code"] == "link_refused"
        assert "not retried" in check["reasons"][0]["text"]
        assert kiosk.get("healthz")[0] == 503
        assert kiosk.get("readyz")[0] == 503
        assert kiosk.get("livez")[0] == 200
        kiosk.config.write_text(NO_ENDPOINT)
        kiosk.process.send_signal(signal.SIGHUP)
        kiosk.wait_for_check("link", "pass")
        assert kiosk.get("healthz")[0] == 200
        assert kiosk.stop() == 0


def test_an_endpoint_that_has_worked_is_waited_for_over_a_restart(tmp_path: Path) -> None:
    refused = threading.Event()

    async def serve(request: web.Request, upgraded: web.WebSocketResponse) -> None:
        await upgraded.send_str('{"action": {"type": "heartbeat"}, "ts": 1}')
        async for _ in upgraded:
            pass

    def proxy(request: web.Request) -> web.Response | None:
        return web.Response(status=404) if refused.is_set() else None

    with endpoint(serve, proxy) as url:
        config = f"endpoint: {{url: '{url}'}}\n"
        with running(tmp_path, config=config) as kiosk:
            kiosk.wait_for("text_ignored")
            kiosk.wait_for_check("link", "pass")
            kept = tmp_path / "known_endpoints.json"
            kiosk.wait_until(kept.exists, "record of what has worked")
            assert kiosk.stop() == 0
        refused.set()
        with running(tmp_path, config=config) as kiosk:
            check = kiosk.wait_for_check("link", "warn", code="link_down")
            assert "http_404" in check["reasons"][0]["text"]
            assert "next try in" in check["reasons"][0]["text"]
            refused.clear()
            kiosk.wait_for_check("link", "pass")
            assert kiosk.stop() == 0
        assert "Traceback" not in kiosk.log


def test_a_broken_configuration_is_told_line_by_line_with_status_78(tmp_path: Path) -> None:
    path = tmp_path / "kiosk.yaml"
    path.write_text("audio: {volume: 7}\ndisplai: {}\n")
    for arguments in (["--check"], []):
        result = run("--config", str(path), *arguments)
        assert result.returncode == 78
        first, second = result.stderr.splitlines()
        assert first.startswith(f"error: {path}:1: audio.volume: 7 is too large")
        assert second.startswith(f"error: {path}:2: displai: unknown section")


def test_the_check_says_ok_and_warns_of_a_missing_avatar(tmp_path: Path) -> None:
    path = tmp_path / "kiosk.yaml"
    path.write_text("avatar: {path: none.avatar}\n")
    result = run("--config", str(path), "--check")
    assert result.returncode == 0
    assert result.stdout == f"{path}: ok\n"
    assert "the default avatar will be shown" in result.stderr
    path.write_text(f"avatar: {{path: {ROOT / 'Makefile'}}}\n")
    result = run("--config", str(path), "--check")
    assert "the default avatar will be shown" in result.stderr, "a file that is not an avatar"
    assert run("--config", str(ROOT / "config/kiosk.yaml"), "--check").returncode == 0


def test_the_network_without_protection_refuses_the_start(tmp_path: Path) -> None:
    result = run("--set", "health.address=0.0.0.0")
    assert result.returncode == 78
    assert "health.token_file" in result.stderr


def test_a_port_in_use_is_told_in_words(tmp_path: Path) -> None:
    with running(tmp_path, config=NO_ENDPOINT) as kiosk:
        port = kiosk.url.rpartition(":")[2]
        avatar = tmp_path / "ball.avatar"
        result = run(
            "--set",
            f"health.port={port}",
            "--set",
            f"avatar.path={avatar}",
            "--set",
            "audio.enabled=false",
        )
        assert result.returncode == 1
        assert f"cannot listen on 127.0.0.1 port {port}" in result.stderr
        assert "Traceback" not in result.stderr


def test_a_damaged_avatar_gives_way_to_the_default_one(tmp_path: Path, root: Path) -> None:
    if not (root / "config/avatars/default.avatar").exists():
        pytest.skip("no default avatar, which `make avatar` builds")
    path = write_small_avatar(tmp_path / "bad.avatar")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with running(tmp_path, "--set", f"avatar.path={path}", config=NO_ENDPOINT) as kiosk:
        check = kiosk.wait_for_check("avatar", "warn")
        assert check["reasons"][0]["code"] == "avatar_not_loaded"
        assert "bad.avatar" in check["reasons"][0]["text"]
        kiosk.wait_until(lambda: kiosk.get("readyz")[0] == 200, "readiness")


def test_the_voice_of_ones_own_software_is_spoken_without_any_endpoint(tmp_path: Path) -> None:
    with running(tmp_path, config=NO_ENDPOINT) as kiosk:
        tone = (9000 * np.sin(np.arange(24000) / 9)).astype("<i2").tobytes()
        url = f"{kiosk.url}/v1/speak?sample_rate=24000"
        with urllib.request.urlopen(urllib.request.Request(url, tone, method="POST")) as answer:
            told = json.loads(answer.read())
        assert told["seconds"] == 1.0
        kiosk.wait_for(f"utterance_ended: utterance {told['req_id']} ended after 1.0")
        _, metrics = kiosk.get("metrics")
        assert b'kiosk_utterances_total{outcome="ended"} 1.0' in metrics
        assert b"kiosk_audio_only_utterances_total" in metrics


def test_a_recording_plays_to_its_end_and_the_program_ends(tmp_path: Path, clips: Clips) -> None:
    avatar = write_small_avatar(tmp_path / "ball.avatar")
    result = run(
        "--set",
        "health.port=0",
        "--set",
        "audio.enabled=false",
        "--set",
        "display.width=180",
        "play",
        str(clips.short),
        "--avatar",
        str(avatar),
    )
    assert result.returncode == 0, result.stderr
    assert "recording_over" in result.stderr
    assert "ended after 3.6" in result.stderr or "ended after 3.7" in result.stderr


@pytest.mark.slow("plays 20 seconds in real time")
def test_the_long_recording_plays_in_lip_sync(
    tmp_path: Path, clips: Clips, lam_bundle: Callable[[str], Path], sound_server: SoundServer
) -> None:
    avatar = lam_bundle(LAM_NAMES[-1] if clips.real else MADE_UP)
    folders = (tmp_path / f"attempt{number}" for number in itertools.count())
    # An underrun of the test's sound server is nobody's fault where all processes stood still
    unless_starved(lambda late: play_in_sync(next(folders), avatar, clips.long, sound_server, late))


def play_in_sync(
    folder: Path, avatar: Path, recording: Path, sound_server: SoundServer, late: Late
) -> None:
    folder.mkdir()
    command = [
        "--set", "audio.enabled=true", "--set", f"audio.device={sound_server.device}", "play",
        str(recording), "--avatar", str(avatar),
    ]  # fmt: skip
    metrics = ""
    with running(folder, *command) as kiosk:
        while kiosk.process.poll() is None:
            with contextlib.suppress(OSError):
                metrics = kiosk.get("metrics")[1].decode()
            time.sleep(0.3)
        late_s = late()
        assert kiosk.process.returncode == 0, kiosk.log
    assert "ended after 20.3" in kiosk.log
    assert late_s or "audio_xrun" not in kiosk.log
    early, late_lips = (
        {
            float(bound): float(count)
            for bound, count in re.findall(
                rf'kiosk_sync_offset_seconds_bucket{{le="(\S+)",lips="{lips}"}} (\S+)', metrics
            )
        }
        for lips in ("early", "late")
    )
    shown = early[math.inf] + late_lips[math.inf]
    assert shown > 20

    def bound(seconds: float) -> float:
        """By how late the machine woke whoever waited, a frame may be off as well."""
        return min(each for each in early if each >= min(seconds + late_s, 0.2))

    # Motion time of the frames less the position heard: centred, and narrow
    for side in (early, late_lips):
        beyond = side[math.inf] - side[bound(0.02)]
        assert beyond < 0.5 * shown, (late_s, early, late_lips)
    assert early[bound(0.06)] + late_lips[bound(0.06)] > 0.8 * shown, (late_s, early, late_lips)


def test_a_recording_that_is_none_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    result = run("play", str(tmp_path / "x.json"))
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr


def ctl(kiosk: KioskProcess | str, *arguments: str) -> subprocess.CompletedProcess[str]:
    url = kiosk if isinstance(kiosk, str) else kiosk.url
    return subprocess.run(
        [sys.executable, "-m", "kioskd.ctl", "--url", url, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=GENEROUS_S,
        check=False,
    )


def test_kioskctl_asks_and_commands_a_running_kiosk(tmp_path: Path) -> None:
    with running(tmp_path, config=NO_ENDPOINT) as kiosk:
        kiosk.wait_for_check("render_loop", "pass")
        result = ctl(kiosk, "status")
        assert result.returncode == 0
        assert re.match(r"kioskd 0\.1\.0( \(serial \S+\))?: pass", result.stdout)
        result = ctl(kiosk, "doctor")
        assert result.returncode == 0
        assert "ok   render_loop" in result.stdout
        result = ctl(kiosk, "screenshot", "-o", str(tmp_path / "now.png"))
        assert result.returncode == 0
        assert (tmp_path / "now.png").read_bytes().startswith(b"\x89PNG")
        assert ctl(kiosk, "interrupt").returncode == 0
        assert ctl(kiosk, "gesture", "idle").returncode == 0
        assert "  gesture: idle\n" in ctl(kiosk, "status").stdout
        result = ctl(kiosk, "gesture", "wave")
        assert result.returncode == 2
        assert result.stderr == (
            "error: the avatar ball has no clip 'wave'; it has idle, listen, think\n"
        )
        result = ctl(kiosk, "say", "Hello.")
        assert result.returncode == 2
        assert result.stderr.startswith("error: endpoint.say_url is not set")
        result = ctl(kiosk, "screenshot", "-o", str(tmp_path / "none/now.png"))
        assert (result.returncode, "cannot be written" in result.stderr) == (2, True)


def test_a_conversation_is_listened_to_thought_about_and_answered(
    tmp_path: Path, root: Path
) -> None:
    """The answer is a minute long: there is time to ask for more while it is heard."""
    avatar = root / "config/avatars/default.avatar"
    if not avatar.exists():
        pytest.skip("no default avatar, which `make avatar` builds")
    with running(tmp_path, "--set", f"avatar.path={avatar}", config=NO_ENDPOINT) as kiosk:

        def wait_for_gesture(name: str) -> None:
            kiosk.wait_until(lambda: kiosk.health()["figures"]["gesture"] == name, name)

        for name in ("listen", "think"):
            assert ctl(kiosk, "gesture", name).returncode == 0
            wait_for_gesture(name)
        silence = bytes(2 * 8000 * 60)
        url = f"{kiosk.url}/v1/speak?sample_rate=8000"
        urllib.request.urlopen(urllib.request.Request(url, silence, method="POST")).close()
        wait_for_gesture("idle")
        result = ctl(kiosk, "gesture", "listen")
        assert (result.returncode, "not shown: the avatar speaks" in result.stdout) == (1, True)
        assert ctl(kiosk, "interrupt").returncode == 0
        assert ctl(kiosk, "gesture", "listen").returncode == 0
        wait_for_gesture("listen")
        assert "gesture_timed_out" not in kiosk.log
        result = ctl(kiosk, "gesture", "dance")
        assert result.returncode == 2
        assert "it has idle, listen, think, hello" in result.stderr


def test_kioskctl_says_what_is_wrong_when_nobody_answers(tmp_path: Path) -> None:
    for url, expected in (
        ("http://127.0.0.1:9", "is the service running?"),
        ("ftp://x", "is not an http:// or https:// address"),
        ("http://[::1", "error: "),
    ):
        result = ctl(url, "status")
        assert result.returncode == 2
        assert expected in result.stderr
        assert "Traceback" not in result.stderr
    result = ctl("http://127.0.0.1:9", "--token-file", str(tmp_path / "none"), "status")
    assert (result.returncode, "--token-file" in result.stderr) == (2, True)
    (tmp_path / "key").write_bytes(b"\xff\n")
    result = ctl("http://127.0.0.1:9", "--token-file", str(tmp_path / "key"), "status")
    assert (result.returncode, "--token-file" in result.stderr) == (2, True)
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "the answer is not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}", "the answer is not valid HTTP"),
        (b"HTTP/1.1 503 No\r\nContent-Length: 99\r\n\r\n{}", "the answer is not valid HTTP"),
        (b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "its answer has no checks"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "its answer (200) is not an object"),
        (
            b'HTTP/1.1 403 No\r\nContent-Length: 17\r\n\r\n{"message": "no"}',
            "gives no health answer (403): no",
        ),
    ],
)
def test_kioskctl_says_what_is_wrong_when_something_else_answers(
    answer: bytes, expected: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        result = ctl(f"http://127.0.0.1:{server.getsockname()[1]}", "doctor")
        thread.join()
    assert (result.returncode, expected in result.stderr) == (2, True), result.stderr
    assert "Traceback" not in result.stderr


def test_a_killed_kiosk_leaves_nothing_that_hinders_the_next(tmp_path: Path) -> None:
    with running(tmp_path, config=NO_ENDPOINT) as kiosk:
        kiosk.process.kill()
        kiosk.process.wait()
    with running(tmp_path, config=NO_ENDPOINT) as kiosk:
        assert kiosk.get("livez")[0] == 200
