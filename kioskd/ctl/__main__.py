# SPDX-License-Identifier: Apache-2.0
"""kioskctl: asks and commands a running kioskd over its health port (`python -m kioskd.ctl`)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from kioskd.ctl import commands
from kioskd.ctl.client import Client, ControlError

EPILOG = """examples:
  kioskctl doctor                      every check, what it saw, what to do
  kioskctl say "Good morning!"         through the endpoint's say address
  kioskctl screenshot -o now.png       what is on screen now
  kioskctl --url https://kiosk:8080 --token-file token --authority kiosk.pem status
"""


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line; `run` is the command's function."""
    parser = argparse.ArgumentParser(
        prog="kioskctl",
        description="Ask and command a running kioskd over its health port.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--url", default="http://127.0.0.1:8080", help="its address (default: %(default)s)"
    )
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help="holds the kiosk's token, if it has one"
    )
    parser.add_argument(
        "--authority", type=Path, metavar="FILE", help="a PEM certificate to trust for https"
    )
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name in ("status", "doctor", "screenshot", "say", "interrupt"):
        function = getattr(commands, name)
        text = (function.__doc__ or "").strip()
        subparser = subparsers.add_parser(name, help=text, description=text)
        subparser.set_defaults(run=function)
        if name == "screenshot":
            subparser.add_argument(
                "-o", "--output", type=Path, default=Path("screenshot.png"), metavar="FILE"
            )
        elif name == "say":
            subparser.add_argument("text", nargs="+", help="what to say, or - for standard input")
    return parser.parse_args(argv)


def main() -> int:
    """Run one command; errors go to standard error without a traceback."""
    options = arguments()
    try:
        client = Client(options.url, options.token_file, options.authority)
        code: int = options.run(client, options)
    except ControlError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return code


if __name__ == "__main__":
    sys.exit(main())
