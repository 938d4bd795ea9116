# SPDX-License-Identifier: Apache-2.0
"""Attacks on a real daemon's port: it goes on, says so once, and nothing of them stays."""

from __future__ import annotations

import contextlib
import gzip
import os
import socket
import threading
from pathlib import Path

from kiosk_process import KioskProcess, running

NO_ENDPOINT = "endpoint: {url: ''}\n"
HERE = 64
"""Places for this machine, which is the attacker here."""


def descriptors(kiosk: KioskProcess) -> int:
    return len(os.listdir(f"/proc/{kiosk.process.pid}/fd"))  # noqa: PTH208


def port(kiosk: KioskProcess) -> int:
    return int(kiosk.url.rpartition(":")[2])


def fed(kiosk: KioskProcess) -> int:
    """How often the watchdog was: by the render loop, and only while the other threads beat."""
    return kiosk.notices.count("WATCHDOG=1")


def test_a_thousand_silent_connections_take_their_places_and_nothing_else(tmp_path: Path) -> None:
    with running(tmp_path, config=NO_ENDPOINT, WATCHDOG_USEC="2000000") as kiosk:
        kiosk.wait_for_check("render_loop", "pass")
        before = descriptors(kiosk)
        with contextlib.ExitStack() as held:
            for _ in range(1100):
                made = held.enter_context(socket.socket())
                made.setblocking(False)
                made.connect_ex(("127.0.0.1", port(kiosk)))
            kiosk.wait_for("http_full")
            before_attack = fed(kiosk)
            kiosk.wait_until(lambda: fed(kiosk) >= before_attack + 3, "food for the watchdog")
            assert before <= descriptors(kiosk) <= before + HERE + 4
        kiosk.wait_until(lambda: kiosk_answers(kiosk), "an answer")
        kiosk.wait_until(lambda: descriptors(kiosk) <= before + 2, "places that are free again")
        assert "http_no_resources" not in kiosk.log
        assert "Traceback" not in kiosk.log
        assert len(kiosk.log.splitlines()) < 60


def kiosk_answers(kiosk: KioskProcess) -> bool:
    with contextlib.suppress(OSError):
        return kiosk.get("livez")[0] == 200
    return False


def test_packed_bodies_are_refused_at_once_and_hold_nothing_up(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(200_000_000), 1)
    head = (
        "POST /v1/say HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    )
    answers: list[bytes] = []

    def attack() -> None:
        with socket.create_connection(("127.0.0.1", port(kiosk)), 60) as made:
            with contextlib.suppress(ConnectionError):
                made.sendall(head.encode() + bomb)
            with contextlib.suppress(ConnectionError):
                answers.append(made.recv(4096))

    with running(tmp_path, config=NO_ENDPOINT) as kiosk:
        kiosk.wait_for_check("render_loop", "pass")
        threads = [threading.Thread(target=attack) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert kiosk.get("livez")[0] == 200
        assert answers
        assert all(b" 415 " in answer for answer in answers if answer), answers
        assert kiosk.stop() == 0
        assert "Traceback" not in kiosk.log
