# SPDX-License-Identifier: Apache-2.0
"""`python -m driving_client.endpoint`: run the embedded driving endpoint."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path

from driving_client.address import check_host
from driving_client.endpoint.app import make_endpoint
from driving_client.endpoint.settings import DEFAULT_PORT, EndpointSettings
from driving_client.errors import AddressError, DrivingError, LinkError
from driving_client.log_limit import LimitedHandler
from driving_client.log_lines import LineFormatter
from driving_client.texts import printable
from driving_client.voices.choice import Voices
from driving_client.voices.piper import PiperVoice
from driving_client.voices.piper_file import load_piper
from driving_client.voices.wish import SEXES, VoiceWish

_DESCRIPTION = """\
A driving endpoint on this machine: gives kiosks speech and FLAME motion without a cloud.

  ws://HOST:PORT/relay       sends the kiosk audio and motion of the texts it is to say
  ws://HOST:PORT/websocket   takes a kiosk's audio, answers with motion (driveningress)
  POST /say                  {"text": "Hello."}, a WAV or raw PCM makes kiosks on /relay speak
"""

_EPILOG = """\
A text is spoken in the voice that the request names, else as the kiosk asks for it, else in
--voice: by flite in English where it is installed, by espeak-ng otherwise. Audio without text gets
its lips from the speech model.

  curl -d '{"text": "Good morning."}' http://127.0.0.1:8090/say
  curl --data-binary @voice.wav http://127.0.0.1:8090/say
  curl --data-binary @voice.pcm 'http://127.0.0.1:8090/say?sample_rate=24000'
"""


def _host(text: str) -> str:
    try:
        check_host(text)
    except AddressError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r:.80} is not an IP address or host name: {error}"
        ) from error
    return text


def _port(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError("a port is 0 (any free one) to 65535")
    return value


def _text(text: str) -> str:
    if not text.isprintable():
        raise argparse.ArgumentTypeError(f"{text!a} contains characters that are not text")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m driving_client.endpoint",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--host",
        type=_host,
        default="127.0.0.1",
        help="address to listen on (default: this machine only)",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        help="port, 0 for any free one (default: %(default)s)",
    )
    parser.add_argument(
        "--greeting", metavar="TEXT", type=_text, help="said to each kiosk that connects"
    )
    parser.add_argument(
        "--say",
        type=_text,
        metavar="TEXT",
        action="append",
        default=[],
        help="said after the greeting; may be given several times",
    )
    parser.add_argument(
        "--voice",
        type=_text,
        default="",
        help="who speaks where neither request nor kiosk says so: slt or rms (flite's woman and "
        "man), a language such as de, one with a variant of espeak-ng such as de+f2, or a file as "
        "below (default: a woman who speaks American English)",
    )
    for sex in SEXES:
        parser.add_argument(
            f"--{sex}-voice",
            type=Path,
            metavar="FILE.onnx",
            action="append",
            default=[],
            help=f"a {sex} voice in Piper's format, with FILE.onnx.json beside it: speaks its "
            "language where that sex is asked for; may be given several times",
        )
    parser.add_argument(
        "--retarget", type=Path, metavar="FILE", help="a retarget file other than the packaged one"
    )
    return parser


async def _serve(settings: EndpointSettings, host: str, port: int) -> None:
    # Speak once before listening: a missing library or voice shows at the start.
    voices = Voices(settings.brought)
    await asyncio.to_thread(lambda: voices.choose(settings.voice).speak("1 2 3"))
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = make_endpoint(settings)
    try:
        try:
            await server.start(host, port)
        except OSError as error:
            raise LinkError(
                f"cannot listen on {host}:{port} ({error.strerror}); stop what uses that port, or "
                "choose another --port (make run ENDPOINT_PORT=…)"
            ) from error
        shown = f"[{host}]" if ":" in host else host
        print(f"listening on http://{shown}:{server.address[1]}", flush=True)
        await stop.wait()
    finally:
        await server.stop()


def _settings(arguments: argparse.Namespace) -> EndpointSettings:
    """Reads the voices' files; raises SpeechError for one that cannot be used."""
    files = [(sex, path) for sex in SEXES for path in getattr(arguments, f"{sex}_voice")]
    name = arguments.voice
    if name.endswith(".onnx"):
        files.append(("", Path(name)))
        name = Path(name).name.removesuffix(".onnx")
    return EndpointSettings(
        greeting=arguments.greeting,
        say=tuple(arguments.say),
        voice=VoiceWish(name),
        brought=tuple(PiperVoice(load_piper(path), sex) for sex, path in files),
        retarget=arguments.retarget,
    )


def _set_up_logging() -> None:
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(
        LineFormatter("%(asctime)s.%(msecs)03d %(levelname)-7s endpoint: %(message)s", "%H:%M:%S")
    )
    logging.basicConfig(level=logging.INFO, handlers=[LimitedHandler(lines)])


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = _parser().parse_args(argv)
    _set_up_logging()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve(_settings(arguments), arguments.host, arguments.port))
    except DrivingError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
