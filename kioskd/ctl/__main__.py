# SPDX-License-Identifier: Apache-2.0
"""kioskctl: asks and commands a kiosk over its health port, and looks after its board.

`python -m kioskd.ctl` is the same. Two groups of commands: those that ask kioskd go over
HTTP and work from any machine; those of the board work on its files, without kioskd.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from kioskd.avtest.latency import add_latency
from kioskd.benchmark.request import measuring
from kioskd.config import ConfigError
from kioskd.ctl import board_commands, commands, first_boot_commands
from kioskd.ctl.client import Client, ControlError
from kioskd.ctl.earcheck import earcheck
from kioskd.ctl.local import default_address, own_address
from kioskd.ctl.printing import show_error
from kioskd.errors import KioskError
from kioskd.update.store import store_from

EPILOG = """examples:
  kioskctl doctor                      every check, what it saw, what to do
  kioskctl say "Good morning!"         through the endpoint's say address
  kioskctl gesture listen              somebody talks to the kiosk
  kioskctl screenshot -o now.png       what is on screen now
  kioskctl --url https://kiosk:8080 --token-file token --authority kiosk.pem status
  kioskctl install kiosk-rk3576-0.2.0.img        then restart the board
  kioskctl bench --soak                measure this board, then ten minutes for heat
  kioskctl avtest --latency 60         flash and click to film, with audio.latency_ms: 60
  kioskctl earcheck                    what its ears are good for in its room: a minute, with you
  kioskctl report -o report.json       what this board is, to send to the project
  kioskctl slots                       what is installed, what runs, what is on trial

Without --url it asks the kiosk on this board, as its configuration says. install, slots, rollback,
mark-good, first-boot and factory-reset work on a board's own files and refuse to run elsewhere.
"""
_ADDRESS: Final[dict[str, tuple[Callable[[str], str | Path], str, str]]] = {
    "url": (str, "ADDRESS", "a kiosk's address (default: the one on this board)"),
    "token_file": (Path, "FILE", "file with the token, if it needs one"),
    "authority": (Path, "FILE", "a PEM certificate to trust for https"),
    "proxy": (
        str,
        "ADDRESS",
        "an HTTP proxy that leads to an https:// --url; none of the environment is used",
    ),
}
Run = Callable[[Client, argparse.Namespace], int]
_ASKING: Final[dict[str, Run]] = {
    "status": commands.status,
    "doctor": commands.doctor,
    "screenshot": commands.screenshot,
    "say": commands.say,
    "interrupt": commands.interrupt,
    "gesture": commands.gesture,
    "earcheck": earcheck,
}
_ON_BOARD: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "install": board_commands.install,
    "slots": board_commands.slots,
    "rollback": board_commands.rollback,
    "mark-good": board_commands.mark_good,
    "options": board_commands.options,
    "bench": board_commands.bench,
    "avtest": board_commands.avtest,
    "report": board_commands.report,
    "first-boot": first_boot_commands.first_boot,
    "factory-reset": first_boot_commands.factory_reset,
}


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line; `run` is the command's function."""
    parser = argparse.ArgumentParser(
        prog="kioskctl",
        description="Ask and command a running kioskd over its health port; look after its board.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_address(parser, url=None, token_file=None, authority=None, proxy="")
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, ask in _ASKING.items():
        command = _add(subparsers, name, ask, partial(_with_client, ask))
        # People write them after the command as well; there they leave what stands before alone
        _add_address(command, **dict.fromkeys(_ADDRESS, argparse.SUPPRESS))
    for name, function in _ON_BOARD.items():
        _add(subparsers, name, function, partial(_on_board, function))
    return parser.parse_args(argv)


def client_of(options: argparse.Namespace) -> Client:
    """The client that the command line describes; raises ControlError."""
    if options.url is None:
        if options.proxy:
            raise ControlError("--proxy is for --url: the kiosk on this board is asked straight")
        own = own_address() or default_address()
        token_file, authority = options.token_file, options.authority
        if token_file is None and authority is None:
            return own.client()
        return Client(own.url, token_file or own.token_file, authority or own.authority)
    return Client(options.url, options.token_file, options.authority, proxy=options.proxy)


def _with_client(ask: Run, options: argparse.Namespace) -> int:
    if ask is commands.doctor and options.url is None:
        # Not at the top: it loads much that install and mark-good must not depend on
        from kioskd.ctl.doctor import board_doctor

        return board_doctor(options)
    try:
        return ask(client_of(options), options)
    except ControlError:
        if options.url is None and measuring(store_from(os.environ)):
            raise ControlError(
                "kioskd measures this board (kioskctl bench) and answers again when that is done; "
                "`systemctl restart kioskd` ends it now"
            ) from None
        raise


def _on_board(function: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    if options.url is not None:
        raise ControlError(
            "this command works on the files of the board that it runs on, so --url has no use; "
            "run it on that board"
        )
    return function(options)


def main() -> int:
    """Run one command; errors go to standard error without a traceback."""
    options = arguments()
    try:
        code: int = options.run(options)
    except KioskError as error:
        for problem in error.problems if isinstance(error, ConfigError) else (str(error),):
            show_error(problem)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return code


def _add_address(parser: argparse.ArgumentParser, **defaults: str | None) -> None:
    """The options that name a kiosk, with these defaults."""
    for name, (kind, metavar, help_text) in _ADDRESS.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=kind,
            default=defaults[name],
            metavar=metavar,
            help=help_text,
        )


def _add(
    subparsers: Any,
    name: str,
    documented: Callable[..., int],
    run: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    text = " ".join((documented.__doc__ or "").split())
    help_line = text.partition(". ")[0].rstrip(".")
    parser: argparse.ArgumentParser = subparsers.add_parser(name, help=help_line, description=text)
    parser.set_defaults(run=run)
    if name == "screenshot":
        parser.add_argument(
            "-o", "--output", type=Path, default=Path("screenshot.png"), metavar="FILE"
        )
    elif name == "doctor":
        parser.add_argument(
            "--sound",
            action="store_true",
            help="play some seconds of gibberish, and tell whether the microphone hears the "
            "loudspeaker, how loud and how late",
        )
    elif name == "say":
        parser.add_argument("text", nargs="+", help="what to say, or - for standard input")
    elif name == "gesture":
        parser.add_argument(
            "name",
            metavar="NAME",
            help="idle, or a clip of the avatar: those that come with the kiosk have hello, "
            "listen, think and speak; an unknown name is answered with a list of the known ones",
        )
    elif name == "install":
        parser.add_argument("image", type=Path, help="kiosk-BOARD-VERSION.img")
        parser.add_argument(
            "--allow-downgrade",
            action="store_true",
            help="install the image even if it is not newer than the current one",
        )
    elif name == "mark-good":
        parser.add_argument(
            "--wait", action="store_true", help="wait until it has been healthy for a minute"
        )
    elif name == "first-boot":
        parser.add_argument(
            "--folder",
            type=Path,
            help="take the configuration from this folder instead of a USB stick",
        )
    elif name == "bench":
        parser.add_argument(
            "--soak",
            action="store_true",
            help="then draw for ten minutes more and tell temperature, frame rate and throttling",
        )
    elif name == "avtest":
        add_latency(parser)
    elif name == "report":
        parser.add_argument("--text", action="store_true", help="a page to read instead of JSON")
        parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it there")
    elif name == "factory-reset":
        parser.add_argument("--yes", action="store_true", help="do it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
