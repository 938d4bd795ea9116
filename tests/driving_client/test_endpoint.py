# SPDX-License-Identifier: Apache-2.0
"""The embedded endpoint over real sockets: both dialects, /say, and all that is refused."""

import asyncio
import json
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from aiohttp import WSMsgType
from endpoint_rig import endpoint, kiosk, receive, utterance

from driving_client.endpoint import EndpointSettings, speaker
from driving_client.endpoint.__main__ import main
from driving_client.endpoint.batches import MotionBatches
from driving_client.lipsync.coarticulation import mouth_controls
from driving_client.retarget import load_retarget
from driving_client.voices.espeak import synthesise
from driving_client.wire.codec import decode_message, encode_message
from driving_client.wire.messages import (
    Animation,
    AudioInput,
    ConfigureSession,
    ConfirmSession,
    Interrupt,
    Pause,
    ServerError,
)
from driving_client.wire.relay_frames import AudioFrame, ErrorFrame, MetadataFrame, decode_frame

SENTENCE = "My baby, put five maps on the table."


async def ingress(client, url, rate=16000):
    socket = await client.ws_connect(f"{url}/websocket?id=anybody")
    await socket.send_bytes(encode_message(ConfigureSession(rate)))
    confirm = decode_message(await receive(socket))
    assert isinstance(confirm, ConfirmSession)
    assert confirm.connection_id
    return socket


@pytest.fixture
def whole_chunks(monkeypatch):
    """Frames are sent in chunks of the full number, however slowly this machine makes them."""
    monkeypatch.setattr("driving_client.endpoint.batches.QUIET_S", 60.0)
    monkeypatch.setattr("driving_client.endpoint.batches.PATIENCE_S", 60.0)


@pytest.fixture
def reports_decide(monkeypatch):
    """An utterance is over when the kiosk reports it, not when it must have ended."""
    monkeypatch.setattr("driving_client.endpoint.hearing._LATE_REPORT_S", 600.0)


def is_last(frame):
    return isinstance(frame, AudioFrame) and frame.last


async def say(client, url, **document):
    async with client.post(f"{url}/say", json=document) as response:
        return response.status, await response.json()


def speechlike(seconds, rate):
    t = np.arange(int(seconds * rate)) / rate
    return (9000 * np.sin(t * 900) * np.abs(np.sin(t * 9))).astype("<i2")


def test_audio_over_driveningress_comes_back_as_motion_in_the_services_chunks(whole_chunks):
    async def story():
        async with endpoint() as (url, client):
            speech = await asyncio.to_thread(synthesise, f"{SENTENCE} " * 10)
            rate = speech.sample_rate
            voice = speech.samples[: round(20.3 * rate)].astype("<i2")
            socket = await ingress(client, url, rate)
            await socket.send_bytes(encode_message(AudioInput("r1", voice.tobytes(), True)))
            got = []
            while not (got and got[-1].end):
                got.append(decode_message(await receive(socket)))
            assert [len(a.frames) for a in got] == [50, 100, 100, 100, 100, 57]
            assert [a.end for a in got] == [False] * 5 + [True]
            assert {a.request_id for a in got} == {"r1"}
            retarget = load_retarget()
            opening = [retarget.controls(f)[0] for a in got for f in a.frames]
            reference = mouth_controls(speech.phonemes, len(opening))[:, 0]
            assert np.corrcoef(opening, reference)[0, 1] > 0.6
            assert max(opening) > 0.5

    asyncio.run(story())


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_frames_are_the_floor_of_25_a_second_at_every_rate(rate):
    async def story():
        async with endpoint() as (url, client):
            socket = await ingress(client, url, rate)
            voice = speechlike(3.33, rate)
            for start in range(0, len(voice), rate // 10):
                piece = voice[start : start + rate // 10].tobytes()
                await socket.send_bytes(encode_message(AudioInput("r1", piece)))
            await socket.send_bytes(encode_message(AudioInput("r1", b"", True)))
            count, end = 0, False
            while not end:
                message = decode_message(await receive(socket))
                count, end = count + len(message.frames), message.end
            assert count == 83

    asyncio.run(story())


def test_interrupt_stops_the_motion_and_the_next_request_works(whole_chunks):
    async def story():
        async with endpoint(EndpointSettings()) as (url, client):
            socket = await ingress(client, url)
            voice = speechlike(30.0, 16000).tobytes()
            await socket.send_bytes(encode_message(AudioInput("r1", voice, True)))
            assert decode_message(await receive(socket)).request_id == "r1"
            await socket.send_bytes(encode_message(Interrupt("r1")))
            await socket.send_bytes(encode_message(AudioInput("r1", voice[:3200], True)))
            with pytest.raises(TimeoutError):
                await receive(socket, 1.0)
            socket_message = AudioInput("r2", voice[:32000], True)
            await socket.send_bytes(encode_message(socket_message))
            answer = decode_message(await receive(socket))
            assert (answer.request_id, len(answer.frames), answer.end) == ("r2", 25, True)

    asyncio.run(story())


@pytest.mark.parametrize("steps", range(6))
def test_an_interrupt_right_behind_the_voice_is_heard(steps):
    """The cancellation comes while the batches are being woken by new frames."""

    async def story():
        async def send(frames, end):
            pass

        batches = MotionBatches(send, 1.0)
        running = asyncio.create_task(batches.run())
        batches.push(np.zeros((1, 120), np.float32))
        await asyncio.sleep(0.01)
        batches.push(np.zeros((1, 120), np.float32))
        for _ in range(steps):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait([running], timeout=60)
        assert running.cancelled()

    asyncio.run(story())


def test_a_new_request_replaces_the_one_under_way(whole_chunks):
    async def story():
        async with endpoint(EndpointSettings()) as (url, client):
            socket = await ingress(client, url)
            voice = speechlike(20.0, 16000).tobytes()
            await socket.send_bytes(encode_message(AudioInput("r1", voice, True)))
            await receive(socket)
            await socket.send_bytes(encode_message(AudioInput("r2", voice[:32000], True)))
            answer = decode_message(await receive(socket))
            assert (answer.request_id, answer.end) == ("r2", True)
            with pytest.raises(TimeoutError):
                await receive(socket, 0.8)

    asyncio.run(story())


def test_what_concerns_one_request_fails_that_request_only():
    async def story():
        async with endpoint() as (url, client):
            socket = await ingress(client, url)
            await socket.send_bytes(encode_message(AudioInput("odd", b"123", True)))
            error = decode_message(await receive(socket))
            assert isinstance(error, ServerError)
            assert (error.code, error.request_id) == (3, "odd")
            await socket.send_bytes(encode_message(Pause("odd")))
            error = decode_message(await receive(socket))
            assert (error.code, error.request_id) == (12, "odd")
            voice = speechlike(1.0, 16000).tobytes()
            await socket.send_bytes(encode_message(AudioInput("good", voice, True)))
            assert isinstance(decode_message(await receive(socket)), Animation)

    asyncio.run(story())


@pytest.mark.parametrize(
    "first",
    [
        b"\xff\xff\xff",
        encode_message(AudioInput("r", b"")),
        encode_message(ConfigureSession(11025)),
        encode_message(ConfigureSession(16000, egress_type=1)),
        "text",
    ],
)
def test_a_broken_contract_is_told_and_closed(first):
    async def story():
        async with endpoint() as (url, client):
            socket = await client.ws_connect(f"{url}/websocket?id=x")
            if isinstance(first, str):
                await socket.send_str(first)
            else:
                await socket.send_bytes(first)
            error = decode_message(await receive(socket))
            assert isinstance(error, ServerError)
            assert error.code == 3
            assert error.message
            assert (await socket.receive()).type is WSMsgType.CLOSE
            assert socket.close_code == 4400

    asyncio.run(story())


@pytest.mark.parametrize("rate", [16000, 22050, 48000])
def test_say_streams_voice_and_motion_to_the_kiosk(rate):
    async def story():
        async with endpoint() as (url, client):
            socket = await kiosk(client, url, rate)
            status, answer = 503, {}
            while status == 503:
                status, answer = await say(client, url, text=SENTENCE)
            assert status == 200
            metadata, audio, motion = await utterance(socket)
            assert metadata.request_id == answer["req_id"]
            assert metadata.avatar_id == "somebody"
            assert metadata.sample_rate == rate
            assert answer["connection_ids"] == [metadata.connection_id]
            samples = np.concatenate(audio)
            assert len(samples) % (rate // 25) == 0
            assert len(audio[-1]) == 0
            assert {len(piece) for piece in audio[:-2]} == {rate // 10}
            sizes = [len(message.frames) for message in motion]
            assert sum(sizes) == int(25 * len(samples) / rate)
            assert sizes[0] == 50
            assert {message.request_id for message in motion} == {metadata.request_id}
            assert np.abs(samples).max() > 3000

    asyncio.run(story())


def test_resampling_keeps_the_voice():
    async def story():
        async with endpoint() as (url, client):
            socket = await kiosk(client, url, 48000)
            while (await say(client, url, text=SENTENCE))[0] != 200:
                pass
            _, audio, _ = await utterance(socket)
            samples = np.concatenate(audio).astype(float)
            direct = synthesise(SENTENCE).samples.astype(float)
            assert np.std(samples) == pytest.approx(np.std(direct), rel=0.05)

    asyncio.run(story())


def test_the_greeting_comes_once_per_connection_and_texts_queue(reports_decide):
    async def story():
        settings = EndpointSettings(greeting="Hello.", say=("How are you?",), speed=40.0)
        async with endpoint(settings) as (url, client):
            for _ in range(2):
                socket = await kiosk(client, url)
                first, _, _ = await utterance(socket)
                # The second waits until the kiosk reports the end of the first.
                with pytest.raises(TimeoutError):
                    await receive(socket, 0.3)
            socket = await kiosk(client, url)
            first, _, _ = await utterance(socket)
            event = {"event": "playback", "req_id": first.request_id, "state": "ended"}
            await socket.send_str(json.dumps(event))
            second, _, _ = await utterance(socket)
            assert second.request_id != first.request_id

    asyncio.run(story())


def test_a_paused_kiosk_holds_the_queue_until_it_has_played_on():
    async def story():
        settings = EndpointSettings(greeting="Hi.", say=("Next.",), speed=40.0)
        async with endpoint(settings) as (url, client):
            socket = await kiosk(client, url)
            first, audio, _ = await utterance(socket)

            async def report(state, played_ms):
                event = {"event": "playback", "req_id": first.request_id, "state": state}
                await socket.send_str(json.dumps({**event, "played_ms": played_ms}))

            seconds = sum(map(len, audio)) / 16000
            await report("playing", 0)
            await report("paused", 100)
            with pytest.raises(TimeoutError):
                await receive(socket, seconds + 2.5)
            await report("playing", 100)
            with pytest.raises(TimeoutError):
                await receive(socket, 0.3)
            await report("ended", round(seconds * 1000))
            second, _, _ = await utterance(socket)
            assert second.request_id != first.request_id

    asyncio.run(story())


def test_interrupt_with_say_stops_the_stream_and_speaks_at_once():
    """The stream of some twenty seconds is not at its end when the interrupt comes."""

    async def story():
        async with endpoint(EndpointSettings()) as (url, client):
            socket = await kiosk(client, url)
            while (await say(client, url, text=SENTENCE * 8))[0] != 200:
                pass
            first = decode_frame(await receive(socket))
            status, answer = await say(client, url, text="Stop.", interrupt=True)
            assert status == 200
            action = None
            while action is None:
                message = await asyncio.wait_for(socket.receive(), 60)
                if message.type is WSMsgType.TEXT:
                    action = json.loads(message.data)
                else:
                    assert not is_last(decode_frame(message.data))
            assert action == {"action": "interrupt", "req_id": first.request_id}
            metadata, audio, _ = await utterance(socket)
            assert metadata.request_id == answer["req_id"]
            assert sum(map(len, audio)) < 2 * 16000

    asyncio.run(story())


def test_a_kiosk_that_reports_an_interruption_gets_no_more_of_that_utterance():
    async def story():
        async with endpoint(EndpointSettings()) as (url, client):
            socket = await kiosk(client, url)
            while (await say(client, url, text=SENTENCE * 8))[0] != 200:
                pass
            first = decode_frame(await receive(socket))
            status, answer = await say(client, url, text="Next.")
            assert status == 200
            event = {"event": "playback", "req_id": first.request_id, "state": "interrupted"}
            await socket.send_str(json.dumps(event))
            while not isinstance(frame := decode_frame(await receive(socket)), MetadataFrame):
                assert not is_last(frame), "it went on to its end"
            assert frame.request_id == answer["req_id"]

    asyncio.run(story())


def test_two_kiosks_and_a_driveningress_client_at_once_do_not_mix(whole_chunks, reports_decide):
    async def story():
        settings = EndpointSettings(greeting="Hello there.", speed=10.0)
        async with endpoint(settings) as (url, client):
            one, two = await kiosk(client, url, 16000), await kiosk(client, url, 48000)
            third = await ingress(client, url)
            voice = speechlike(2.0, 16000).tobytes()
            await third.send_bytes(encode_message(AudioInput("r", voice, True)))
            (first, a, _), (second, b, _) = await asyncio.gather(utterance(one), utterance(two))
            assert (first.sample_rate, second.sample_rate) == (16000, 48000)
            assert first.connection_id != second.connection_id
            assert sum(map(len, b)) / 48000 == pytest.approx(sum(map(len, a)) / 16000, abs=0.1)
            assert len(decode_message(await receive(third)).frames) == 50
            done = {"event": "playback", "req_id": second.request_id, "state": "ended"}
            await two.send_str(json.dumps(done))
            status, answer = await say(
                client, url, text="Only you.", connection_id=second.connection_id
            )
            assert status == 200
            assert answer["connection_ids"] == [second.connection_id]
            assert (await utterance(two))[0].request_id == answer["req_id"]
            with pytest.raises(TimeoutError):
                await receive(one, 0.2)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"hello", "a text is sent as JSON"),
        (b"\xff\xfe", "a text is sent as JSON"),
        (b"[" * 50000, "not JSON"),
        (b'["text"]', "not an object"),
        (b"{}", '"text" is missing'),
        (b'{"text": 5}', '"text" is missing'),
        (b'{"text": "  "}', '"text" is missing'),
        (json.dumps({"text": "x" * 20001}).encode(), "20001 characters"),
        (b'{"text": "x", "interrupt": 1}', '"interrupt" is neither'),
        (b'{"text": "x", "interupt": true}', '"interupt" is unknown; did you mean interrupt?'),
        (b'{"text": "x", "q": 1}', '"q" is unknown; known are text, interrupt, connection_id'),
        (b'{"text": "x", "connection_id": 1}', '"connection_id" is not a string'),
        (json.dumps({"text": "x" * 70000}).encode(), "exceeds 65536 bytes"),
    ],
)
def test_a_bad_say_is_answered_with_what_is_wrong(body, reason):
    async def story():
        async with (
            endpoint() as (url, client),
            client.post(f"{url}/say", data=body) as response,
        ):
            assert response.status == 400
            assert reason in (await response.json())["error"]

    asyncio.run(story())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-8"])
def test_json_is_taken_in_every_form_of_unicode(encoding):
    async def story():
        body = ' {"text": "Grüße."}'.encode(encoding)
        headers = {"Content-Type": "application/json; charset=utf-8"}
        async with endpoint() as (url, client):
            socket = await kiosk(client, url)
            async with client.post(f"{url}/say", data=body, headers=headers) as response:
                assert response.status == 200
            await utterance(socket)

    asyncio.run(story())


def test_say_without_a_kiosk_and_with_a_full_queue_is_refused(reports_decide):
    async def story():
        async with endpoint() as (url, client):
            status, answer = await say(client, url, text="Hello.")
            assert status == 503
            assert "no kiosk is connected" in answer["error"]
            socket = await kiosk(client, url)
            while (await say(client, url, text="First."))[0] != 200:
                pass
            await utterance(socket)  # being played: nothing reports its end
            statuses = [(await say(client, url, text="Next."))[0] for _ in range(17)]
            assert statuses == [200] * 16 + [503]

    asyncio.run(story())


@pytest.mark.parametrize(
    "start",
    ["hello", "[]", '{"action": "state"}', '{"action": "start", "sample_rate": 11025}', b"x"],
)
def test_a_relay_connection_must_begin_with_a_good_start(start):
    async def story():
        async with endpoint() as (url, client):
            socket = await client.ws_connect(f"{url}/relay")
            await (socket.send_str(start) if isinstance(start, str) else socket.send_bytes(start))
            error = decode_frame(await receive(socket))
            assert isinstance(error, ErrorFrame)
            assert error.code == 3
            assert (await socket.receive()).type is WSMsgType.CLOSE
            assert socket.close_code == 4400

    asyncio.run(story())


def test_speech_is_made_on_a_thread_beside_the_loop(monkeypatch):
    threads = {}

    def noting(name, make):
        def noted(*arguments):
            threads[name] = threading.current_thread().name
            return make(*arguments)

        return noted

    for name in ("followed_by", "perform", "_resampled"):
        monkeypatch.setattr(speaker, name, noting(name, getattr(speaker, name)))

    async def story():
        async with endpoint(EndpointSettings(greeting=SENTENCE, speed=40.0)) as (url, client):
            await utterance(await kiosk(client, url, 24000))

    asyncio.run(story())
    assert set(threads) == {"followed_by", "perform", "_resampled"}
    assert all(thread.startswith("speaker") for thread in threads.values()), threads


def test_the_command_line_says_what_is_wrong(capsys, tmp_path):
    assert main(["--voice", "xx-none", "--port", "0"]) == 1
    assert main(["--retarget", str(tmp_path / "absent.json"), "--port", "0"]) == 1
    assert main(["--host", "192.0.2.1", "--port", "0"]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 3
    assert "xx-none" in errors[0]
    assert "absent.json" in errors[1]
    assert "192.0.2.1" in errors[2]
    assert "make run ENDPOINT_PORT=" in errors[2], "what a newcomer has typed"
    with pytest.raises(SystemExit):
        main(["--port", "70000"])
    assert "65535" in capsys.readouterr().err


def test_the_process_says_where_it_listens_and_ends_on_sigterm(root):
    process = subprocess.Popen(
        [sys.executable, "-m", "driving_client.endpoint", "--port", "0"],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:")
        assert not line.strip().endswith(":0")
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in out + err
