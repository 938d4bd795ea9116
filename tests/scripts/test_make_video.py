# SPDX-License-Identifier: Apache-2.0
"""Films of an avatar: what is heard is said where the mouth moves, and mistakes are told."""

from __future__ import annotations

import json
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest

import make_video
from alive_bench.stage import Said
from driving_client.voices.speech import Speech
from splat_gles.bundle import read_bundle


@pytest.fixture(scope="module")
def light(root: Path) -> Path:
    return root / "config/avatars/default-20k.avatar"


def streams(path: Path) -> dict[str, dict[str, str]]:
    told = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "stream", "-of", "json", str(path)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return {stream["codec_type"]: stream for stream in json.loads(told)["streams"]}


def test_a_film_of_speech_has_picture_and_sound_of_one_length(light: Path, tmp_path: Path) -> None:
    film = tmp_path / "new folder" / "hi.mp4"
    assert make_video.main([str(light), "--text", "Hi.", "--size", "90x160", "-o", str(film)]) == 0
    found = streams(film)
    assert (found["video"]["width"], found["video"]["height"]) == (90, 160)
    assert float(found["audio"]["duration"]) == pytest.approx(
        float(found["video"]["duration"]), abs=0.1
    )


def test_a_moving_picture_has_no_sound(light: Path, tmp_path: Path) -> None:
    picture = tmp_path / "idle.webp"
    arguments = [str(light), "--state", "idle", "--seconds", "0.5", "--size", "90x160"]
    assert make_video.main([*arguments, "-o", str(picture)]) == 0
    assert picture.read_bytes()[8:12] == b"WEBP"
    assert b"ANMF" in picture.read_bytes(), "it moves"


def test_the_mouth_moves_where_the_voice_is_heard(light: Path) -> None:
    avatar = read_bundle(light)
    frames, said = make_video.play(avatar, "speak", "Papa and mama have a big map.", None, 1)
    jaw = np.array([frame.weights[avatar.blendshapes.index("jawOpen")] for frame in frames])
    times = np.arange(len(frames)) / make_video.RATE
    inside = (times >= said[0].began_s) & (times < said[0].ended_s)
    assert jaw[inside].max() > 0.3
    assert jaw[times < said[0].began_s - 0.3].max() < 0.1


def test_each_voice_lies_in_the_sound_where_it_was_heard(tmp_path: Path) -> None:
    speech = Speech(np.full(100, 7, np.int16), 1000, ())
    path = make_video.write_sound([Said(0.5, speech), Said(1.95, speech)], 2.0, tmp_path / "a.wav")
    assert path is not None
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnframes()) == (1000, 2000)
        samples = np.frombuffer(file.readframes(2000), np.int16)
    assert np.flatnonzero(samples).tolist() == [*range(500, 600), *range(1950, 2000)]
    assert make_video.write_sound([], 2.0, tmp_path / "b.wav") is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-o", "a.avi"], "ends in .mp4 or .webp"),
        (["--state", "idle", "--text", "Hi."], "--text is said by --state speak"),
        (["--seconds", "0"], "more than 0"),
        (["--seconds", "long"], "invalid"),
    ],
)
def test_mistakes_are_told(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        make_video.main(arguments)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_an_avatar_that_is_none_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_video.main([str(tmp_path / "none.avatar"), "-o", str(tmp_path / "a.mp4")]) == 1
    assert "none.avatar" in capsys.readouterr().err
