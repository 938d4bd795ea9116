# SPDX-License-Identifier: Apache-2.0
"""The service's own published clients, unmodified, get right motion from this endpoint.

They are installed from PyPI at their pinned versions in an environment of their own, ask this
endpoint for a token, open a session, send a voice, and hand back each message; what they were
given is compared with the phonemes of that voice.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from driving_client.lipsync.coarticulation import mouth_controls
from driving_client.retarget import load_retarget
from driving_client.retarget.mouth import CLOSE, FV, OPEN, WIDE
from driving_client.voice_formats.ogg_opus import OggOpusDecoder
from driving_client.voice_formats.opus import OpusMissingError
from driving_client.voices.espeak import synthesise
from driving_client.voices.speech import Speech
from driving_client.wire.codec import Animation, decode_message

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path(os.environ.get("KIOSK_VENDOR_CLIENTS", "nowhere")) / "bin/python"
CLIENTS = ("spatius", "spatialreal")
TEXT = "My baby, put five maps on the table. We found four very funny moving pictures for you."

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(),
    reason="`make test-clients` installs the published clients and runs these with them",
)


@dataclass(frozen=True)
class Answer:
    """What a client got: motion by request, and what its callbacks were told."""

    told: dict[str, Any]

    @property
    def messages(self) -> list[tuple[float, Animation]]:
        decoded = [(at, decode_message(bytes.fromhex(data))) for at, data, _ in self.messages_raw]
        assert all(isinstance(message, Animation) for _, message in decoded)
        return decoded  # type: ignore[return-value]

    @property
    def messages_raw(self) -> list[tuple[float, str, bool]]:
        return self.told["messages"]

    def frames(self) -> dict[str, np.ndarray]:
        by_request: dict[str, list[np.ndarray]] = {}
        for _, message in self.messages:
            by_request.setdefault(message.request_id, []).append(message.frames)
        return {name: np.concatenate(frames) for name, frames in by_request.items()}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The endpoint as it is started by hand."""
    process = subprocess.Popen(
        [sys.executable, "-m", "driving_client.endpoint", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    try:
        yield line.split()[-1]
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="module")
def speech() -> Speech:
    return synthesise(TEXT)


@pytest.fixture(scope="module")
def voice(speech: Speech, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("voice") / "voice.pcm"
    path.write_bytes(speech.samples.astype("<i2").tobytes())
    return path


def run(sdk: str, url: str, voice: Path, rate: int, *options: str) -> Answer:
    command = [str(PYTHON), str(Path(__file__).with_name("run_client.py")), sdk, url]
    result = subprocess.run(
        [*command, str(voice), str(rate), *options], capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    return Answer(json.loads(result.stdout))


def agrees(frames: np.ndarray, speech: Speech) -> None:
    """One frame for each whole 40 ms, and a mouth that does what the phonemes ask."""
    assert len(frames) == int(25 * speech.seconds)
    retarget = load_retarget()
    shown = np.array([retarget.controls(frame) for frame in frames])
    asked = mouth_controls(speech.phonemes, len(frames))
    for control, least in ((OPEN, 0.65), (WIDE, 0.5), (CLOSE, 0.35), (FV, 0.5)):
        r = np.corrcoef(shown[:, control], asked[:, control])[0, 1]
        assert r > least, f"control {control}: r {r:.2f}"
        chance = max(
            np.corrcoef(np.roll(shown[:, control], shift), asked[:, control])[0, 1]
            for shift in range(20, len(frames) - 20, 5)
        )
        assert r > chance + 0.1, f"control {control}: r {r:.2f}, at other times up to {chance:.2f}"
    best = max(
        range(-5, 6),
        key=lambda lag: np.corrcoef(np.roll(shown[:, OPEN], -lag), asked[:, OPEN])[0, 1],
    )
    assert abs(best) <= 1, f"the mouth is {40 * best} ms late"


@pytest.mark.parametrize("sdk", CLIENTS)
@pytest.mark.parametrize("options", [(), ("--query",)])
def test_a_client_gets_right_motion_for_its_voice(
    sdk: str, options: tuple[str, ...], url: str, voice: Path, speech: Speech
) -> None:
    answer = run(sdk, url, voice, speech.sample_rate, *options)
    assert answer.told["errors"] == []
    assert {message.connection_id for _, message in answer.messages} == {
        answer.told["connection_id"]
    }
    [frames] = answer.frames().values()
    agrees(frames, speech)
    assert [last for _, _, last in answer.messages_raw].count(True) == 1
    assert answer.messages_raw[-1][2], "the message that ends it is the last"
    assert answer.told["closed"]


@pytest.mark.parametrize("sdk", CLIENTS)
def test_motion_keeps_up_with_a_voice_that_is_still_being_made(
    sdk: str, url: str, voice: Path, speech: Speech
) -> None:
    """100 ms of voice every 100 ms: motion comes all along, half a second behind at most."""
    answer = run(sdk, url, voice, speech.sample_rate, "--pace", "0.1")
    [[began, ended]] = answer.told["sent"]
    count = 0
    for at, message in answer.messages[:-1]:
        count += len(message.frames)
        # All the voice that had been sent half a second before
        assert count >= 25 * (at - 0.5 - began) / 1.1 * 0.9 - 5
    assert answer.messages[0][0] - began < 0.5
    assert count > 0.8 * 25 * speech.seconds, "most has come before the end"
    assert answer.messages[-1][0] - ended < 0.5
    [frames] = answer.frames().values()
    agrees(frames, speech)


@pytest.mark.parametrize("sdk", CLIENTS)
def test_two_requests_of_one_session_and_an_interrupt(
    sdk: str, url: str, voice: Path, speech: Speech
) -> None:
    answer = run(sdk, url, voice, speech.sample_rate, "--twice")
    first, second = answer.frames().values()
    np.testing.assert_array_equal(first, second)
    agrees(first, speech)
    cut = run(sdk, url, voice, speech.sample_rate, "--cut", "1.0", "--pace", "0.1")
    assert cut.told["errors"] == []
    assert not any(last for _, _, last in cut.messages_raw)
    [frames] = cut.frames().values()
    assert 10 <= len(frames) <= 26


@pytest.mark.parametrize("sdk", CLIENTS)
@pytest.mark.parametrize(
    ("rate", "options", "reason"),
    [(11025, (), "11025 Hz is not one of"), (16000, ("--egress",), "not published to LiveKit")],
)
def test_what_is_not_offered_is_told_in_the_clients_own_error(
    sdk: str, rate: int, options: tuple[str, ...], reason: str, url: str, voice: Path
) -> None:
    answer = run(sdk, url, voice, rate, *options)
    assert any(reason in error for error in answer.told["errors"]), answer.told["errors"]


def test_ogg_opus_of_the_clients_own_encoder(url: str, tmp_path: Path) -> None:
    try:
        OggOpusDecoder()
    except OpusMissingError as error:
        pytest.skip(str(error))
    if shutil.which("ffmpeg") is None:
        pytest.skip(
            "no ffmpeg, which `make setup` brings, to make a voice at a rate that Opus takes"
        )
    speech = synthesise(TEXT)
    pcm, ogg = tmp_path / "voice.pcm", tmp_path / "voice.ogg"
    source = ["ffmpeg", "-v", "error", "-f", "s16le", "-ar", str(speech.sample_rate), "-i", "-"]
    data = speech.samples.astype("<i2").tobytes()
    subprocess.run([*source, "-f", "s16le", "-ar", "16000", str(pcm)], input=data, check=True)
    subprocess.run([*source, "-c:a", "libopus", str(ogg)], input=data, check=True)
    for sdk, file in (("spatius", pcm), ("spatialreal", ogg)):
        answer = run(sdk, url, file, 16000, "--opus")
        assert answer.told["errors"] == []
        [frames] = answer.frames().values()
        agrees(frames[: int(25 * speech.seconds)], speech)
        assert len(frames) <= 25 * speech.seconds + 3
