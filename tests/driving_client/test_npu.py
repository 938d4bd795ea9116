# SPDX-License-Identifier: Apache-2.0
"""The NPU path: used when it is there, right and quicker; every way of failing ends on the CPU."""

import hashlib
import importlib.util
import json
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from rknnlite_double import write_board, write_double

from driving_client.lipsync import npu
from driving_client.lipsync.mouth_net import MODEL_FOLDER, load_net
from driving_client.lipsync.npu import RKNN_MODEL, NpuError, NpuNet, choose_net, hindrance, trial
from driving_client.lipsync.speech_mouth import SpeechMouth
from driving_client.voices.espeak import synthesise

ROOT = Path(__file__).resolve().parents[2]
NOTE = RKNN_MODEL.with_suffix(".json")


@pytest.fixture
def board(tmp_path, monkeypatch):
    """A board with an NPU; the vendor's package is a double in this and every child process."""
    wheel = write_double(tmp_path / "wheel")
    monkeypatch.syspath_prepend(wheel)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(wheel), str(ROOT))))
    monkeypatch.delenv("LIBRKNNRT_PATH", raising=False)

    def forget():
        for name in [name for name in sys.modules if name.split(".")[0] == "rknnlite"]:
            del sys.modules[name]

    forget()
    yield write_board(tmp_path / "board")
    forget()


def test_a_good_npu_is_used_and_moves_the_mouth_as_the_cpu_does(board):
    chosen = choose_net(board)
    assert chosen.backend == "npu", chosen.reason
    assert "agrees with the CPU within 0.001" in chosen.reason
    speech = synthesise("My baby put five maps.")
    by_npu, by_cpu = SpeechMouth(speech.sample_rate, chosen.net), SpeechMouth(speech.sample_rate)
    rows = by_npu.feed(speech.samples)
    assert len(rows) > 20
    assert np.abs(rows - by_cpu.feed(speech.samples)).max() < 0.01


FAILURES = pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("wheel-broken", "cannot open shared object"),
        ("constructor-raises", "libgomp"),
        ("no-model", "load_rknn gave -1"),
        ("no-library", "init_runtime -1"),
        ("old-driver", "init_runtime -1"),
        ("init-raises", "AttributeError"),
        ("inference-none", "inference gave"),
        ("inference-raises", "unexpected"),
        ("empty", "inference gave"),
        ("shape", "inference gave"),
        ("nan", "not controls"),
        ("unsigned", "not controls"),
        ("swapped", "differ from the CPU's by up to"),
        ("slow", "the NPU is slower"),
    ],
)


@FAILURES
def test_every_failure_is_told_and_no_net_is_taken(board, monkeypatch, mode, reason):
    monkeypatch.setenv("RKNNLITE_DOUBLE", mode)
    cpu = load_net()
    with pytest.raises(NpuError, match=re.escape(reason)):
        trial(cpu, NpuNet(cpu))


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("no-library", "init_runtime -1"),
        ("swapped", "differ from the CPU's by up to"),
        ("crash", "SIGSEGV"),
    ],
)
def test_a_failure_in_the_process_that_tries_first_ends_on_the_cpu(
    board, monkeypatch, mode, reason
):
    monkeypatch.setenv("RKNNLITE_DOUBLE", mode)
    chosen = choose_net(board)
    assert chosen.backend == "cpu"
    assert reason in chosen.reason
    mel = np.zeros((66, 40), np.float32)
    assert (chosen.net.window(mel) == load_net().window(mel)).all()


@pytest.mark.parametrize(
    ("program", "reason"),
    [("absent", "FileNotFoundError"), ("true", "IndexError"), ("false", "exit status 1")],
)
def test_a_trial_that_cannot_be_made_or_says_nothing_ends_on_the_cpu(
    board, monkeypatch, tmp_path, program, reason
):
    path = tmp_path / program
    if program != "absent":
        path.symlink_to(f"/bin/{program}")
    monkeypatch.setattr(npu.sys, "executable", str(path))
    chosen = choose_net(board)
    assert chosen.backend == "cpu"
    assert reason in chosen.reason


def test_an_npu_that_fails_only_after_the_process_that_tried_first_ends_on_the_cpu(
    board, monkeypatch
):
    monkeypatch.setattr(npu, "_tried_apart", lambda _: "")
    monkeypatch.setenv("RKNNLITE_DOUBLE", "no-library")
    chosen = choose_net(board)
    assert (chosen.backend, "init_runtime -1" in chosen.reason) == ("cpu", True)


def test_a_library_that_hangs_is_given_up(board, monkeypatch):
    monkeypatch.setenv("RKNNLITE_DOUBLE", "hang")
    chosen = choose_net(board, timeout_s=1.5)
    assert chosen.backend == "cpu"
    assert "timed out after 1.5 seconds" in chosen.reason


def test_an_npu_that_dies_amid_speech_hands_over_to_the_cpu(board, monkeypatch, caplog):
    monkeypatch.setenv("RKNNLITE_DOUBLE", "dies-later")
    chosen = choose_net(board)
    assert chosen.backend == "npu"
    assert isinstance(chosen.net, NpuNet)
    frames = np.random.default_rng(1).normal(0, 1, (200, 66, 40)).astype(np.float32)
    cpu = load_net()
    for mel in frames:
        assert np.abs(chosen.net.window(mel) - cpu.window(mel)).max() < 0.01
    assert "inference gave" in chosen.net.failure
    assert [record.code for record in caplog.records].count("npu_failed") == 1


def test_what_the_files_of_a_board_tell(tmp_path, board, monkeypatch):
    assert hindrance(board) == ""
    assert hindrance(tmp_path) == "no NPU with the driver rknpu"
    (tmp_path / "sys/bus/platform/drivers/rocket").mkdir(parents=True)
    assert "rocket" in hindrance(tmp_path)
    (board / "usr/lib/librknnrt.so").write_bytes(b"")  # where the vendor's is mounted over
    assert "librknnrt.so is missing" in hindrance(board)
    (board / "usr/lib/librknnrt.so").unlink()
    assert "librknnrt.so is missing" in hindrance(board)
    monkeypatch.setenv("LIBRKNNRT_PATH", __file__)
    assert hindrance(board) == ""
    monkeypatch.setattr(npu, "RKNN_MODEL", tmp_path / "mouth.rknn")
    assert hindrance(board) == "the model mouth.rknn is not installed"


@pytest.mark.skipif(
    importlib.util.find_spec("rknnlite") is not None, reason="the vendor's package is installed"
)
def test_without_the_wheel_the_reason_names_it(tmp_path, monkeypatch):
    monkeypatch.delenv("LIBRKNNRT_PATH", raising=False)
    root = write_board(tmp_path)
    (root / "dev").mkdir()
    assert "rknn-toolkit-lite2" in hindrance(root)
    chosen = choose_net(root)
    assert (chosen.backend, chosen.reason) == ("cpu", hindrance(root))


def test_the_file_is_small():
    """One reason to exist, read in one go."""
    assert len(Path(npu.__file__).read_text().splitlines()) <= 150


def trailer_of(data: bytes) -> dict:
    """The JSON object that an .rknn ends with."""
    start = data.rindex(b'{"connection"')
    return json.loads(data[start : data.rindex(b"}") + 1])


def test_the_shipped_rknn_is_for_this_chip_and_this_model():
    data, note = RKNN_MODEL.read_bytes(), json.loads(NOTE.read_text())
    assert data[:4] == b"RKNN"
    trailer = trailer_of(data)
    assert trailer["target_platform"] == ["rk3576"]
    tensors = {each["url"]: each["size"] for each in trailer["norm_tensor"]}
    assert tensors == {"mel": [1, 40, 1, 66], "controls": [1, 6, 1, 2]}
    assert trailer["version"] == "2.5.0"
    assert note["sha256"] == hashlib.sha256(data).hexdigest()
    onnx = hashlib.sha256((MODEL_FOLDER / "mouth.onnx").read_bytes()).hexdigest()
    assert note["onnx_sha256"] == onnx, "the model is newer: run `make convert-npu SHIP=1`"
    assert max(note["largest_differences"].values()) < 0.005


def test_the_models_files_stay_under_a_megabyte():
    assert sum(path.stat().st_size for path in MODEL_FOLDER.iterdir()) < 1_000_000


@pytest.mark.skipif(
    not (ROOT / "out/npu-venv/stamp").is_file(),
    reason="no converter; `make convert-npu` makes its environment of 1.5 GB and runs the same",
)
def test_the_simulator_computes_what_onnx_and_numpy_do(tmp_path):
    from scripts.convert_npu import convert

    found = convert(tmp_path)
    assert found["windows"] > 80
    for pair in ("simulator_to_onnx", "simulator_to_numpy", "onnx_to_numpy"):
        assert found[pair] < 0.005
    made = (tmp_path / RKNN_MODEL.name).read_bytes()
    assert trailer_of(made)["target_platform"] == ["rk3576"]
