# SPDX-License-Identifier: Apache-2.0
"""One of the service's published clients sends a voice; what it gets back is printed as JSON.

Runs in the environment of `scripts/make_environment.sh vendor-clients` and imports nothing of
the project:
python run_client.py spatius|spatialreal URL VOICE.pcm RATE [--opus] [--query] [--pace SECONDS]
[--cut SECONDS] [--twice] [--egress]
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any


def options(sdk: str, arguments: argparse.Namespace, told: dict[str, Any]) -> dict[str, Any]:
    """What the client is configured with: addresses of the endpoint, and where callbacks go."""
    given: dict[str, Any] = {
        "avatar_id": "somebody",
        "api_key": "any",
        "app_id": "test",
        "expire_at": datetime.now(UTC) + timedelta(hours=1),
        "sample_rate": arguments.rate,
        "use_query_auth": arguments.query,
        "console_endpoint_url": arguments.url,
        "ingress_endpoint_url": arguments.url,
        "transport_frames": lambda data, last: told["messages"].append(
            (time.monotonic(), bytes(data).hex(), last)
        ),
        "on_error": lambda error: told["errors"].append(str(error)),
        "on_close": lambda: told.update(closed=True),
    }
    module = importlib.import_module(sdk)
    if sdk == "spatius":
        module.configure_telemetry("")  # nothing is sent anywhere but to the endpoint
        given["region"] = "us-west"
    if arguments.opus:
        given["audio_format"] = module.AudioFormat.OGG_OPUS
        given["bitrate"] = 32000
        if sdk == "spatius":
            given["ogg_opus_encoder"] = module.OggOpusEncoderConfig()
    if arguments.egress:
        given["livekit_egress"] = module.LiveKitEgressConfig(
            url="wss://x", api_token="t", room_name="r"
        )
    return given


async def speak(
    session: Any, voice: bytes, step: int, pace_s: float, *, whole: bool = True
) -> list[float]:
    """Send the voice in pieces, the last one as the end if it is whole; first and last time."""
    times = []
    for start in range(0, len(voice), step):
        last = whole and start + step >= len(voice)
        await session.send_audio(voice[start : start + step], end=last)
        times.append(time.monotonic())
        await asyncio.sleep(pace_s)
    return [times[0], times[-1]]


async def run(arguments: argparse.Namespace) -> dict[str, Any]:
    told: dict[str, Any] = {"messages": [], "errors": [], "sent": [], "closed": False}
    module = importlib.import_module(arguments.sdk)
    session = module.new_avatar_session(**options(arguments.sdk, arguments, told))
    voice = arguments.voice.read_bytes()
    step = arguments.rate // 10 * 2
    try:
        await session.init()
        told["connection_id"] = await session.start()
    except Exception as error:  # noqa: BLE001 - the test compares what any client would show
        told["errors"].append(str(error))
        return told
    for number in range(2 if arguments.twice else 1):
        if arguments.cut:
            part = voice[: round(arguments.cut * arguments.rate) * 2]
            await speak(session, part, step, arguments.pace, whole=False)
            await session.interrupt()
            await asyncio.sleep(1.0)
            break
        told["sent"].append(await speak(session, voice, step, arguments.pace))
        deadline = time.monotonic() + 60
        while sum(last for _, _, last in told["messages"]) <= number and not told["errors"]:
            assert time.monotonic() < deadline, "no end of motion within a minute"
            await asyncio.sleep(0.02)
    await session.close()
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sdk", choices=("spatius", "spatialreal"))
    parser.add_argument("url")
    parser.add_argument("voice", type=Path, help="s16le mono, or an Ogg Opus file to send as it is")
    parser.add_argument("rate", type=int)
    for flag in ("--opus", "--query", "--twice", "--egress"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--pace", type=float, default=0.0, help="seconds between pieces of 100 ms")
    parser.add_argument("--cut", type=float, help="interrupt after so many seconds of voice")
    json.dump(asyncio.run(run(parser.parse_args())), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
