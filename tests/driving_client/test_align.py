# SPDX-License-Identifier: Apache-2.0
"""The offset between motion and audio: found in recordings, and refused where it cannot be told."""

import base64
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driving_client.__main__ import main
from driving_client.fitting.align import Agreement, agreements
from driving_client.fitting.fit_command import heard_controls
from driving_client.retarget import load_retarget
from driving_client.voices.espeak import synthesise
from driving_client.wire.codec import Animation, encode_message
from driving_client.wire.recording import read_recording

RETARGET = load_retarget()
TEXT = (
    "My baby put five maps beneath the blue shoes. Who would have thought of that? "
    "Please wait at the white door, and move away from the window before the show begins."
)


@pytest.fixture(scope="module")
def spoken():
    """Speech of an espeak voice, and the FLAME frames that its own controls make."""
    speech = synthesise(TEXT)

    class Heard:
        audio, sample_rate = speech.samples, speech.sample_rate

    controls = heard_controls(Heard)
    return speech, controls, RETARGET.frames(controls)


def later(frames, shift):
    """Motion that comes `shift` frames early (positive) or late."""
    place = np.clip(np.arange(len(frames)) + shift, 0, len(frames) - 1)
    return frames[place]


@settings(max_examples=12)
@given(st.integers(-15, 15))
def test_any_offset_that_motion_is_given_is_found_again(spoken, shift):
    _, controls, frames = spoken
    ways = agreements(later(frames, shift), controls, RETARGET)
    assert ways[-1].setting_ms == 40 * shift
    assert ways[-1].clear


def test_the_recordings_show_120_ms_and_0(clips, capsys):
    assert main(["align", str(clips.long)]) == 0
    told = capsys.readouterr().out
    assert told.splitlines()[-1] == "endpoint.motion_offset_ms=120"
    assert "confidence: good" in told
    assert "a regression of its own" in told
    assert main(["align", str(clips.short)]) == 0
    told = capsys.readouterr().out
    assert told.splitlines()[-1] == "endpoint.motion_offset_ms=0"
    assert "may be one frame (40 ms) off" in told


def test_parts_of_the_long_recording_agree_within_a_frame(clips):
    recording = read_recording(clips.long)
    frames, controls = recording.utterance().motion_frames(), heard_controls(recording)
    for start in range(0, 400, 100):
        part = slice(start, start + 107)
        best = agreements(frames[part], controls[part], RETARGET)[0]
        assert best.clear
        assert abs(best.best_s - 0.13) < 0.03


def test_motion_of_another_speech_is_not_taken_for_an_answer(clips):
    """The wrong voice agrees nowhere: chance is told from agreement."""
    recording = read_recording(clips.long)
    frames = recording.utterance().motion_frames()
    wrong = 0
    for text in (TEXT, TEXT[::-1], "Counting: " + ", ".join(map(str, range(1, 40)))):
        speech = synthesise(text)

        class Heard:
            audio, sample_rate = speech.samples, speech.sample_rate

        ways = agreements(frames, heard_controls(Heard), RETARGET)
        wrong += all(way.clear for way in ways)
    assert wrong == 0


def recorded(path, audio, frames, rate=16000):
    message = encode_message(Animation("r", frames, end=True, dropped=0))
    path.write_text(
        json.dumps(
            {
                "req_id": "r",
                "sample_rate": rate,
                "audio_base64": base64.b64encode(audio.astype("<i2").tobytes()).decode(),
                "animation_messages_base64": [base64.b64encode(message).decode()],
            }
        )
    )
    return str(path)


def test_too_little_speech_ends_with_an_error(tmp_path, spoken, capsys):
    speech, _, frames = spoken
    rate = speech.sample_rate
    short = recorded(tmp_path / "short.json", speech.samples[: 2 * rate], frames[:50], rate)
    quiet = recorded(tmp_path / "quiet.json", np.zeros(10 * 16000), frames)
    still = recorded(tmp_path / "still.json", speech.samples, np.repeat(frames[:1], 200, 0), rate)
    none = recorded(tmp_path / "none.json", np.zeros(0), frames)
    for path, reason in (
        (short, "s of speech with motion; at least 2 s"),
        (quiet, "only 0.0 s of speech"),
        (still, "never changes"),
        (none, "no motion or no audio"),
        (str(tmp_path / "absent.json"), "cannot be read"),
    ):
        assert main(["align", path]) == 1
        assert reason in capsys.readouterr().err


def test_motion_that_is_noise_ends_with_an_error(tmp_path, spoken, capsys):
    speech, _, frames = spoken
    noise = np.random.default_rng(0).normal(0, 1, frames.shape).astype(np.float32) * 0.3
    path = recorded(tmp_path / "noise.json", speech.samples, noise, speech.sample_rate)
    assert main(["align", path]) == 1
    assert "do not agree clearly" in capsys.readouterr().err


def test_the_setting_is_a_whole_frame_and_none_until_the_peak_is_clearly_away():
    def at(seconds):
        return Agreement("x", (0.0,), (1.0,), seconds, 0.0, 0.1).setting_ms

    assert [at(s) for s in (0.0, 0.029, 0.031, 0.135, -0.022, -0.07)] == [0, 0, 40, 120, 0, -80]


def test_a_face_that_the_packaged_mapping_does_not_know_is_measured_by_its_own(spoken):
    """Motion whose expressions mean something else: turned by a random rotation."""
    _, controls, frames = spoken
    controls, frames = np.tile(controls, (2, 1)), np.tile(frames, (2, 1))
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(50, 50)))[0].astype(np.float32)
    other = frames.copy()
    other[:, 20:70] = frames[:, 20:70] @ turn
    other[:, 9] = 0.0
    ways = agreements(later(other, 5), controls, RETARGET)
    assert ways[0].way == "a regression of its own"
    assert ways[0].setting_ms == 200
    assert ways[0].clear
