# SPDX-License-Identifier: Apache-2.0
"""A kioskd that is asked, spoken to and listened to while somebody attacks it."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from attack_bench.relay import NEVER_S, RATE, VOICE_S, Relay, tone
from attack_bench.verdict import WATCHDOG_S, Measured
from test_stand.network import FRIEND, KIOSK
from test_stand.processes import ROOT, start_kiosk
from test_stand.protection import TOKEN, any_certificate, protected

LOCAL: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of a measurement, and before and after it.

    `prepare`: what an attacker gets before the figures count; `settle`: until descriptors are
    counted again, the longest that a connection of an attack may stay.
    """

    measure: float
    prepare: float = 6.0
    settle: float = 12.0


_WARM_UP_S: Final = 2.0
_PAUSE_S: Final = 0.1
_BETWEEN_VOICES_S: Final = 0.5


class Kiosk:
    """Started in a folder, from this checkout or another one; raises StandError."""

    def __init__(self, folder: Path, root: Path = ROOT) -> None:
        self._beats: list[float] = []
        self._relay = Relay()
        self._tls = any_certificate()
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(str(folder / "notify"))
        threading.Thread(target=self._read_beats, args=(notify,), daemon=True).start()
        settings = protected(folder) | {
            "avatar.path": ROOT / "config/avatars/default-20k.avatar",
            "audio.enabled": "false",
            "display.width": 180,
            "display.height": 320,
            "endpoint.url": self._relay.start(),
            "playback.motion_wait_ms": 0,
        }
        variables = {
            "NOTIFY_SOCKET": str(folder / "notify"),
            "WATCHDOG_USEC": f"{1e6 * WATCHDOG_S:.0f}",
        }
        self._run = start_kiosk(folder, settings, variables, root)
        try:
            self._run.wait_for("ready: ")
            self.port = int(self._run.wait_for(r"http_listening: .*:(\d+)/")[1])
        except BaseException:
            self.kill()
            raise
        time.sleep(_WARM_UP_S)

    def kill(self) -> None:
        """End it at once."""
        self._run.kill()

    def measure(self, name: str, attack: Sequence[str], timing: Timing) -> Measured:
        """What it does while a command attacks, which ends by itself; raises StandError."""
        before = self._open()
        attacking = subprocess.Popen(attack)
        time.sleep(timing.prepare)
        begin, lines, frames = time.monotonic(), self._lines(), self._metric("kiosk_frames_total")
        until = begin + timing.measure
        here: list[float] = []
        there: list[float] = []
        watchers = [
            threading.Thread(target=self._watch, args=(LOCAL, LOCAL, here, until)),
            threading.Thread(target=self._watch, args=(KIOSK, FRIEND, there, until)),
        ]
        for watcher in watchers:
            watcher.start()
        relayed: list[float] = []
        posted: list[float] = []
        while not posted or time.monotonic() < until:
            for speak, times in ((self._relay.speak, relayed), (self._post, posted)):
                times.append(speak())
                time.sleep(_BETWEEN_VOICES_S)
        shown = self._metric("kiosk_frames_total") - frames
        end = time.monotonic()
        logged = self._lines() - lines
        for watcher in watchers:
            watcher.join()
        attacking.wait()
        time.sleep(timing.settle)
        beats = [begin, *(beat for beat in self._beats if begin <= beat <= end), end]
        return Measured(
            name,
            here,
            there,
            relayed,
            posted,
            longest_without_beat=max(b - a for a, b in pairwise(beats)),
            frames_per_s=shown / (end - begin),
            lines_per_s=logged / (end - begin),
            before=before,
            after=self._open(),
        )

    def _watch(self, host: str, source: str, times: list[float], until: float) -> None:
        while time.monotonic() < until:
            times.append(_timed(lambda: self._ask(host, source, b"GET /livez")))
            time.sleep(_PAUSE_S)

    def _post(self) -> float:
        """A voice over POST /v1/speak; the seconds from then until its first sound was played."""
        played = self._metric("kiosk_utterances_total")

        def speak() -> None:
            head = f"POST /v1/speak?sample_rate={RATE}".encode()
            self._ask(LOCAL, LOCAL, head, tone().tobytes())
            deadline = time.monotonic() + NEVER_S
            while self._metric("kiosk_utterances_total") <= played:
                if time.monotonic() > deadline:
                    raise TimeoutError
                time.sleep(0.01)

        took = _timed(speak)
        return took if took >= NEVER_S else took - VOICE_S

    def _ask(self, host: str, source: str, what: bytes, body: bytes = b"") -> bytes:
        head = (
            f" HTTP/1.0\r\nHost: kiosk\r\nAuthorization: Bearer {TOKEN}\r\n"
            f"Content-Type: audio/pcm\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with (
            socket.create_connection((host, self.port), NEVER_S / 2, (source, 0)) as raw,
            self._tls.wrap_socket(raw) as wrapped,
        ):
            wrapped.sendall(what + head.encode() + body)
            answer = b""
            while part := wrapped.recv(65536):
                answer += part
        if b" 200 " not in answer[:20]:
            raise ConnectionError(answer[:200].decode("utf-8", "replace"))
        return answer

    def _metric(self, name: str) -> float:
        """A metric, summed over its labels, however long it takes; raises StandError."""
        while self._run.pid:
            try:
                text = self._ask(LOCAL, LOCAL, b"GET /metrics").decode()
            except OSError:
                time.sleep(_PAUSE_S)
                continue
            values = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
            return sum(map(float, values))
        raise AssertionError

    def _open(self) -> tuple[int, int]:
        folder = Path(f"/proc/{self._run.pid}")
        return len([*(folder / "fd").iterdir()]), len([*(folder / "task").iterdir()])

    def _lines(self) -> int:
        return self._run.log.read_bytes().count(b"\n")

    def _read_beats(self, notify: socket.socket) -> None:
        while True:
            if b"WATCHDOG=1" in notify.recv(4096):
                self._beats.append(time.monotonic())


def _timed(action: Callable[[], object]) -> float:
    """The seconds that it takes; NEVER_S where it fails."""
    begin = time.monotonic()
    try:
        action()
    except OSError:
        return NEVER_S
    return time.monotonic() - begin
