#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make bench-attacks`: what the kiosk still does while its HTTP port is attacked.

In a network namespace of its own (no root needed), with addresses for the attackers that are
not loopback, it starts a real kioskd and a relay endpoint, and for each attack measures: how
long `/livez` takes on this machine and from another one, how long from a voice's arrival until
it is heard, the longest time between two beats of the watchdog, frames and log lines a second,
and the descriptors and threads that are left afterwards. Two cores that are busy otherwise
make every figure worse, also the line without an attack.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

import numpy as np
from aiohttp import web

from attacks import ATTACKS, Attacker
from driving_client.wire.relay_frames import AudioFrame, MetadataFrame, encode_frame

ROOT: Final = Path(__file__).resolve().parent.parent
LOCAL: Final = "127.0.0.1"
KIOSK: Final = "198.51.100.1"
ATTACKER: Final = "198.51.100.2"
MANY: Final = tuple(f"198.51.100.{number}" for number in range(20, 60))
FRIEND: Final = "198.51.100.9"
TOKEN: Final = "0123456789abcdef0123456789abcdef"
PREPARE_S: Final = 6.0
"""So long an attacker gets before the figures count."""
NEVER_S: Final = 20.0
INSIDE: Final = "KIOSK_BENCH_INSIDE"
SETTLE_S: Final = 12.0
"""After an attack: the longest that one of its connections may stay."""


def main() -> int:
    """Run all attacks, or those that are named; 0 when all could be measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("attacks", nargs="*", metavar="ATTACK",
                        help=", ".join(each.__name__ for each in ATTACKS))  # fmt: skip
    parser.add_argument("--seconds", type=float, default=10.0, help="per attack (%(default)s)")
    parser.add_argument("--root", type=Path, default=ROOT, help="another checkout of the project")
    parser.add_argument("--one", metavar="ATTACK", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        os.nice(5)
        attack = next(each for each in ATTACKS if each.__name__ == options.one.rstrip("+"))
        sources = list(MANY) if options.one.endswith("+") else [ATTACKER]
        attack(Attacker(KIOSK, options.port, sources, time.monotonic() + options.seconds, TOKEN))
        return 0
    if INSIDE not in os.environ:
        inside = ["unshare", "--map-root-user", "--net", sys.executable, *sys.argv]
        return subprocess.run(inside, env=os.environ | {INSIDE: "1"}, check=False).returncode
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in (KIOSK, ATTACKER, FRIEND, *MANY):
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    names = [each.__name__ for each in ATTACKS]
    names = options.attacks or [*names, "silent+", "half_heads+", "malformed+"]
    print(f"{'attack (+: from 40 addresses)':30} {'livez p95 here / there':>24} {'voice max':>10} "
          f"{'beat max':>9} {'frames/s':>9} {'log/s':>7} {'fds':>9} {'threads':>9}")  # fmt: skip
    for name in names:
        with tempfile.TemporaryDirectory() as folder, Stand(Path(folder), options.root) as stand:
            print(f"{name:30} {stand.measure(name, options.seconds)}", flush=True)
    return 0


class Stand:
    """A kioskd with its endpoint."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder, self._root = folder, root
        self._beats: list[float] = []
        self._log: list[str] = []
        self._relay = Relay()

    def __enter__(self) -> Stand:
        folder = self._folder
        (folder / "token").write_text(TOKEN)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
             folder / "key.pem", "-out", folder / "cert.pem", "-subj", "/CN=kiosk", "-days", "2"],
            check=True, capture_output=True,
        )  # fmt: skip
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(str(folder / "notify"))
        settings = {
            "avatar.path": ROOT / "config/avatars/default-20k.avatar", "audio.enabled": "false",
            "display.width": 180, "display.height": 320, "health.address": "0.0.0.0",
            "health.port": 0, "health.token_file": folder / "token",
            "health.tls_certificate": folder / "cert.pem", "health.tls_key": folder / "key.pem",
            "endpoint.url": self._relay.start(), "playback.motion_wait_ms": 0,
        }  # fmt: skip
        (folder / "kiosk.yaml").write_text("{}\n")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kioskd", "--config", folder / "kiosk.yaml",
             *(part for key, value in settings.items() for part in ("--set", f"{key}={value}"))],
            cwd=self._root, stderr=subprocess.PIPE, text=True, preexec_fn=_as_a_service,
            env=os.environ | {
                "SDL_VIDEODRIVER": "offscreen", "NOTIFY_SOCKET": str(folder / "notify"),
                "STATE_DIRECTORY": str(folder), "WATCHDOG_USEC": "2000000",
            },
        )  # fmt: skip
        threading.Thread(target=self._read_log, daemon=True).start()
        threading.Thread(target=self._read_beats, args=(notify,), daemon=True).start()
        deadline = time.monotonic() + 60
        while not any("ready: " in line for line in self._log):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("kioskd does not start:\n" + "".join(self._log))
            time.sleep(0.1)
        found = re.search(r"http_listening: .*:(\d+)/", "".join(self._log))
        assert found is not None
        self._port = int(found.group(1))
        time.sleep(5.0)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(10)

    def measure(self, name: str, seconds: float) -> str:
        """One attack, as a line of the table."""
        before = self._open()
        attack = subprocess.Popen(
            [sys.executable, __file__, "--one", name, "--port", str(self._port),
             "--seconds", str(PREPARE_S + seconds)]
        )  # fmt: skip
        time.sleep(PREPARE_S)
        begin, lines, frames = time.monotonic(), len(self._log), self._frames()
        here: list[float] = []
        there: list[float] = []
        until = begin + seconds
        watchers = [
            threading.Thread(target=self._ask, args=(LOCAL, LOCAL, here, until)),
            threading.Thread(target=self._ask, args=(KIOSK, FRIEND, there, until)),
        ]
        for watcher in watchers:
            watcher.start()
        voices = self._relay.speak_until(until)
        for watcher in watchers:
            watcher.join()
        end = time.monotonic()
        shown = self._frames() - frames
        beats = [beat for beat in self._beats if begin <= beat <= end]
        gaps = [b - a for a, b in zip([begin, *beats], [*beats, end], strict=True)]
        logged = len(self._log) - lines
        attack.wait()
        time.sleep(0 if name == "nothing" else SETTLE_S)
        if self._process.poll() is not None:
            return f"the daemon has ended with status {self._process.returncode}"
        after = self._open()
        ms = [f"{1000 * _p95(times):.0f}" for times in (here, there)]
        spent = end - begin
        return (f"{' / '.join(ms):>21} ms {1000 * max(voices):7.0f} ms {max(gaps):7.2f} s "
                f"{shown / spent:9.1f} {logged / spent:7.1f} {before[0]:4}→{after[0]:<4} "
                f"{before[1]:4}→{after[1]:<4}")  # fmt: skip

    def _ask(self, host: str, source: str, times: list[float], until: float) -> None:
        while time.monotonic() < until:
            begin = time.monotonic()
            try:
                self._get(host, source, "/livez")
                times.append(time.monotonic() - begin)
            except OSError:
                times.append(NEVER_S)
            time.sleep(0.1)

    def _get(self, host: str, source: str, path: str) -> bytes:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        head = f"GET {path} HTTP/1.0\r\nHost: kiosk\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        with (
            socket.create_connection((host, self._port), 10, (source, 0)) as raw,
            tls.wrap_socket(raw) as wrapped,
        ):
            wrapped.sendall(head.encode())
            answer = b""
            while part := wrapped.recv(65536):
                answer += part
        if b" 200 " not in answer[:20]:
            raise ConnectionError(answer[:100].decode())
        return answer

    def _frames(self) -> float:
        while self._process.poll() is None:
            try:
                answer = self._get(LOCAL, LOCAL, "/metrics").decode()
            except OSError:
                time.sleep(0.5)
                continue
            found = re.search(r"^kiosk_frames_total (\S+)", answer, re.MULTILINE)
            assert found is not None
            return float(found.group(1))
        return float("nan")

    def _open(self) -> tuple[int, int]:
        folder = Path(f"/proc/{self._process.pid}")
        return len([*(folder / "fd").iterdir()]), len([*(folder / "task").iterdir()])

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._log.append(line)

    def _read_beats(self, notify: socket.socket) -> None:
        while True:
            if b"WATCHDOG=1" in notify.recv(4096):
                self._beats.append(time.monotonic())


class Relay:
    """An endpoint that sends short voices and takes the time until each is heard."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._heard: asyncio.Queue[str] = asyncio.Queue()
        self._kiosk: web.WebSocketResponse | None = None
        self._count = 0

    def start(self) -> str:
        """Listen; the address."""
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        return asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def speak_until(self, until: float) -> list[float]:
        """Voice after voice; for each the seconds until it was heard."""
        times = []
        while time.monotonic() < until:
            times.append(asyncio.run_coroutine_threadsafe(self._speak(), self._loop).result(60))
            time.sleep(0.5)
        return times

    async def _listen(self) -> str:
        app = web.Application()
        app.router.add_get("/relay", self._serve)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"ws://127.0.0.1:{runner.addresses[0][1]}/relay"

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        self._kiosk = kiosk = web.WebSocketResponse()
        await kiosk.prepare(request)
        async for message in kiosk:
            told = json.loads(message.data)
            if told.get("state") == "playing":
                self._heard.put_nowait(told["req_id"])
        return kiosk

    async def _speak(self) -> float:
        assert self._kiosk is not None
        self._count += 1
        name = f"voice-{self._count}"
        begin = time.monotonic()
        tone = np.full(4800, 3000, np.int16)
        try:
            async with asyncio.timeout(NEVER_S):
                await self._kiosk.send_bytes(encode_frame(MetadataFrame(16000, name)))
                await self._kiosk.send_bytes(encode_frame(AudioFrame(tone, last=True)))
                while await self._heard.get() != name:
                    pass
        except (TimeoutError, ConnectionError):
            return NEVER_S
        return time.monotonic() - begin


def _as_a_service() -> None:
    """A service has 1,024 descriptors unless told otherwise."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))


def _p95(times: list[float]) -> float:
    return sorted(times)[int(0.95 * (len(times) - 1))] if times else float("nan")


if __name__ == "__main__":
    sys.exit(main())
