# SPDX-License-Identifier: Apache-2.0
"""The driveningress link against a scripted endpoint, over real sockets: voice up, motion back."""

from __future__ import annotations

import asyncio
import re

import numpy as np
import pytest
from scripted_endpoint import ConfirmingEndpoint, linked, ramp, until, websocket_app

from driving_client.link.interface import MAX_FAILURE_CODES, LinkUp, PlaybackState
from driving_client.motion_failure import MotionFailure
from driving_client.wire.codec import (
    Animation,
    ConfigureSession,
    Interrupt,
    Pause,
    PlaybackStateMessage,
    Resume,
    ServerError,
    WireMessage,
)


def test_a_local_voice_goes_up_and_its_motion_comes_back(tone: np.ndarray) -> None:
    async def story() -> None:
        endpoint = ConfirmingEndpoint()
        async with linked(
            websocket_app(endpoint), avatar_id="anna", app_id="app", session_key="key"
        ) as rig:
            await until(lambda: rig.ups)
            assert rig.ups[0] == LinkUp("connection-1")
            request = endpoint.requests[0]
            assert request.path == "/websocket"
            assert request.query["id"] == "anna"
            assert request.headers["X-App-ID"] == "app"
            assert request.headers["X-Session-Key"] == "key"
            assert endpoint.received == [ConfigureSession(16000)]

            voice = rig.link.begin_voice(16000)
            assert rig.utterances == [voice.utterance]
            for piece in np.array_split(tone, 7):
                voice.write(piece)
                await asyncio.sleep(0)
            voice.end()
            await until(lambda: endpoint.audio() and endpoint.audio()[-1].end)
            pieces = endpoint.audio()
            assert b"".join(p.audio for p in pieces) == tone.tobytes()
            assert [p.end for p in pieces] == [False] * (len(pieces) - 1) + [True]
            assert max(len(p.audio) for p in pieces) <= 3200
            request_id = pieces[0].request_id
            assert {p.request_id for p in pieces} == {request_id}
            assert re.fullmatch(r"\d{14}_[\w-]{12}", request_id)
            assert voice.utterance.request_id == request_id

            await endpoint.send(Animation(request_id, ramp(10)))
            await endpoint.send(Animation(request_id, ramp(15, 10), end=True))
            await until(lambda: voice.utterance.motion_ended)
            assert (voice.utterance.motion_frames() == ramp(25)).all()
            assert rig.link.counters.bytes_sent > len(tone) * 2
            assert rig.link.counters.bytes_received > 25 * 400

    asyncio.run(story())


def test_a_voice_of_another_rate_is_resampled_for_the_session_only() -> None:
    async def story() -> None:
        endpoint = ConfirmingEndpoint()
        samples = (np.sin(2 * np.pi * 440 * np.arange(44100) / 44100) * 9000).astype(np.int16)
        async with linked(websocket_app(endpoint)) as rig:
            await until(lambda: rig.ups)
            voice = rig.link.begin_voice(44100)
            voice.write(samples)
            voice.end()
            await until(lambda: endpoint.audio() and endpoint.audio()[-1].end)
            sent = np.frombuffer(b"".join(p.audio for p in endpoint.audio()), "<i2")
            assert abs(len(sent) - 16000) <= 1
            peak = np.argmax(np.abs(np.fft.rfft(sent[:16000])))
            assert abs(int(peak) - 440) <= 1
            assert voice.utterance.sample_rate == 44100
            assert voice.utterance.audio_length == 44100

    asyncio.run(story())


def test_late_motion_of_a_replaced_or_interrupted_utterance_is_dropped(tone: np.ndarray) -> None:
    async def story() -> None:
        endpoint = ConfirmingEndpoint()
        async with linked(websocket_app(endpoint)) as rig:
            await until(lambda: rig.ups)
            first = rig.link.begin_voice(16000)
            first.write(tone)
            await until(lambda: endpoint.audio())
            second = rig.link.begin_voice(16000)
            second.write(tone)
            first.write(tone)  # somebody goes on speaking into the old one
            await until(lambda: Interrupt(first.utterance.request_id) in endpoint.received)
            assert first.utterance.audio_length == len(tone)
            await until(lambda: endpoint.audio()[-1].request_id == second.utterance.request_id)

            rig.link.report_playback(second.utterance.request_id, PlaybackState.INTERRUPTED, 40)
            await until(lambda: Interrupt(second.utterance.request_id) in endpoint.received)
            await endpoint.send(Animation(first.utterance.request_id, ramp(5)))
            await endpoint.send(Animation(second.utterance.request_id, ramp(5)))
            await endpoint.send(Animation("never heard of", ramp(5)))
            await until(lambda: rig.link.counters.late_messages == 3)
            assert first.utterance.motion_length == second.utterance.motion_length == 0

    asyncio.run(story())


def test_after_a_lost_link_the_rest_of_the_motion_joins_at_its_place(tone: np.ndarray) -> None:
    async def story() -> None:
        endpoint = ConfirmingEndpoint()
        async with linked(websocket_app(endpoint)) as rig:
            await until(lambda: rig.ups)
            voice = rig.link.begin_voice(16000)
            voice.write(tone)
            utterance = voice.utterance
            await until(lambda: sum(len(a.audio) for a in endpoint.audio()) == 32000)
            await endpoint.send(Animation(utterance.request_id, ramp(10)))
            await until(lambda: utterance.motion_length == 10)
            assert endpoint.socket is not None
            endpoint.confirming.clear()
            await endpoint.socket.close(code=4002)
            await until(lambda: rig.downs)
            assert utterance.motion_failure == "link_lost"
            voice.write(tone)  # the voice goes on without a link
            voice.end()
            assert utterance.audio_length == 32000
            endpoint.confirming.set()

            await until(lambda: len(endpoint.sessions) == 2 and endpoint.audio()[-1:])
            await until(lambda: endpoint.audio()[-1].end)
            rest = endpoint.audio()
            assert rest[0].request_id != utterance.request_id
            whole = np.concatenate([tone, tone])
            assert b"".join(a.audio for a in rest) == whole[10 * 640 :].tobytes()
            assert utterance.motion_failure is None
            # What the old request might still have sent is late now
            await endpoint.send(Animation(utterance.request_id, ramp(7, 900)))
            await endpoint.send(Animation(rest[0].request_id, ramp(40, 10), end=True))
            await until(lambda: utterance.motion_ended)
            assert (utterance.motion_frames() == ramp(50)).all()
            assert rig.link.counters.late_messages == 1

    asyncio.run(story())


def test_motion_that_was_already_heard_is_not_asked_for_again(tone: np.ndarray) -> None:
    async def story() -> None:
        endpoint = ConfirmingEndpoint()
        async with linked(websocket_app(endpoint)) as rig:
            await until(lambda: rig.ups)
            voice = rig.link.begin_voice(16000)
            voice.write(tone)
            voice.end()
            utterance = voice.utterance
            await until(lambda: endpoint.audio() and endpoint.audio()[-1].end)
            await endpoint.send(Animation(utterance.request_id, ramp(5)))
            await until(lambda: utterance.motion_length == 5)
            rig.link.report_playback(utterance.request_id, PlaybackState.PAUSED, 600)
            await asyncio.sleep(0.01)
            assert endpoint.socket is not None
            await endpoint.socket.close(code=1011)
            await until(lambda: len(endpoint.sessions) == 2 and endpoint.audio()[-1:])
            await until(lambda: endpoint.audio()[-1].end)
            assert b"".join(a.audio for a in endpoint.audio()) == tone[15 * 640 :].tobytes()
            await endpoint.send(Animation(endpoint.audio()[0].request_id, ramp(10, 15), end=True))
            await until(lambda: utterance.motion_ended)
            sample = utterance.motion_at(0.7)
            assert sample is not None
            assert sample.values[0] == pytest.approx(0.0175)
            assert sample.overdue_s == 0
            missing = utterance.motion_at(0.4)  # in the break: the last frame before it
            assert missing is not None
            assert missing.values[0] == pytest.approx(0.004)
            assert missing.overdue_s == pytest.approx(0.2)

    asyncio.run(story())


def test_a_voice_begun_without_a_link_is_audio_only_until_the_link_is_there(
    tone: np.ndarray,
) -> None:
    async def story() -> None:
        endpoint = ConfirmingEndpoint()
        async with linked(websocket_app(endpoint)) as rig:
            voice = rig.link.begin_voice(16000)
            voice.write(tone)
            assert voice.utterance.motion_failure == "link_down"
            await until(lambda: rig.ups and endpoint.audio())
            assert voice.utterance.motion_failure is None
            assert endpoint.audio()[0].request_id == voice.utterance.request_id

    asyncio.run(story())


def test_pause_and_resume_go_up_only_where_the_endpoint_can(tone: np.ndarray) -> None:
    async def story(capabilities: tuple[str, ...]) -> list[WireMessage]:
        endpoint = ConfirmingEndpoint(capabilities)
        async with linked(websocket_app(endpoint)) as rig:
            await until(lambda: rig.ups)
            voice = rig.link.begin_voice(16000)
            voice.write(tone)
            await until(lambda: endpoint.audio())
            name = voice.utterance.request_id
            for state, at in (("playing", 0), ("paused", 200), ("playing", 200)):
                rig.link.report_playback(name, PlaybackState(state), at)
            await endpoint.send(PlaybackStateMessage(name, 1, 200))
            rig.link.report_playback(name, PlaybackState.ENDED, 1000)
            await until(lambda: Interrupt(name) in endpoint.received)
            return [m for m in endpoint.received if isinstance(m, Pause | Resume)]

    with_control = asyncio.run(story(("playback_control",)))
    assert [type(m) for m in with_control] == [Pause, Resume]
    assert asyncio.run(story(())) == []


def test_an_error_of_one_request_costs_its_motion_and_not_the_session(tone: np.ndarray) -> None:
    async def story() -> None:
        endpoint = ConfirmingEndpoint()
        async with linked(websocket_app(endpoint)) as rig:
            await until(lambda: rig.ups)
            voice = rig.link.begin_voice(16000)
            voice.write(tone)
            name = voice.utterance.request_id
            await until(lambda: endpoint.audio())
            await endpoint.send(ServerError(3, "bad audio", request_id=name))
            await until(lambda: voice.utterance.motion_failure)
            assert voice.utterance.motion_failure == "server_error_3"
            assert voice.utterance.audio_length == len(tone)
            assert not rig.downs
            other = rig.link.begin_voice(16000)
            other.write(tone)
            await until(lambda: endpoint.audio()[-1].request_id == other.utterance.request_id)

    asyncio.run(story())


def test_an_endpoint_that_invents_codes_gives_no_more_than_a_few_reasons() -> None:
    """Each becomes a label of metrics that lives as long as the kiosk."""
    seen: set[str | None] = set()

    async def story() -> None:
        endpoint = ConfirmingEndpoint()
        async with linked(websocket_app(endpoint)) as rig:
            await until(lambda: rig.ups)
            for code in (-1, -2, *range(10_000, 10_000 + 2 * MAX_FAILURE_CODES)):
                utterance = rig.link.begin_voice(16000).utterance
                await endpoint.send(ServerError(code, "x", request_id=utterance.request_id))
                await until(lambda utterance=utterance: utterance.motion_failure)
                seen.add(utterance.motion_failure)

    asyncio.run(story())
    assert MotionFailure.OTHER in seen, "a minus is no part of a code"
    assert "server_error_10000" in seen
    assert "other" in seen
    assert len(seen) <= MAX_FAILURE_CODES + 1


def test_damaged_frames_are_dropped_and_counted_and_the_session_stays(tone: np.ndarray) -> None:
    async def story() -> None:
        endpoint = ConfirmingEndpoint()
        async with linked(websocket_app(endpoint)) as rig:
            await until(lambda: rig.ups)
            voice = rig.link.begin_voice(16000)
            voice.write(tone)
            name = voice.utterance.request_id
            await until(lambda: endpoint.audio())
            assert endpoint.socket is not None
            await endpoint.socket.send_bytes(b"\xff\xff\xff")
            await endpoint.socket.send_str("a text frame is ignored")
            frames = ramp(4)
            frames[1, 50] = np.nan
            await endpoint.send(Animation(name, frames))
            await until(lambda: voice.utterance.motion_length == 4)
            assert rig.link.counters.failures == {"protocol_error": 1}
            assert rig.link.counters.frames_dropped == 1
            assert voice.utterance.motion_frames()[:, 0] == pytest.approx([0, 0, 0.002, 0.003])
            assert not rig.downs

    asyncio.run(story())
