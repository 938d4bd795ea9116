# SPDX-License-Identifier: Apache-2.0
"""The command line of `python -m kioskd`: daemon, configuration check, player for recordings."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

# Before numpy is loaded: its matrices here are small, and a thread pool only costs latency.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

from driving_client.errors import DrivingError
from driving_client.texts import printable
from driving_client.wire.recording import Recording, read_recording
from kioskd import __version__, log
from kioskd.allocator import return_large_blocks
from kioskd.avtest.latency import add_latency
from kioskd.avtest.session import AvTest
from kioskd.config import Config, ConfigError, Loaded, load
from kioskd.config.accepted import keep_accepted, read_accepted
from kioskd.config.reload import LiveConfig
from kioskd.config.sections import DEFAULT_AVATAR
from kioskd.errors import KioskError
from kioskd.link.local_links import RecordingLink
from kioskd.service.filmed import AskedTest, avtest_if_asked
from kioskd.service.folders import own_folder
from kioskd.service.kiosk import Kiosk
from kioskd.service.measured import measure_if_asked
from kioskd.service.signals import SignalThread
from kioskd.update.store import store_from
from splat_gles.bundle import read_bundle
from splat_gles.errors import BundleError, SplatError

logger = logging.getLogger("kioskd")

EXIT_FAILURE = 1
EXIT_CONFIG = 78
EPILOG = """exit status: 0 after SIGTERM or Ctrl-C, 78 when the configuration is wrong, 2 when this
command line is, 1 for everything else. `kioskctl doctor` (python -m kioskd.ctl) shows the
state of a running kiosk.

examples:
  python -m kioskd --config /etc/kiosk/kiosk.yaml --check
  python -m kioskd --set display.driver=offscreen --set avatar.path=james.avatar
  python -m kioskd play recording.json --avatar james.avatar
  python -m kioskd --set endpoint.motion_offset_ms=120 play recording.json    (motion leads)
"""


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m kioskd",
        description="The talking avatar: shows it, lets it speak, and reports its health.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"kioskd {__version__}")
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="read this file and those of kiosk.d beside it (default: /etc/kiosk/kiosk.yaml)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        dest="overrides",
        help="set an option for this run; may be repeated",
    )
    parser.add_argument("--check", action="store_true", help="check the configuration and exit")
    subparsers = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    play = subparsers.add_parser(
        "play",
        help="play a recording of the wire once, with its sound, and exit",
        description="Play a recording of the wire once, with its sound, and exit.",
    )
    play.add_argument("file", type=Path, help="a JSON recording, such as driveningress_16k.json")
    play.add_argument("--avatar", type=Path, metavar="FILE", help="the avatar to show")
    avtest = subparsers.add_parser(
        "avtest",
        help="a flash and a click each second, to be filmed, and exit",
        description="A flash and a click each second for three minutes, to be filmed: lip sync as "
        "people see and hear it. See board/first_hour.md.",
    )
    add_latency(avtest)
    return parser.parse_args(argv)


def main(watch: SignalThread) -> int:
    """Run; every expected error is told in words and by the exit status."""
    options = arguments()
    return_large_blocks()
    overrides = list(options.overrides)
    recording: Recording | None = None
    try:
        if options.command == "play":
            recording = read_recording(options.file)
            if options.avatar is not None:
                overrides.append(f"avatar.path={options.avatar}")
        avtest = _avtest(options)
        if avtest is not None:
            overrides += avtest.overrides
        state = own_folder()
        loaded = load(options.config, overrides, accepted=read_accepted(state))
        if options.check:
            return check(loaded)
    except (KioskError, DrivingError) as error:
        return tell(error)
    log.set_up_logging(loaded.config.log.level)
    logger.info(
        "kioskd %s, configuration from %s",
        __version__,
        ", ".join(map(str, loaded.files)) or "the defaults",
        extra={"code": "starting"},
    )
    keep_accepted(state, loaded.accepted)
    shows = options.command is None and avtest is None
    if shows and measure_if_asked(loaded.config, store_from(os.environ)):
        return 0
    live = LiveConfig(loaded, options.config, overrides, state=state)
    try:
        status = kiosk(live, watch, recording, avtest).run()
    except (KioskError, SplatError, DrivingError) as error:
        logger.critical("%s", error, extra={"code": "start_failed"})
        return exit_status(error)
    if isinstance(avtest, AskedTest):
        avtest.over()
    elif avtest is not None and avtest.problem:
        print(f"error: {printable(avtest.problem)}", file=sys.stderr)
        return EXIT_FAILURE
    return status


def _avtest(options: argparse.Namespace) -> AvTest | None:
    """The test of lip sync that this command line or a waiting request asks for."""
    if options.command == "avtest":
        return AvTest(options.latency, lambda line: print(printable(line), flush=True))
    if options.command is None and not options.check:
        return avtest_if_asked(store_from(os.environ))
    return None


def kiosk(
    live: LiveConfig,
    watch: SignalThread,
    recording: Recording | None,
    avtest: AvTest | None = None,
) -> Kiosk:
    """The daemon, for the endpoint, or for a recording or a test in its place."""
    if avtest is not None:
        return Kiosk(live, watch, avtest.link, avtest.overlay)
    if recording is None:
        return Kiosk(live, watch)
    offset_s = live.config.endpoint.motion_offset_ms / 1000
    return Kiosk(live, watch, lambda sink, end: RecordingLink(sink, recording, offset_s, end))


def check(loaded: Loaded) -> int:
    """What the start would refuse beyond the table's rules, then "ok"."""
    config: Config = loaded.config
    for warning in loaded.warnings:
        print(f"warning: {printable(warning)}", file=sys.stderr)
    if not _can_show(config.avatar.path):
        try:
            read_bundle(Path(DEFAULT_AVATAR))
        except BundleError as error:
            print(f"error: no avatar can be shown: {printable(str(error))}", file=sys.stderr)
            return EXIT_FAILURE
    print(printable(f"{', '.join(map(str, loaded.files)) or 'defaults'}: ok"))
    return 0


def _can_show(configured: str) -> bool:
    if not configured:
        return False
    try:
        read_bundle(Path(configured))
    except BundleError as error:
        print(
            f"warning: avatar.path: the default avatar will be shown: {printable(str(error))}",
            file=sys.stderr,
        )
        return False
    return True


def tell(error: Exception) -> int:
    """Print what is wrong, a line per problem."""
    problems = error.problems if isinstance(error, ConfigError) else (str(error),)
    for problem in problems:
        print(f"error: {printable(problem)}", file=sys.stderr)
    return exit_status(error)


def exit_status(error: Exception) -> int:
    """78 for the configuration alone, which no other image mends; else 1, for a new attempt.

    After 78 systemd starts nothing again and the board shows what is wrong; after 1 it tries
    again, and then the other image (rootfs_overlay/README.md). So a packaged part that is broken,
    such as the default avatar, must never end with 78.
    """
    return EXIT_CONFIG if isinstance(error, ConfigError) else EXIT_FAILURE
