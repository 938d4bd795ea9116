# SPDX-License-Identifier: Apache-2.0
"""Runs the kiosk on this machine: the embedded endpoint, when none is given, and kioskd.

What `make run` calls. Both are processes of their own, as on a board; this one only starts
them, waits, and ends both together. Ctrl-C, SIGTERM and a closed terminal are a clean end.

Where nothing but the processor draws, the default avatar is the light variant of the same person:
two cores draw its 20,000 splats at 25 frames a second, and 60,000 at fewer.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from driving_client.address import HTTP, WEBSOCKET, check_url, without_secrets
from driving_client.errors import AddressError
from kioskd.config.network_sections import EndpointSection, HealthSection

ROOT = Path(__file__).resolve().parent.parent
AVATARS = ROOT / "config/avatars"
GRAPHICS = Path("/dev/dri")
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
        "--avatar",
        type=Path,
        default=default_avatar(),
        metavar="FILE",
        help="the avatar bundle to show (default: %(default)s; default.avatar where there is a "
        "graphics processor, its light variant where there is none)",
    )
    parser.add_argument(
        "--endpoint",
        type=endpoint_address,
        default="",
        metavar="URL",
        help="a driving endpoint, such as ws://host:8090/relay, or http://host:8090 for an "
        "embedded endpoint elsewhere; without it one is started here",
    )
    parser.add_argument(
        "--endpoint-port",
        type=port,
        default=urlsplit(EndpointSection().url).port,
        help="port of the embedded endpoint (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=port,
        default=HealthSection().port,
        help="port of the health and console page (default: %(default)s)",
    )
    parser.add_argument(
        "--greeting", default=GREETING, help="what the avatar says when it starts; '' for nothing"
    )
    parser.add_argument(
        "--voice",
        default="",
        help="who speaks: slt or rms (flite's woman and man), a language such as de, one with a "
        "variant of espeak-ng such as de+f2, or a voice in Piper's format, FILE.onnx (default: the "
        "voice that the avatar names)",
    )
    parser.add_argument(
        "kioskd",
        nargs="*",
        metavar="KIOSKD-OPTION",
        help="after `--`: more options for kioskd, such as --set display.width=540",
    )
    return parser.parse_args()


def endpoint_address(text: str) -> str:
    """The address with its scheme in small letters, "" for none."""
    if not text:
        return ""
    try:
        scheme = check_url(text, (*WEBSOCKET, *HTTP)).scheme
    except AddressError as error:
        raise argparse.ArgumentTypeError(
            f"{without_secrets(text)!r} is not an endpoint's address: {error}"
        ) from error
    return scheme + text[len(scheme) :].rstrip("/")


def port(text: str) -> int:
    """A port's number; 0 for any free one."""
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r:.80} is not a port: 0 (any free one) to 65535")
    return int(text)


def default_avatar() -> Path:
    """The default avatar, in the size that this machine draws in time."""
    has_graphics = any(GRAPHICS.glob("renderD*"))
    return AVATARS / ("default.avatar" if has_graphics else "default-20k.avatar")


def avatar_is_good(path: Path) -> bool:
    """Whether the bundle can be loaded; else a line on standard error says what is wrong with it.

    A kiosk in the field shows the default avatar instead; somebody at a desk wants to know.
    The process of its own gives numpy's memory back.
    """
    command = [sys.executable, "-m", "splat_gles", "info", str(path.resolve())]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def start_endpoint(port: int, greeting: str, voice: str) -> subprocess.Popen[str]:
    """The embedded endpoint's process, just started; it ends where it has no such voice."""
    command = [sys.executable, "-m", "driving_client.endpoint", "--port", str(port)]
    if voice:
        command += ["--voice", voice]
    if greeting:
        command += ["--greeting", greeting]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, process_group=0)


def await_address(endpoint: subprocess.Popen[str], asked_to_stop: threading.Event) -> str | None:
    """Where the endpoint listens; None when it ended or a signal came first.

    Raises TimeoutError after ENDPOINT_READY_S.
    """
    assert endpoint.stdout is not None
    deadline = time.monotonic() + ENDPOINT_READY_S
    while not asked_to_stop.is_set() and endpoint.poll() is None:
        readable, _, _ = select.select([endpoint.stdout], [], [], 0.1)
        line = endpoint.stdout.readline() if readable else ""
        if "listening on " in line:
            return line.split("listening on ", 1)[1].strip()
        if time.monotonic() > deadline:
            raise TimeoutError
    return None


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
    """Run both until one ends or a signal asks; the status of the one that failed, else 0."""
    options = arguments()
    if not options.avatar.is_file():
        print(
            f"error: no avatar at {options.avatar}; give one with AVATAR=FILE, made by "
            "`.venv/bin/python -m splat_gles import SOURCE -o FILE`",
            file=sys.stderr,
        )
        return 1
    if options.avatar != default_avatar() and not avatar_is_good(options.avatar):
        return 1
    asked_to_stop = threading.Event()
    for number in STOP_SIGNALS:
        signal.signal(number, lambda _number, _frame: asked_to_stop.set())
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    processes: list[subprocess.Popen[str]] = []
    try:
        return run(options, processes, asked_to_stop)
    except TimeoutError:
        print(
            f"error: the embedded endpoint did not listen on port {options.endpoint_port} within "
            f"{ENDPOINT_READY_S:.0f} s; see its messages above, or choose another ENDPOINT_PORT=",
            file=sys.stderr,
        )
        return 1
    finally:
        stop(processes)


def run(
    options: argparse.Namespace,
    processes: list[subprocess.Popen[str]],
    asked_to_stop: threading.Event,
) -> int:
    """Start both into `processes` and wait; the exit status."""
    address: str | None = options.endpoint
    if not address:
        processes.append(start_endpoint(options.endpoint_port, options.greeting, options.voice))
        address = await_address(processes[0], asked_to_stop)
    if address is not None:
        extra = ["--set", f"health.port={options.port}"]
        if options.voice:
            name = Path(options.voice).name.removesuffix(".onnx")
            extra += ["--set", f"endpoint.voice={name}"]
        extra += options.kioskd
        command = kioskd_command(options.avatar, address, extra)
        processes.append(subprocess.Popen(command, cwd=ROOT, text=True, process_group=0))
    while not asked_to_stop.is_set() and all(process.poll() is None for process in processes):
        asked_to_stop.wait(0.1)
    if asked_to_stop.is_set():
        return 0
    ended = next(process for process in processes if process.poll() is not None)
    if len(processes) == 2 and ended is processes[0]:
        print("error: the embedded endpoint ended; its messages are above", file=sys.stderr)
        return ended.returncode or 1
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main())
