# SPDX-License-Identifier: Apache-2.0
"""The FLAME mapping: forward, back, on the recording, and every way its file can be bad."""

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driving_client.__main__ import main
from driving_client.errors import RetargetError
from driving_client.fitting.fit import fit
from driving_client.fitting.fit_command import read_controls
from driving_client.motion import ARKIT_NAMES, FLAME_SLICES
from driving_client.retarget import (
    CONTROL_NAMES,
    load_retarget,
    parse_retarget,
    write_retarget,
)
from driving_client.wire.recording import read_recording

RETARGET = load_retarget()
REST = RETARGET.frame(np.zeros(6, np.float32))

controls = st.lists(st.floats(0.0, 1.0, width=32), min_size=6, max_size=6).map(
    lambda values: np.array(values, np.float32)
)


@pytest.fixture
def recording(clips):
    return read_recording(clips.long)


@pytest.fixture
def targets(clips):
    return read_controls(clips.controls)


@given(controls)
def test_a_frame_made_from_controls_gives_the_controls_back(wanted):
    frame = RETARGET.frame(wanted)
    assert np.abs(RETARGET.controls(frame) - wanted).max() < 1e-3


@given(controls)
def test_frames_that_are_made_have_the_vendors_magnitudes(wanted):
    frame = RETARGET.frame(wanted)
    assert np.abs(frame[FLAME_SLICES["expression"]]).max() < 8.0
    jaw = frame[FLAME_SLICES["jaw_pose"].start]
    assert 0.0 <= jaw <= 0.07


def test_the_jaw_follows_the_opening():
    opened = RETARGET.frame(np.array([1, 0, 0, 0, 0, 0], np.float32))
    assert opened[9] - REST[9] > 0.04


def test_rest_is_a_closed_mouth_and_open_eyes():
    weights = RETARGET.arkit(REST)[:52]
    assert weights.max() < 0.02


@given(st.lists(st.floats(-8.0, 8.0, width=32), min_size=120, max_size=120))
def test_weights_stay_between_0_and_1_whatever_comes(values):
    weights = RETARGET.arkit(np.array(values, np.float32))[:52]
    assert (weights >= 0.0).all()
    assert (weights <= 1.0).all()


def weight(frame, name):
    return RETARGET.arkit(frame)[ARKIT_NAMES.index(name)]


def test_a_closure_shuts_an_open_mouth():
    vowel = RETARGET.frame(np.array([0.9, 0, 0, 0, 0, 0], np.float32))
    closed = RETARGET.frame(np.array([0.9, 0, 0, 1, 0, 0], np.float32))
    assert weight(vowel, "jawOpen") > 0.5
    # What is left of the jaw is taken up by mouthClose: the lips touch.
    assert weight(closed, "jawOpen") - weight(closed, "mouthClose") < 0.02
    assert weight(closed, "mouthPressLeft") > 0.2


def test_gaze_and_lids_go_by_gains_after_the_rest_is_subtracted():
    frame = REST.copy()
    frame[FLAME_SLICES["eye_pose"]] += np.radians([0, 25, 0, 0, 25, 0]).astype(np.float32)
    frame[FLAME_SLICES["eye_lid"]] += (1.0, 0.5)
    assert weight(frame, "eyeLookOutLeft") == pytest.approx(1.0, abs=1e-3)
    assert weight(frame, "eyeLookInRight") == pytest.approx(1.0, abs=1e-3)
    assert weight(frame, "eyeLookInLeft") == 0.0
    assert weight(frame, "eyeBlinkLeft") == pytest.approx(1.0, abs=1e-3)
    assert weight(frame, "eyeBlinkRight") == pytest.approx(0.5, abs=1e-3)


def test_neck_and_head_pass_through_in_radians_less_the_streams_constant_rotation():
    frame = REST.copy()
    frame[FLAME_SLICES["neck_pose"]] = (0.1, -0.05, 0.02)
    frame[FLAME_SLICES["rotation"]] += (0.09, 0.016, 0.018)
    assert RETARGET.arkit(frame)[52:] == pytest.approx([0.19, -0.034, 0.038], abs=1e-6)
    same_stream = RETARGET.for_stream(frame)
    assert same_stream.arkit(frame)[52:] == pytest.approx([0.1, -0.05, 0.02], abs=1e-6)


def test_another_streams_neutral_face_does_not_look_like_a_bitten_lip(clips, recording):
    other = read_recording(clips.short)
    frames = other.utterance().motion_frames()

    def mean_controls(retarget):
        return np.mean([retarget.controls(frame) for frame in frames], axis=0)

    assert mean_controls(RETARGET)[4] > 0.9
    for known in (frames[0], frames[:50]):
        adapted = mean_controls(RETARGET.for_stream(known))
        assert adapted[4] < 0.2
        assert 0.15 < adapted[0] < 0.45
    # The fit's own recording keeps its mapping, whichever two seconds it is told from.
    own = recording.utterance().motion_frames()
    for start in range(0, 450, 50):
        assert (RETARGET.for_stream(own[start : start + 50]).bias == RETARGET.bias).all()


@given(controls)
def test_streams_made_here_are_left_alone(wanted):
    made = RETARGET.frame(wanted)
    assert np.abs(RETARGET.for_stream(made).controls(made) - wanted).max() < 1e-3


def test_the_recordings_mouth_follows_its_words(recording, targets):
    frames = recording.utterance().motion_frames()
    heard = np.stack([RETARGET.controls(frame) for frame in frames])[:-3]
    wanted = targets[3:]
    r = {name: np.corrcoef(heard[:, i], wanted[:, i])[0, 1] for i, name in enumerate(CONTROL_NAMES)}
    # On the material of the fit itself; the honest, cross-validated ones are checked below.
    assert r["open"] > 0.7
    assert r["fv"] > 0.8
    # Full travel: as much movement as the controls have.
    assert heard.std(axis=0) == pytest.approx(wanted.std(axis=0), rel=0.15)


def test_silence_in_the_recording_closes_the_lips(recording):
    samples = recording.audio[: 507 * 640].reshape(507, 640).astype(np.float64) / 32768
    level = 20 * np.log10(np.sqrt((samples**2).mean(axis=1)) + 1e-6)[3:]
    frames = recording.utterance().motion_frames()[:-3]
    opening = np.array([RETARGET.controls(frame)[0] for frame in frames])
    assert opening[level < -45].mean() < 0.4 * opening[level > -30].mean()


def test_the_fit_can_be_repeated_and_finds_the_lag(clips, tmp_path, capsys):
    made = tmp_path / "fit.json"
    assert (
        main(
            [
                "fit",
                str(clips.long),
                "--controls",
                str(clips.controls),
                "-o",
                str(made),
            ]
        )
        == 0
    )
    provenance = load_retarget(made).provenance
    assert provenance["lag_frames"] == 3
    assert provenance["cross_validated_r"]["open"] > 0.55
    if clips.real:  # what the packaged mapping was fitted on
        assert provenance["cross_validated_r"] == RETARGET.provenance["cross_validated_r"]
        assert load_retarget(made).weights == pytest.approx(RETARGET.weights, abs=1e-6)
    assert "close" in capsys.readouterr().out


def test_recordings_alone_are_enough_the_speech_model_listens(clips, tmp_path, capsys):
    long, short = clips.long, clips.short
    made = tmp_path / "fit.json"
    assert main(["fit", str(long), "-o", str(made)]) == 0
    provenance = load_retarget(made).provenance
    assert provenance["lag_frames"] == 3
    assert provenance["controls"] == "the speech model"
    assert provenance["cross_validated_r"]["open"] > 0.5
    assert main(["fit", str(long), str(short), "--lag", "3", "-o", str(made)]) == 0
    provenance = load_retarget(made).provenance
    assert [each["recording"] for each in provenance["recordings"]] == [long.name, short.name]
    assert provenance["frames"] == 507 + 92 - 2 * 3
    assert "frames" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["fit", str(long), str(short), "--controls", str(long), "-o", str(made)])


def test_bad_material_is_refused_with_a_reason():
    random = np.random.default_rng(0)
    motion = random.normal(size=(300, 120)).astype(np.float32)
    goals = random.random((300, 6)).astype(np.float32)
    for bad_motion, bad_goals, reason in (
        (motion[:, :100], goals, "120"),
        (motion, goals[:, :5], "rows of"),
        (motion[:100], goals, "too few"),
        (np.where(motion > 3, np.nan, motion), goals, "NaN"),
        (motion, goals * [1, 0, 1, 1, 1, 1], "wide never move"),
    ):
        with pytest.raises(RetargetError, match=reason):
            fit([(bad_motion.astype(np.float32), bad_goals.astype(np.float32))])


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    missing = tmp_path / "absent.json"
    command = ["fit", str(missing), "--controls", str(missing), "-o", str(tmp_path / "o.json")]
    assert main(command) == 1
    assert main(["provenance", str(missing)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("error: ") and "absent.json" in line for line in lines)


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"not json",
        b'{"fps": 25}',
        b'{"fps": 30, "names": ["open"], "frames": [[1]]}',
        b'{"fps": 25, "names": ["open"], "frames": [["x"]]}',
    ],
)
def test_a_bad_controls_file_is_named(tmp_path, content):
    path = tmp_path / "controls.json"
    path.write_bytes(content)
    with pytest.raises(RetargetError, match=r"controls\.json"):
        read_controls(path)


@pytest.fixture
def document(tmp_path):
    path = tmp_path / "good.json"
    write_retarget(RETARGET, path)
    return json.loads(path.read_text())


def signed(document):
    content = {key: value for key, value in document.items() if key != "sha256"}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return json.dumps({**content, "sha256": digest}).encode()


def test_a_written_file_reads_back_the_same(document):
    again = parse_retarget(json.dumps(document).encode(), "x")
    assert again.weights == pytest.approx(RETARGET.weights)
    assert again.provenance == RETARGET.provenance


@pytest.mark.parametrize("size", [0, 1, 100, 5000, -1, -50])
def test_a_truncated_file_is_refused(document, size):
    with pytest.raises(RetargetError, match="x:"):
        parse_retarget(json.dumps(document).encode()[: size or None] if size else b"", "x")


def test_every_flipped_digit_is_noticed(document):
    data = bytearray(json.dumps(document).encode())
    rng = np.random.default_rng(1)
    digits = [i for i, byte in enumerate(data) if byte in b"123456789"]
    for index in rng.choice(digits, 60, replace=False):
        flipped = data.copy()
        flipped[index] ^= 1
        if flipped[index] == ord("0") and chr(data[index - 1]) in "-:[,":
            continue
        with pytest.raises(RetargetError, match="x: "):
            parse_retarget(bytes(flipped), "x")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": 3}, "version 3"),
        ({"version": 2}, "shapes"),
        ({"format": "other"}, "not a retarget file"),
        ({"weights": [[0.0]]}, "weights"),
        ({"bias": ["a"] * 6}, "wrong shape"),
        ({"bias": [float("nan")] * 6}, "bias"),
        ({"controls": ["open"]}, "controls"),
        ({"curves": []}, "curves"),
        ({"curves": [{"predicted": [0, 1], "control": [0, 0.5]}] * 6}, "from 0 to 1"),
        ({"curves": [{"predicted": [1, 0], "control": [0, 1]}] * 6}, "rise strictly"),
        ({"rest": {}}, "rotation"),
        ({"gains": {"jaw": None}}, "wrong shape"),
        ({"inverse": None}, "inverse"),
        ({"spread": [1.0]}, "spread"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(document, change, reason):
    with pytest.raises(RetargetError, match=reason):
        parse_retarget(signed({**document, **change}), "x")


def test_an_oversized_or_absent_file_is_refused(tmp_path):
    large = tmp_path / "large.json"
    large.write_bytes(b" " * ((1 << 20) + 1))
    with pytest.raises(RetargetError, match=r"large\.json: .*larger"):
        load_retarget(large)
    with pytest.raises(RetargetError, match="cannot be read"):
        load_retarget(tmp_path)


def test_frames_and_controls_of_the_wrong_shape_are_refused():
    with pytest.raises(RetargetError, match="120"):
        RETARGET.arkit(np.zeros(55, np.float32))
    with pytest.raises(RetargetError, match="mouth controls"):
        RETARGET.frame(np.zeros(5, np.float32))
    with pytest.raises(RetargetError, match="finite"):
        RETARGET.frame(np.full(6, np.nan, np.float32))
