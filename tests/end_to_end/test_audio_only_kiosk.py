# SPDX-License-Identifier: Apache-2.0
"""A kiosk whose motion dies amid a sentence, or that never has any: seen in its own picture.

The voice is made while it is spoken, as speech software does, so that motion stops amid it when
the endpoint is killed. Screenshots tell how open the mouth is, the recording what was heard.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from kiosk_rig import (
    Start,
    outcomes,
    ready,
    recorded,
    screenshot,
    seen_mouth,
    start_endpoint,
    start_kioskd,
    wait_for_outcome,
)
from numpy.typing import NDArray
from processes import GENEROUS_S, Process, fetch_json, metric, until, within
from sound_server import SoundServer
from starvation import Late, blurred, unless_starved

from driving_client.lipsync.coarticulation import mouth_controls
from driving_client.motion import ARKIT_NAMES
from driving_client.retarget.mouth import arkit_mouth
from driving_client.voices.espeak import synthesise
from driving_client.voices.speech import Speech
from test_stand.seen_mouth import SeenMouth

TEXT = (
    "Papa and mama have a big map of Africa, and a happy Alabama banana. "
    "Please wait here for a moment; my father is on the boat, far away from the harbour. "
    "You may eat an apple, or pay for a small coffee over there."
)
Curve = NDArray[np.float64]


class LiveVoice:
    """Speech on its way to POST /v1/speak, made twice as fast as it is spoken."""

    def __init__(self, url: str, speech: Speech) -> None:
        self._url, self._speech = url, speech
        self.answer: dict[str, object] = {}
        self.thread = threading.Thread(target=self._send, daemon=True)
        self.thread.start()

    def _pieces(self) -> Iterator[bytes]:
        data = self._speech.samples.astype("<i2").tobytes()
        step = self._speech.sample_rate // 10 * 2
        begin = time.monotonic()
        for number, start in enumerate(range(0, len(data), step)):
            time.sleep(max(begin + 0.05 * number - time.monotonic(), 0))
            yield data[start : start + step]

    def _send(self) -> None:
        connection = http.client.HTTPConnection(urlsplit(self._url).netloc, timeout=GENEROUS_S)
        connection.request(
            "POST",
            f"/v1/speak?sample_rate={self._speech.sample_rate}",
            body=self._pieces(),
            headers={"Transfer-Encoding": "chunked"},
            encode_chunked=True,
        )
        self.answer = json.loads(connection.getresponse().read())


class Watch:
    """The mouth in the picture against the position of the voice, as often as pictures come.

    The voice of these tests runs on without a stop, so that a few answers about its position
    tell it for every picture.
    """

    def __init__(self, url: str, mouth: SeenMouth) -> None:
        self.url, self.mouth = url, mouth
        self.begins: list[float] = []
        self.seen: list[tuple[float, float]] = []

    def position(self) -> float:
        """Seconds of speech heard."""
        before = time.monotonic()
        heard = metric(self.url, "kiosk_speech_seconds_total")
        if heard:
            self.begins.append((before + time.monotonic()) / 2 - heard)
        return heard

    def until_heard(self, seconds: float, kioskd: Process) -> None:
        """Look until that much has been heard, or the voice has ended."""
        deadline = time.monotonic() + seconds + GENEROUS_S
        while self.position() < seconds and not outcomes(self.url, "ended"):
            assert time.monotonic() < deadline, kioskd.text
            for _ in range(5):
                before = time.monotonic()
                opening = self.mouth.opening(screenshot(self.url))
                self.seen.append(((before + time.monotonic()) / 2, opening))

    def part(self, begin: float, end: float) -> tuple[Curve, Curve]:
        """Positions and openings seen between two positions."""
        at, opening = np.array(self.seen).T
        at = at - np.median(self.begins)
        chosen = (at > begin) & (at < end)
        return at[chosen], opening[chosen]


def asked(speech: Speech) -> Curve:
    """How far the jaw should be open, 100 times a second, from the phonemes."""
    controls = mouth_controls(speech.phonemes, int(speech.seconds * 100), rate=100.0)
    jaw = ARKIT_NAMES.index("jawOpen")
    return np.array([arkit_mouth(row)[jaw] for row in controls], float)


def loudness(samples: NDArray[np.int16], rate: int) -> Curve:
    """RMS of each 10 ms."""
    edges = np.round(np.arange(len(samples) * 100 // rate + 1) * rate / 100).astype(int)
    squares = np.concatenate([[0.0], np.cumsum(samples.astype(float) ** 2)])
    return np.sqrt(np.diff(squares[edges]) / np.diff(edges))


def follows(watch: Watch, wanted: Curve, begin: float, end: float) -> tuple[float, float, float]:
    """The correlation of what was seen with what was wanted, where a picture may be 0.25 s old.

    Also that age in seconds, and what chance gives: the correlation that one in twenty other
    places of the same curve exceeds.
    """
    at, opening = watch.part(begin, end)
    assert len(at) > 3 * (end - begin), f"{len(at)} looks are too few: the machine is too slow"
    places = np.round(at * 100).astype(int)
    shifts = range(0, len(wanted), 2)
    r = np.array(
        [np.corrcoef(wanted[(places + shift) % len(wanted)], opening)[0, 1] for shift in shifts]
    )
    near = [*range(-12, 13)]
    best = max(near, key=lambda index: r[index])
    others = r[12 + 25 : -12 - 25]
    return float(r[best]), -best / 50, float(np.percentile(others, 95))


def heard_whole(wav: Path, speech: Speech, *, alone: bool = True) -> None:
    """The recording holds the voice from its first to its last sound, without gap or repeat.

    And, where it was `alone`, nothing else.
    """
    samples, rate = recorded(wav)
    sent = loudness(speech.samples, speech.sample_rate)
    # The recording's hundredths begin anywhere within the voice's own
    alike = []
    for begin in range(0, rate // 100, rate // 1000):
        got = loudness(samples[begin:], rate)
        shift = int(np.argmax(np.correlate(got, sent, "valid")))
        alike.append(float(np.corrcoef(got[shift : shift + len(sent)], sent)[0, 1]))
    assert max(alike) > 0.99
    if not alone:
        return
    loud = np.flatnonzero(got > 100)
    first, last = np.flatnonzero(sent > 100)[[0, -1]]
    assert loud[-1] - loud[0] == pytest.approx(last - first, abs=2)


@pytest.mark.slow("plays in real time")
def test_motion_killed_half_way_leaves_voice_and_moving_lips(
    attempts: Iterator[tuple[Start, Path]], avatar: Path, sound_server: SoundServer
) -> None:
    """Only the endpoint dies; the next sentence, with the endpoint back, has its motion again."""
    unless_starved(lambda late: motion_killed_half_way(*next(attempts), avatar, sound_server, late))


def motion_killed_half_way(
    start: Start, tmp_path: Path, avatar: Path, sound_server: SoundServer, late: Late
) -> None:
    mouth, speech = seen_mouth(avatar), synthesise(TEXT)
    endpoint, endpoint_url = start_endpoint(start)
    ingress = f"url: {endpoint_url.replace('http', 'ws')}, dialect: driveningress"
    kioskd, url = start_kioskd(start, tmp_path, avatar, sound_server, ingress)
    until(lambda: ready(url), lambda: kioskd.text)

    voice = LiveVoice(url, speech)
    watch = Watch(url, mouth)
    until(lambda: True if watch.position() > 2.5 else None, lambda: kioskd.text)
    assert "local_motion_began" not in kioskd.text
    endpoint.kill()
    stopped = float(kioskd.wait_for(r"from (\d+\.\d+) s on: link_lost")[1])
    assert 2.5 < stopped < speech.seconds - 3.0
    watch.until_heard(stopped + 1.2, kioskd)
    motion = fetch_json(f"{url}/healthz")["checks"]["motion"]
    assert motion["status"] == "warn"
    assert "link_lost" in {reason["code"] for reason in motion["reasons"]}, motion
    watch.until_heard(speech.seconds - 0.1, kioskd)
    wait_for_outcome(url, "ended")
    voice.thread.join(GENEROUS_S)
    assert voice.answer["seconds"] == pytest.approx(speech.seconds, abs=0.01)

    r, age, chance = follows(watch, asked(speech), stopped + 0.5, speech.seconds - 0.4)
    print(f"stopped at {stopped:.1f} s: r {r:.2f}, pictures {age:+.2f} s old, chance {chance:.2f}")
    print(f"woken {late():.2f} s late")
    assert r > max(blurred(0.45, late()), chance + 0.1)
    sounds = loudness(speech.samples, speech.sample_rate)
    by_level, _, _ = follows(watch, sounds, stopped + 0.5, speech.seconds - 0.4)
    print(f"with the loudness: r {by_level:.2f}")
    assert by_level > blurred(0.3, late())
    assert sum("local_motion_began" in line for line in kioskd.lines) == 1
    local = metric(url, 'kiosk_local_motion_seconds_total{reason="link_lost"}')
    # Counted from frame to frame, and the frames of a busy machine lie far apart
    assert 0.8 * (speech.seconds - stopped) < local < speech.seconds - stopped + 0.3
    assert metric(url, 'kiosk_audio_only_utterances_total{reason="link_lost"}') == 1
    assert metric(url, "kiosk_speech_seconds_total") == pytest.approx(speech.seconds, abs=0.05)

    start_endpoint(start, int(endpoint_url.rsplit(":", 1)[1]))
    until(lambda: ready(url), lambda: kioskd.text)
    before = metric(url, "kiosk_local_motion_seconds_total")
    again = synthesise("The motion is back.")
    LiveVoice(url, again).thread.join(GENEROUS_S)
    until(lambda: outcomes(url, "ended") == 2 or None, lambda: kioskd.text)
    assert metric(url, "kiosk_local_motion_seconds_total") - before < 0.3 * again.seconds
    assert kioskd.terminate() == 0, kioskd.text
    assert "Traceback" not in kioskd.text
    heard_whole(sound_server.wav, speech, alone=False)


@pytest.mark.slow("plays in real time")
def test_a_voice_of_ones_own_has_lips_without_any_endpoint(
    attempts: Iterator[tuple[Start, Path]], avatar: Path, sound_server: SoundServer
) -> None:
    """The address is that of nobody: the kiosk speaks at once, whole, with lips in time."""
    unless_starved(lambda late: no_endpoint_at_all(*next(attempts), avatar, sound_server, late))


def no_endpoint_at_all(
    start: Start, tmp_path: Path, avatar: Path, sound_server: SoundServer, late: Late
) -> None:
    mouth, speech = seen_mouth(avatar), synthesise(TEXT)
    ingress = "url: ws://127.0.0.1:9, dialect: driveningress"
    kioskd, url = start_kioskd(start, tmp_path, avatar, sound_server, ingress)
    watch = Watch(url, mouth)
    LiveVoice(url, speech)
    until(lambda: watch.position() or None, lambda: kioskd.text)
    watch.until_heard(speech.seconds - 0.1, kioskd)
    wait_for_outcome(url, "ended")
    r, age, chance = follows(watch, asked(speech), 0.4, speech.seconds - 0.4)
    print(f"r {r:.2f}, pictures {age:+.2f} s old, chance {chance:.2f}")
    print(f"woken {late():.2f} s late")
    assert r > max(blurred(0.45, late()), chance + 0.1)
    alone = 'kiosk_audio_only_utterances_total{reason="link_down"}'
    assert metric(url, alone) == 1, "known before the voice: no motion was waited for"
    assert within(url, "kiosk_sync_offset_seconds", 0.06, late()) >= 0.9
    local = metric(url, "kiosk_local_motion_seconds_total")
    assert 0.9 * speech.seconds < local < speech.seconds + 0.1
    assert kioskd.terminate() == 0, kioskd.text
    heard_whole(sound_server.wav, speech)
