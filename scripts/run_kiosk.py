# SPDX-License-Identifier: Apache-2.0
"""Runs the kiosk on this machine: the embedded endpoint, when none is given, and kioskd.

What `make run` calls. Both are processes of their own, as on a board; this one only starts
them, waits, and ends both together. Ctrl-C, SIGTERM and a closed terminal are a clean end.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GREETING = (
    "Hello! I am your kiosk, and I am rendered right here on this machine. "
    "Type something on the page, and I will say it."
)
ENDPOINT_READY_S = 20.0
STOP_S = 5.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--avatar", type=Path, default=ROOT / "config/avatars/default.avatar", metavar="FILE",
        help="the avatar bundle to show (made by `python -m splat_gles import`)",
    )  # fmt: skip
    parser.add_argument(
        "--endpoint", default="", metavar="URL",
        help="a driving endpoint's relay, such as ws://host:8090/relay; "
        "without it the embedded endpoint is started",
    )  # fmt: skip
    parser.add_argument(
        "--endpoint-port", type=int, default=8090, help="port of the embedded endpoint"
    )
    parser.add_argument(
        "--greeting", default=GREETING, help="what the avatar says when it starts; '' for nothing"
    )
    parser.add_argument(
        "kioskd", nargs="*", metavar="KIOSKD-OPTION",
        help="after `--`: more options for kioskd, such as --set display.width=540",
    )  # fmt: skip
    return parser.parse_args()


def start_endpoint(port: int, greeting: str) -> tuple[subprocess.Popen[str], str]:
    """The embedded endpoint's process and its address once it listens; exits with its error."""
    command = [sys.executable, "-m", "driving_client.endpoint", "--port", str(port)]
    if greeting:
        command += ["--greeting", greeting]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, process_group=0
    )
    assert process.stdout is not None
    deadline = time.monotonic() + ENDPOINT_READY_S
    while time.monotonic() < deadline:
        readable, _, _ = select.select([process.stdout], [], [], 0.1)
        line = process.stdout.readline() if readable else ""
        if "listening on " in line:
            return process, line.split("listening on ", 1)[1].strip()
        if process.poll() is not None:
            sys.exit(process.returncode or 1)
    process.kill()
    sys.exit(
        f"error: the embedded endpoint did not listen on port {port} within "
        f"{ENDPOINT_READY_S:.0f} s; see its messages above, or choose another --endpoint-port"
    )


def kioskd_command(avatar: Path, address: str, extra: list[str]) -> list[str]:
    """The daemon's command for an endpoint: http for the embedded one, ws for another."""
    command = [sys.executable, "-m", "kioskd", "--config", str(ROOT / "config/kiosk.yaml")]
    command += ["--set", f"avatar.path={avatar.resolve()}"]
    if address.startswith("http"):
        websocket = "ws" + address.removeprefix("http")
        command += ["--set", f"endpoint.url={websocket}/relay", "--set", "endpoint.dialect=relay"]
        command += ["--set", f"endpoint.say_url={address}/say"]
    else:
        dialect = "relay" if address.rstrip("/").endswith("/relay") else "driveningress"
        command += ["--set", f"endpoint.url={address}", "--set", f"endpoint.dialect={dialect}"]
    return command + extra


def stop(processes: list[subprocess.Popen[str]]) -> None:
    """End the processes, the last started first; one that does not obey in STOP_S is killed."""
    for process in reversed(processes):
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            print(f"error: process {process.pid} did not stop, killing it", file=sys.stderr)
            process.kill()
            process.wait()


def main() -> int:
    """Run both until one ends or a signal asks; the daemon's exit status."""
    options = arguments()
    if not options.avatar.is_file():
        print(
            f"error: no avatar at {options.avatar}; give one with AVATAR=FILE, made by "
            "`.venv/bin/python -m splat_gles import SOURCE -o FILE`",
            file=sys.stderr,
        )
        return 1
    asked_to_stop = False

    def ask_to_stop(_number: int, _frame: object) -> None:
        nonlocal asked_to_stop
        asked_to_stop = True

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    processes: list[subprocess.Popen[str]] = []
    address = options.endpoint
    if not address:
        endpoint, address = start_endpoint(options.endpoint_port, options.greeting)
        processes.append(endpoint)
    for number in STOP_SIGNALS:
        signal.signal(number, ask_to_stop)
    command = kioskd_command(options.avatar, address, options.kioskd)
    kioskd = subprocess.Popen(command, cwd=ROOT, text=True, process_group=0)
    processes.append(kioskd)
    while not asked_to_stop and all(process.poll() is None for process in processes):
        time.sleep(0.1)
    failed = not asked_to_stop and next(p for p in processes if p.poll() is not None)
    stop(processes)
    if failed and failed is not kioskd:
        print("error: the embedded endpoint ended; its messages are above", file=sys.stderr)
        return failed.returncode or 1
    return kioskd.returncode


if __name__ == "__main__":
    sys.exit(main())
