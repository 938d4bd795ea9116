# SPDX-License-Identifier: Apache-2.0
"""The recording's words on rendered faces: the pixels of the mouth follow the controls."""

import importlib.util
import sys
from dataclasses import replace

import numpy as np
import pytest
from made_up.plugin import LAM_NAMES, MADE_UP

from driving_client.retarget import load_retarget
from driving_client.wire.recording import read_recording
from splat_gles.bundle import write_bundle

RETARGET = load_retarget()
OPEN = 0


@pytest.fixture(params=LAM_NAMES)
def bundle(request, lam_bundle):
    return lam_bundle(request.param)


@pytest.fixture(scope="module")
def sheet_tool(root):
    spec = importlib.util.spec_from_file_location(
        "retarget_sheet", root / "scripts/retarget_sheet.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def cells(tool, bundle, frames):
    options = type("Options", (), {"avatar": bundle, "zoom": 0.1})
    return np.stack(tool.draw_cells(options, RETARGET, list(frames))).astype(float)


def test_the_mouths_pixels_follow_the_opening(clips, lam_bundle, sheet_tool):
    recording = read_recording(clips.long)
    frames = recording.utterance().motion_frames()[10:490:12]
    opening = np.array([RETARGET.arkit(frame)[24] for frame in frames])  # jawOpen
    assert opening.max() > 0.3
    for name in LAM_NAMES[1:] if clips.real else LAM_NAMES[:1]:
        closed = cells(sheet_tool, lam_bundle(name), [RETARGET.frame(np.zeros(6, np.float32))])
        seen = cells(sheet_tool, lam_bundle(name), frames)
        changed = np.abs(seen - closed).mean(axis=(1, 2, 3))
        assert np.corrcoef(changed, opening)[0, 1] > 0.8, name


def test_lips_are_shut_in_silence_and_at_p_b_m(bundle, sheet_tool):
    controls = np.zeros((4, 6), np.float32)
    controls[1, OPEN] = 0.9
    controls[2, (OPEN, 3)] = (0.9, 1.0)  # a closure amid an open vowel
    rest, vowel, closure, silence = cells(sheet_tool, bundle, RETARGET.frames(controls))
    assert (rest == silence).all()
    opened = np.abs(vowel - rest).mean()
    assert opened > 3.0
    assert np.abs(closure - rest).mean() < 0.5 * opened


def test_the_sheet_is_written(bundle, sheet_tool, tmp_path, monkeypatch, capsys):
    output = tmp_path / "sheet.png"
    arguments = [str(bundle), "--text", "My baby.", "--count", "8", "-o", str(output)]
    monkeypatch.setattr(sys, "argv", ["retarget_sheet.py", *arguments])
    assert sheet_tool.main() == 0
    assert output.read_bytes().startswith(b"\x89PNG")
    arguments[0] = str(tmp_path / "absent.avatar")
    monkeypatch.setattr(sys, "argv", ["retarget_sheet.py", *arguments])
    assert sheet_tool.main() == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_a_rig_may_have_shapes_that_no_motion_moves(lam_avatar, sheet_tool, tmp_path):
    avatar = lam_avatar(MADE_UP)
    shapes = tuple("dimple" if n == "tongueOut" else n for n in avatar.blendshapes)
    write_bundle(replace(avatar, blendshapes=shapes), tmp_path / "a.avatar", source="a test")
    controls = np.zeros((1, 6), np.float32)
    (drawn,) = cells(sheet_tool, tmp_path / "a.avatar", RETARGET.frames(controls))
    assert drawn.min() < 200.0
