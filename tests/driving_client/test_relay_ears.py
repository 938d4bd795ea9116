# SPDX-License-Identifier: Apache-2.0
"""What a relay's backend hears through the kiosk: only what it asked for, and the newest of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import soxr
from aiohttp import WSMsgType, web
from endpoint_rig import FAST, endpoint
from scripted_endpoint import Rig, link_settings, linked, serving, until, websocket_app
from slow_uplink import Uplink, uplink_to

from driving_client import make_link
from driving_client.link.heard import (
    Heard,
    HeardSound,
    VisitorBargedIn,
    VisitorBegan,
    VisitorEnded,
    VisitorPresent,
)
from driving_client.link.interface import LinkEvent, PlaybackState
from driving_client.voice_formats import opus
from driving_client.voice_formats.opus import OPUS_DELAY, OpusDecoder
from driving_client.voices.espeak import synthesise
from driving_client.wire.microphone_frame import MicrophoneFrame, decode_microphone_frame
from driving_client.wire.relay_frames import AudioFrame, MetadataFrame, encode_frame

SPEAKS = VisitorBegan(1600, over=True)
MOST_AHEAD = {"pcm_s16le": 50, "opus": 200}
"""Frames that are under way, and in the 12 KB of the line's own buffers, of 1000."""


class Listener:
    """A backend that asks for what the test says, at once, and keeps what comes."""

    def __init__(self, *asks: dict[str, Any]) -> None:
        self.asks = asks
        self.texts: list[dict[str, Any]] = []
        self.frames: list[MicrophoneFrame] = []
        self.frames_before: list[int] = []
        """For each text, how many frames had come."""
        self.socket: web.WebSocketResponse | None = None

    async def __call__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.texts.append(json.loads(message.data))
                self.frames_before.append(len(self.frames))
                if self.texts[-1].get("action") == "start":
                    await self.ask(*self.asks)
            else:
                frame = decode_microphone_frame(message.data)
                assert frame is not None
                self.frames.append(frame)

    async def ask(self, *asks: dict[str, Any]) -> None:
        assert self.socket is not None
        for each in asks:
            await self.socket.send_str(json.dumps({"action": "listen", **each}))

    def told(self, *kinds: str) -> list[dict[str, Any]]:
        return [text for text in self.texts if text.get("event") in kinds]

    @property
    def sound(self) -> np.ndarray:
        return np.frombuffer(b"".join(frame.sound for frame in self.frames), "<i2")


def heard_by(listener: Listener):
    return linked(websocket_app(listener), dialect="relay", microphone=True)


def frames_of(samples: np.ndarray, start: int = 0) -> Sequence[HeardSound]:
    """As the ears hand them over: 10 ms each."""
    return [
        HeardSound(samples[at : at + 160], start + at) for at in range(0, len(samples) - 159, 160)
    ]


async def hear(rig: Rig, *heard: Heard) -> None:
    """From another thread, as the ears do."""
    for each in heard:
        await asyncio.to_thread(rig.link.report_heard, each)


async def answered(listener: Listener, times: int = 1) -> dict[str, Any]:
    await until(lambda: len(listener.told("listening")) == times)
    return listener.told("listening")[-1]


@pytest.mark.parametrize("microphone", [False, True], ids=["no ears", "ears"])
def test_a_backend_that_does_not_ask_gets_nothing_it_does_not_know(
    tone: np.ndarray, microphone: bool
) -> None:
    async def story() -> None:
        old = Listener()
        async with linked(websocket_app(old), dialect="relay", microphone=microphone) as rig:
            await until(lambda: rig.ups)
            await hear(rig, *frames_of(tone), SPEAKS, VisitorPresent("touch"))
            rig.link.report_playback("one", PlaybackState.ENDED, 7)
            await until(lambda: len(old.texts) > 1)
            assert [text.get("event") for text in old.texts] == [None, "playback"]
            assert ("capabilities" in old.texts[0]) is microphone
            assert not old.frames

    asyncio.run(story())


def test_a_kiosk_without_ears_offers_none_and_takes_the_wish_for_an_unknown_text() -> None:
    async def story() -> None:
        listener = Listener({"codec": "pcm_s16le"})
        async with linked(websocket_app(listener), dialect="relay") as rig:
            await until(lambda: rig.link.counters.messages_received)
            await hear(rig, SPEAKS)
            rig.link.report_playback("one", PlaybackState.ENDED, 7)
            await until(lambda: len(listener.texts) > 1)
            assert [text.get("event") for text in listener.texts] == [None, "playback"]

    asyncio.run(story())


def test_who_asks_hears_every_sample_and_where_some_are_missing(tone: np.ndarray) -> None:
    async def story() -> None:
        listener = Listener({"codec": "pcm_s16le"})
        async with heard_by(listener) as rig:
            assert await answered(listener) == {"event": "listening", "codec": "pcm_s16le"}
            offered = listener.texts[0]["capabilities"]
            assert offered["microphone"]["sample_rate"] == 16000
            assert "pcm_s16le" in offered["microphone"]["codecs"]
            assert offered["events"] == ["speech", "present"]
            # 50 ms, then a jump: the last 10 ms before it go out alone
            await hear(rig, *frames_of(tone[:800]), *frames_of(tone[800:1120], 9000))
            await until(lambda: len(listener.sound) == 1120)
            assert (listener.sound == tone[:1120]).all()
            assert [(f.position, len(f.sound) // 2) for f in listener.frames] == [
                (0, 320),
                (320, 320),
                (640, 160),
                (9000, 320),
            ]
            assert rig.link.counters.microphone_samples_dropped == 0

    asyncio.run(story())


def test_opus_is_the_same_sound_at_a_tenth_of_the_bytes() -> None:
    said = synthesise("My baby, put five maps on the table.")
    resampled = soxr.resample(said.samples.astype(np.float32), said.sample_rate, 16000)
    voice = resampled[:16000].astype(np.int16)

    async def story() -> None:
        listener = Listener({"codec": "opus"})
        async with heard_by(listener) as rig:
            await answered(listener)
            await hear(rig, *frames_of(voice), *frames_of(voice[:160], 16000))
            await hear(rig, *frames_of(voice[:320], 20000))
            await until(lambda: len(listener.frames) == 52)
            assert [f.position for f in listener.frames[49:]] == [15680, 16000, 20000]
            decode = OpusDecoder()
            lengths = [len(decode(f.sound)) for f in listener.frames]
            assert lengths == [320] * 50 + [160, 320], "a packet says itself how long it is"
            decode = OpusDecoder()
            decoded = np.concatenate([decode(f.sound) for f in listener.frames[:50]])
            late, early = decoded[OPUS_DELAY:].astype(float), voice[:-OPUS_DELAY].astype(float)
            assert np.corrcoef(late, early)[0, 1] > 0.95
            assert sum(len(f.sound) for f in listener.frames[:50]) < 32000 / 8

    asyncio.run(story())


def test_without_libopus_it_is_not_offered_and_who_asks_for_it_all_the_same_is_told(
    monkeypatch: pytest.MonkeyPatch, tone: np.ndarray
) -> None:
    async def story() -> None:
        listener = Listener({"codec": "opus"})
        async with heard_by(listener) as rig:
            answer = await answered(listener)
            assert listener.texts[0]["capabilities"]["microphone"]["codecs"] == ["pcm_s16le"]
            assert answer["codec"] is None
            assert answer["error"] == "codec 'opus' is not one of pcm_s16le; none is sent"
            await hear(rig, *frames_of(tone), SPEAKS)
            await until(lambda: listener.told("speech"))
            assert not listener.frames

    monkeypatch.setattr(opus, "_LIBRARY", "libabsent.so.0")
    opus._library.cache_clear()
    try:
        asyncio.run(story())
    finally:
        opus._library.cache_clear()


def test_events_say_what_was_cut_off_by_the_name_that_the_backend_gave_it(
    tone: np.ndarray,
) -> None:
    async def story() -> None:
        listener = Listener({})
        async with heard_by(listener) as rig:
            assert await answered(listener) == {"event": "listening", "codec": None}
            assert listener.socket is not None
            await listener.socket.send_bytes(encode_frame(MetadataFrame(16000, "answer 7")))
            await listener.socket.send_bytes(encode_frame(AudioFrame(tone)))
            await until(lambda: rig.utterances)
            own_id = rig.utterances[0].request_id
            await hear(
                rig,
                VisitorPresent("wake"),
                SPEAKS,
                VisitorBargedIn(1600, own_id, 480),
                *frames_of(tone),
                VisitorEnded(9000, 20200),
            )
            await until(lambda: len(listener.told("speech", "present")) == 4)
            assert listener.told("speech", "present") == [
                {"event": "present", "source": "wake"},
                {"event": "speech", "state": "began", "position": 1600, "over": True},
                {
                    "event": "speech",
                    "state": "barge_in",
                    "position": 1600,
                    "req_id": "answer 7",
                    "heard_ms": 480,
                },
                {"event": "speech", "state": "ended", "position": 9000, "noticed": 20200},
            ]
            assert not listener.frames, "it asked for events alone"

    asyncio.run(story())


def test_the_last_wish_counts_and_a_wrong_one_is_told_and_is_none(tone: np.ndarray) -> None:
    async def story() -> None:
        listener = Listener({"codec": "pcm_s16le"})
        async with heard_by(listener) as rig:
            await answered(listener)
            await hear(rig, *frames_of(tone[:320]))
            await until(lambda: listener.frames)
            wrong = ["mp3", "", 7, True, [], {"pcm_s16le": 1}, "x" * 50_000]
            for times, codec in enumerate(wrong, 2):
                await listener.ask({"codec": codec})
                answer = await answered(listener, times)
                assert answer["codec"] is None
                assert "is not one of pcm_s16le" in answer["error"]
                assert len(answer["error"]) < 120
            await hear(rig, *frames_of(tone))
            await listener.ask({"codec": "pcm_s16le"})
            await answered(listener, len(wrong) + 2)
            await hear(rig, *frames_of(tone[:640], 50_000))
            await until(lambda: len(listener.frames) == 3)
            assert [f.position for f in listener.frames] == [0, 50_000, 50_320]
            assert not rig.downs

    asyncio.run(story())


def test_after_a_lost_link_the_backend_has_to_ask_again(tone: np.ndarray) -> None:
    async def story() -> None:
        listener = Listener({"codec": "pcm_s16le"})
        async with heard_by(listener) as rig:
            await answered(listener)
            listener.asks = ()
            assert listener.socket is not None
            await listener.socket.close()
            await until(lambda: len(rig.ups) == 2)
            assert len(listener.texts) >= 2
            await hear(rig, *frames_of(tone), SPEAKS)
            rig.link.report_playback("one", PlaybackState.ENDED, 7)
            await until(lambda: listener.told("playback"))
            assert not listener.frames
            assert not listener.told("speech")
            await listener.ask({"codec": "pcm_s16le"})
            await answered(listener, 2)
            await hear(rig, *frames_of(tone[:320], 90_000))
            await until(lambda: listener.frames)
            assert listener.frames[0].position == 90_000

    asyncio.run(story())


@contextlib.asynccontextmanager
async def heard_slowly(listener: Listener) -> AsyncIterator[tuple[Rig, Uplink]]:
    async with serving(websocket_app(listener)) as address, uplink_to(address) as uplink:
        events: list[LinkEvent] = []
        settings = link_settings(f"ws://{uplink.address}/relay", microphone=True, heartbeat_s=600.0)
        link = make_link(settings, events.append)
        task = asyncio.create_task(link.run())
        try:
            yield Rig(link, events, task), uplink
        finally:
            uplink.open.set()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@pytest.mark.parametrize("codec", ["pcm_s16le", "opus"])
def test_a_stuck_uplink_loses_the_oldest_sound_and_holds_up_nothing_else(
    tone: np.ndarray, codec: str
) -> None:
    """Twenty seconds are spoken while nothing gets through; then a report has little before it."""

    async def story() -> None:
        listener = Listener({"codec": codec})
        async with heard_slowly(listener) as (rig, uplink):
            await answered(listener)
            uplink.open.clear()
            for second in range(20):
                for sound in frames_of(tone, second * 16000):
                    rig.link.report_heard(sound)
                    await asyncio.sleep(0)  # its turn for the sender, which takes what it may
            await hear(rig, VisitorBargedIn(300_000, "one", 480))
            rig.link.report_playback("one", PlaybackState.INTERRUPTED, 480)
            assert listener.socket is not None
            await listener.socket.send_bytes(encode_frame(MetadataFrame(16000, "two")))
            await until(lambda: rig.utterances)  # what comes down is not held up
            counters = rig.link.counters
            await until(lambda: counters.microphone_samples_dropped > 12 * 16000)
            before = len(listener.frames)
            uplink.open.set()
            await until(lambda: listener.told("playback"))
            assert [text.get("state") for text in listener.texts[-2:]] == [
                "barge_in",
                "interrupted",
            ]
            assert listener.frames_before[-1] - before < MOST_AHEAD[codec]
            last = 20 * 16000 - 320
            await until(lambda: listener.frames[-1].position == last)
            positions = [frame.position for frame in listener.frames]
            assert positions == sorted(set(positions))
            assert positions[-100:] == [*range(18 * 16000, 20 * 16000, 320)], "the last 2 s"
            sent = 320 * len(positions)
            assert sent + counters.microphone_samples_dropped == 20 * 16000
            assert not rig.downs

    asyncio.run(story())


def test_the_embedded_endpoint_bears_a_kiosk_that_hears(tone: np.ndarray) -> None:
    async def story() -> None:
        async with endpoint(replace(FAST, say=("Good morning.",))) as (url, _client):
            events: list[LinkEvent] = []
            settings = link_settings(f"{url.replace('http', 'ws')}/relay", microphone=True)
            link = make_link(settings, events.append)
            task = asyncio.create_task(link.run())
            rig = Rig(link, events, task)
            await until(lambda: rig.utterances)
            await hear(rig, *frames_of(tone), SPEAKS)
            await until(lambda: rig.utterances[0].audio_ended)
            assert not rig.downs
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    asyncio.run(story())
