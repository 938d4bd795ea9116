# SPDX-License-Identifier: Apache-2.0
"""The whole way with nothing replaced: an endpoint's process, kioskd's process, sound, picture.

kioskd renders on the software rasteriser, plays into a sound device that keeps real time and
records what was played, and is asked over HTTP how it is.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from kiosk_rig import (
    Start,
    loud_seconds,
    outcomes,
    ready,
    screenshot,
    seen_mouth,
    start_endpoint,
    start_kioskd,
    wait_for_outcome,
)
from processes import GENEROUS_S, fetch, fetch_json, metric, until, within
from sound_server import SoundServer
from starvation import Late, unless_starved

SENTENCE = "Papa and mama have a big map of Africa, and a happy Alabama banana."


def test_a_sentence_is_heard_and_seen(
    attempts: Iterator[tuple[Start, Path]], avatar: Path, sound_server: SoundServer
) -> None:
    """The endpoint says a sentence; its sound is recorded, the mouth is seen open and shut.

    The delays that it tells of are those of real threads in real time.
    """
    unless_starved(lambda late: heard_and_seen(*next(attempts), avatar, sound_server, late))


def heard_and_seen(
    start: Start, tmp_path: Path, avatar: Path, sound_server: SoundServer, late: Late
) -> None:
    mouth = seen_mouth(avatar)
    _, endpoint_url = start_endpoint(start)
    relay = f"url: {endpoint_url.replace('http', 'ws')}/relay, dialect: relay"
    kioskd, url = start_kioskd(
        start, tmp_path, avatar, sound_server, f"{relay}, say_url: {endpoint_url}/say"
    )
    until(lambda: ready(url), lambda: fetch(f"{url}/healthz").decode())
    before = [mouth.opening(screenshot(url)) for _ in range(3)]

    answer = fetch_json(f"{url}/console/say", {"text": SENTENCE})
    assert answer["req_id"]
    during: list[float] = []
    until(
        lambda: (
            during.append(mouth.opening(screenshot(url)))  # type: ignore[func-returns-value]
            or (True if outcomes(url, "ended") else None)
        ),
        lambda: fetch(f"{url}/healthz").decode(),
        GENEROUS_S,
    )
    assert max(before) < 0.25, f"the mouth is shut before speech: {before}"
    assert max(during) > max(before) + 0.3, f"the mouth opens in speech: {during}"
    assert min(during) < 0.25, f"the lips meet in speech: {during}"

    health = fetch_json(f"{url}/healthz")
    ailing = {name for name, check in health["checks"].items() if check["status"] != "pass"}
    assert ailing <= {"render_loop"}, f"only slow software rendering is borne: {health['checks']}"
    assert fetch(f"{url}/livez")
    seconds = metric(url, "kiosk_speech_seconds_total")
    assert 3.0 < seconds < 10.0
    assert metric(url, 'kiosk_link_bytes_total{direction="received"}') > 2 * 16000 * seconds
    assert metric(url, 'kiosk_link_bytes_total{direction="sent"}') > 0
    assert metric(url, "kiosk_first_motion_to_frame_seconds_count") == 1
    assert within(url, "kiosk_first_motion_to_frame_seconds", 0.1, late()) == 1
    assert metric(url, "kiosk_sync_offset_seconds_count") > 10
    assert within(url, "kiosk_sync_offset_seconds", 0.06, late()) >= 0.95

    fetch_json(f"{url}/console/say", {"text": SENTENCE})
    spoken = metric(url, "kiosk_speech_seconds_total")
    until(
        lambda: True if metric(url, "kiosk_speech_seconds_total") > spoken + 0.5 else None,
        lambda: kioskd.text,
    )
    fetch_json(f"{url}/console/interrupt", {})
    wait_for_outcome(url, "interrupted")
    assert within(url, "kiosk_interrupt_to_silence_seconds", 0.1, late()) == 1

    assert kioskd.terminate() == 0, kioskd.text
    heard, level = loud_seconds(sound_server.wav, seconds + 0.5)
    assert heard == pytest.approx(seconds, abs=0.8)
    assert level > 500
    assert "utterance_ended" in kioskd.text
    assert "Traceback" not in kioskd.text
    assert " ERROR " not in kioskd.text


def speech_wav(endpoint_rate: int = 16000, seconds: float = 6.0) -> bytes:
    """A voice of one's own: bursts of a tone, like syllables."""
    time_s = np.arange(int(endpoint_rate * seconds)) / endpoint_rate
    envelope = np.clip(np.sin(2 * np.pi * 3 * time_s), 0.1, 1)
    samples = (9000 * envelope * np.sin(2 * np.pi * 180 * time_s)).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(endpoint_rate)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()


@pytest.mark.slow("plays in real time")
def test_a_voice_of_ones_own_goes_on_when_the_motion_link_is_killed(
    start: Start, tmp_path: Path, avatar: Path, sound_server: SoundServer
) -> None:
    """Voice by POST /v1/speak, motion by driveningress; only the endpoint is killed amid it."""
    endpoint, endpoint_url = start_endpoint(start)
    ingress = f"url: {endpoint_url.replace('http', 'ws')}, dialect: driveningress, avatar_id: test"
    kioskd, url = start_kioskd(start, tmp_path, avatar, sound_server, ingress)
    until(lambda: ready(url), lambda: fetch(f"{url}/healthz").decode())

    fetch(f"{url}/v1/speak", speech_wav())
    until(
        lambda: True if metric(url, "kiosk_speech_seconds_total") > 1.0 else None,
        lambda: kioskd.text,
    )
    assert metric(url, "kiosk_sync_offset_seconds_count") > 0, "motion came while the link was up"
    endpoint.kill()
    wait_for_outcome(url, "ended")
    health = fetch_json(f"{url}/healthz")
    assert health["checks"]["link"]["status"] != "pass"
    assert metric(url, "kiosk_speech_seconds_total") == pytest.approx(6.0, abs=0.1)

    port = endpoint_url.rsplit(":", 1)[1]
    start_endpoint(start, int(port))
    until(lambda: ready(url), lambda: kioskd.text)
    assert kioskd.terminate() == 0, kioskd.text
    heard, _ = loud_seconds(sound_server.wav)
    assert heard == pytest.approx(6.0, abs=0.3)


def test_a_killed_kiosk_starts_again_and_speaks(
    start: Start, tmp_path: Path, avatar: Path, sound_server: SoundServer
) -> None:
    """SIGKILL amid a sentence leaves nothing behind that would hinder the next start."""
    _, endpoint_url = start_endpoint(start)
    relay = f"url: {endpoint_url.replace('http', 'ws')}/relay, say_url: {endpoint_url}/say"
    kioskd, url = start_kioskd(start, tmp_path, avatar, sound_server, relay)
    until(lambda: ready(url), lambda: kioskd.text)
    fetch_json(f"{url}/console/say", {"text": SENTENCE})
    until(
        lambda: True if metric(url, "kiosk_speech_seconds_total") > 0.5 else None,
        lambda: kioskd.text,
    )
    kioskd.kill()

    kioskd, url = start_kioskd(start, tmp_path, avatar, sound_server, relay)
    until(lambda: ready(url), lambda: kioskd.text)
    fetch_json(f"{url}/console/say", {"text": "One, two, three."})
    wait_for_outcome(url, "ended")
    assert kioskd.terminate() == 0, kioskd.text
    loud_seconds(sound_server.wav)
