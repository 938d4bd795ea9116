# SPDX-License-Identifier: Apache-2.0
"""Recordings of the wire and the command that shows them."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_up.plugin import Clips
from scripted_endpoint import ramp

from driving_client.__main__ import main
from driving_client.errors import RecordingError
from driving_client.motion import FLAME_SLICES
from driving_client.wire.codec import Animation, Pause, encode_message
from driving_client.wire.recording import read_recording


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def wire_document(**changes: object) -> dict[str, object]:
    voice = np.arange(16000, dtype="<i2").tobytes()
    messages = [Animation("r", ramp(10)), Pause("r"), Animation("r", ramp(15, 10), end=True)]
    return {
        "sample_rate": 16000,
        "audio_base64": base64_of(voice),
        "req_id": "r",
        "animation_messages_base64": [base64_of(encode_message(m)) for m in messages],
        **changes,
    }


def keyframe_document(count: int = 5) -> dict[str, object]:
    keyframe = {"jawPose": [0.1, 0, 0], "expression": [0.5] * 100, "neckPose": None}
    return {"reqId": "k", "keyframes": [keyframe] * count}


def written(path: Path, document: object) -> Path:
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_a_recording_of_the_wire_becomes_an_utterance(tmp_path: Path) -> None:
    recording = read_recording(written(tmp_path / "a.json", wire_document()))
    assert len(recording.messages) == 2
    utterance = recording.utterance(0.12)
    assert utterance.request_id == "r"
    assert utterance.audio_seconds == 1.0
    assert (utterance.motion_frames() == ramp(25)).all()
    assert utterance.audio_ended
    assert utterance.motion_ended
    sample = utterance.motion_at(0.12 + 0.4)
    assert sample is not None
    assert sample.values[0] == pytest.approx(0.01)


def test_keyframes_have_their_voice_beside_them(tmp_path: Path) -> None:
    path = written(tmp_path / "b[1].json", keyframe_document())
    (tmp_path / "b[1]_24k.pcm").write_bytes(bytes(4800))
    recording = read_recording(path)
    assert (recording.sample_rate, len(recording.audio)) == (24000, 2400)
    assert recording.messages[0].frames.shape == (5, 120)
    jaw = recording.messages[0].frames[:, FLAME_SLICES["jaw_pose"]]
    assert jaw[:, 0] == pytest.approx(0.1)


def test_keyframes_without_a_voice_are_silent(tmp_path: Path) -> None:
    recording = read_recording(written(tmp_path / "c.json", keyframe_document(50)))
    assert len(recording.audio) == 2 * recording.sample_rate
    assert not recording.audio.any()


BAD_RECORDINGS = {
    "no JSON": "{",
    "a list": [],
    "neither form": {"names": []},
    "messages that are not a list": wire_document(animation_messages_base64="x"),
    "a message that is not text": wire_document(animation_messages_base64=[7]),
    "a message that is not base64": wire_document(animation_messages_base64=["!!"]),
    "a message that is damaged": wire_document(animation_messages_base64=["CAU="]),
    "no voice": wire_document(audio_base64=None),
    "half a sample": wire_document(audio_base64=base64_of(b"abc")),
    "no rate": wire_document(sample_rate=None),
    "another rate": wire_document(sample_rate=12345),
    "eleven minutes": wire_document(
        sample_rate=8000, audio_base64=base64_of(bytes(2 * 8000 * 660))
    ),
    "keyframes that are not objects": {"keyframes": [1]},
    "keyframes of words": {"keyframes": [{"jawPose": ["a", "b", "c"]}]},
    "a keyframe that is a number": {"keyframes": [{"jawPose": 0.5}]},
    "too many keyframes": {"keyframes": [{}] * 6001},
}


@pytest.mark.parametrize("document", BAD_RECORDINGS.values(), ids=BAD_RECORDINGS)
def test_a_bad_recording_is_refused_by_name(
    document: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "bad.json", document)
    with pytest.raises(RecordingError, match=r"bad\.json"):
        read_recording(path)
    assert main(["decode", str(path)]) == 1
    assert capsys.readouterr().err.startswith("error: recording ")


def test_files_that_are_not_there_or_no_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (tmp_path / "missing.json", tmp_path):
        assert main(["decode", str(path)]) == 1
        assert capsys.readouterr().err.startswith(f"error: recording {path}")


def test_decode_prints_what_recordings_hold(
    clips: Clips, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["decode", str(clips.long)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "audio: 20.30 s at 16000 Hz, mono s16le" in lines
    assert "motion: 507 keyframes in 6 messages, 20.28 s at 25 frames a second" in lines
    table = [line.split() for line in lines if line[:7].strip().isdigit()]
    assert [int(row[1]) for row in table] == [50, 100, 100, 100, 100, 57]
    assert [row[-1] for row in table] == ["-"] * 5 + ["end"]

    assert main(["decode", str(clips.short)]) == 0
    out = capsys.readouterr().out
    assert "audio: 3.69 s at 24000 Hz" in out
    assert "motion: 92 keyframes in 1 messages" in out


def test_a_full_disk_is_told_in_words(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [
                sys.executable,
                "-m",
                "driving_client",
                "decode",
                str(written(tmp_path / "k.json", keyframe_document(92))),
            ],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert result.returncode == 1
    assert result.stderr.startswith("error: cannot print")
    assert "Traceback" not in result.stderr
