# SPDX-License-Identifier: Apache-2.0
"""The relay link against a scripted backend, over real sockets."""

from __future__ import annotations

import asyncio

import numpy as np
from scripted_endpoint import Backend, motion, ramp, relay, settled, until

from driving_client.link.interface import Control, ControlRequested, LinkUp, PlaybackState
from driving_client.voices.wish import VoiceWish
from driving_client.wire.codec import Animation, Pause
from driving_client.wire.relay_frames import AudioFrame, MetadataFrame, MotionFrame


def test_the_start_says_whose_voice_is_wanted() -> None:
    async def story() -> None:
        backend = Backend()
        wish = VoiceWish(language="de", sex="female", pitch=195.0)
        async with relay(backend, avatar_id="anna", sample_rate=24000, voice=wish):
            await until(lambda: backend.texts)
            assert backend.texts[0]["voice"] == {"language": "de", "sex": "female", "pitch": 195.0}

    asyncio.run(story())


def test_a_backend_speaks_and_hears_what_became_of_it(tone: np.ndarray) -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend, avatar_id="anna", sample_rate=24000) as rig:
            await until(lambda: backend.texts)
            assert backend.texts == [{"action": "start", "avatar_id": "anna", "sample_rate": 24000}]
            await until(lambda: rig.ups)
            assert rig.ups == [LinkUp("")]
            await backend.send(
                MetadataFrame(16000, "one", "anna", "c"),
                motion("one", 10),
                AudioFrame(tone[:1600]),
                MotionFrame(
                    (Pause("ignored"), Animation("one", ramp(15, 10), end=True)), last=True
                ),
                AudioFrame(tone[1600:]),
                AudioFrame(tone[:0], last=True),
            )
            await until(lambda: rig.utterances and rig.utterances[0].audio_ended)
            (utterance,) = rig.utterances
            assert utterance.request_id == "one"
            assert utterance.sample_rate == 16000
            assert (utterance.audio(0, 99999) == tone).all()
            assert (utterance.motion_frames() == ramp(25)).all()
            assert utterance.motion_ended
            for state, at in ((PlaybackState.PLAYING, 0), (PlaybackState.ENDED, 1000)):
                rig.link.report_playback("one", state, at)
            await until(lambda: len(backend.texts) == 3)
            assert backend.texts[1:] == [
                {"event": "playback", "req_id": "one", "state": "playing", "played_ms": 0},
                {"event": "playback", "req_id": "one", "state": "ended", "played_ms": 1000},
            ]

    asyncio.run(story())


def test_texts_of_the_backend_become_requests() -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            await until(lambda: rig.ups)
            await backend.send(
                {"action": "pause", "req_id": "one"},
                {"action": "resume"},
                {"action": "dance"},
                {"event": "whatever"},
                {"action": "state", "req_id": ""},
                {"action": "interrupt"},
            )
            await settled(rig, backend)
            assert [e for e in rig.events if isinstance(e, ControlRequested)] == [
                ControlRequested(Control.PAUSE, "one"),
                ControlRequested(Control.RESUME),
                ControlRequested(Control.STATE),
                ControlRequested(Control.INTERRUPT),
            ]
            assert rig.link.counters.failures == {}

    asyncio.run(story())


def test_what_comes_late_of_an_interrupted_utterance_is_dropped(tone: np.ndarray) -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            await until(lambda: rig.ups)
            await backend.send(
                MetadataFrame(16000, "one"),
                AudioFrame(tone[:160]),
                motion("one", 5),
                {"action": "interrupt", "req_id": "one"},
                AudioFrame(tone),
                motion("one", 5, 5),
                MetadataFrame(16000, "two"),
                motion("one", 5, 10),
                AudioFrame(tone),
                motion("two", 5),
                motion("three", 5),
            )
            await settled(rig, backend)
            first, second = rig.utterances
            assert (first.audio_length, first.motion_length) == (160, 5)
            assert first.audio_ended
            assert (second.audio_length, second.motion_length) == (16000, 5)
            assert rig.link.counters.late_messages == 4

    asyncio.run(story())


def test_an_interrupt_by_the_player_drops_the_rest_as_well(tone: np.ndarray) -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            await until(lambda: rig.ups)
            await backend.send(MetadataFrame(16000, "one"), AudioFrame(tone[:160]))
            await until(lambda: rig.utterances)
            rig.link.report_playback("one", PlaybackState.INTERRUPTED, 10)
            await until(lambda: backend.texts[-1].get("state") == "interrupted")
            # The backend has not read that yet: the rest of it, then something new
            await backend.send(AudioFrame(tone), AudioFrame(tone, last=True), AudioFrame(tone[:80]))
            await until(lambda: len(rig.utterances) == 2)
            await settled(rig, backend)
            assert [u.audio_length for u in rig.utterances] == [160, 80]

    asyncio.run(story())


def test_a_new_utterance_while_one_is_open_replaces_it(tone: np.ndarray) -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            await until(lambda: rig.ups)
            await backend.send(
                MetadataFrame(16000, "one"),
                AudioFrame(tone),
                MetadataFrame(48000, "two"),
                MetadataFrame(48000, "two"),
                motion("one", 5),
                AudioFrame(tone[:480]),
            )
            await until(lambda: len(rig.utterances) == 2 and rig.utterances[1].audio_length)
            first, second = rig.utterances
            assert first.audio_ended
            assert first.motion_failure == "given_up"
            assert (second.sample_rate, second.audio_length) == (48000, 480)

    asyncio.run(story())


def test_a_published_relay_without_request_ids_in_its_metadata(tone: np.ndarray) -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            await until(lambda: rig.ups)
            await backend.send(
                MetadataFrame(24000, connection_id="c"),
                AudioFrame(tone[:240]),
                motion("a", 3),
                AudioFrame(tone[:240], last=True),
                motion("a", 2, 3, end=True),
                motion("b", 4),
                AudioFrame(tone[:480], last=True),
                motion("a", 9, end=True),
                motion("b", 0, end=True),
                AudioFrame(tone[:24]),
            )
            await until(lambda: len(rig.utterances) == 3)
            first, second, third = rig.utterances
            assert (first.audio_length, first.motion_length) == (480, 5)
            assert (second.audio_length, second.motion_length) == (480, 4)
            assert third.audio_length == 24
            assert {u.sample_rate for u in rig.utterances} == {24000}
            rig.link.report_playback(first.request_id, PlaybackState.ENDED, 20)
            await until(lambda: backend.texts[-1].get("event"))
            assert backend.texts[-1]["req_id"] == "a"

    asyncio.run(story())


def test_a_local_voice_on_a_relay_is_audio_only(tone: np.ndarray) -> None:
    async def story() -> None:
        backend = Backend()
        async with relay(backend) as rig:
            voice = rig.link.begin_voice(22050)
            assert voice.utterance.motion_failure == "link_down"
            await until(lambda: rig.ups)
            voice = rig.link.begin_voice(22050)
            voice.write(tone)
            voice.end()
            assert voice.utterance.motion_failure == "relay_takes_no_voice"
            assert (voice.utterance.audio(0, 99999) == tone).all()
            assert len(rig.utterances) == 2

    asyncio.run(story())
