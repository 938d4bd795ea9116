# SPDX-License-Identifier: Apache-2.0
"""The example that backend writers copy: a kiosk speaks with it, and is interrupted by it."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from kiosk_rig import Start, loud_seconds, outcomes, screenshot, seen_mouth, start_kioskd
from processes import GENEROUS_S, ROOT, fetch, metric, until
from sound_server import SoundServer
from test_kiosk import speech_wav

EXAMPLE = ROOT / "scripts/example_backend.py"


@pytest.mark.slow("plays in real time")
def test_a_kiosk_speaks_with_the_example_backend_and_is_interrupted_by_it(
    start: Start, tmp_path: Path, avatar: Path, sound_server: SoundServer
) -> None:
    voice = tmp_path / "voice.wav"
    voice.write_bytes(speech_wav(seconds=20.0))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    backend = start("scripts.example_backend", str(voice), str(port))
    backend.wait_for("Running on")
    mouth = seen_mouth(avatar)
    kioskd, url = start_kioskd(
        start, tmp_path, avatar, sound_server, f"url: ws://127.0.0.1:{port}/any/path"
    )
    seen: list[float] = []
    until(
        lambda: (
            seen.append(mouth.opening(screenshot(url)))  # type: ignore[func-returns-value]
            or (True if outcomes(url, "interrupted") else None)
        ),
        lambda: fetch(f"{url}/healthz").decode(),
        GENEROUS_S,
    )
    backend.wait_for('"event": ?"playback".*"state": ?"playing"')
    backend.wait_for('"event": ?"playback".*"state": ?"interrupted"')
    assert metric(url, "kiosk_first_motion_to_frame_seconds_count") == 1, "it came with motion"
    assert max(seen) > min(seen) + 0.2, f"the jaw follows the loudness: {seen}"
    assert kioskd.terminate() == 0, kioskd.text
    heard, _ = loud_seconds(sound_server.wav)
    assert heard < 19.0, "the interruption is heard"


@pytest.mark.parametrize(
    "arguments", [(), ("voice.wav",), ("missing.wav", "9000"), ("README.md", "9000")]
)
def test_the_example_tells_how_to_use_it(arguments: tuple[str, ...]) -> None:
    result = subprocess.run(
        [sys.executable, str(EXAMPLE), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "give a WAV" in result.stderr or "example_backend.py voice.wav 9000" in result.stderr
