# SPDX-License-Identifier: Apache-2.0
"""The breath before longer speech: where a voice waits, and only there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from player_stage import FRAME_S, RATE, Stage, flame, jaw_of
from ready_settings import STILL, ready_idle, ready_playback

from driving_client.link.interface import UtteranceStarted
from driving_client.motion_failure import MotionFailure
from driving_client.utterance import Utterance
from kioskd.life.settings import IdleSettings
from kioskd.playback import performance

BREATHING = ready_idle(blinks_per_minute=0.0, gaze_degrees=0.0, seed=5)


def voice(seconds: float, *, ended: bool) -> Utterance:
    """What has come of it; motion has not."""
    utterance = Utterance("a", RATE)
    utterance.append_audio(np.ones(round(seconds * RATE), np.int16))
    if ended:
        utterance.end_audio()
    return utterance


def waits_and_speaks(utterance: Utterance, idle: IdleSettings = BREATHING) -> Stage:
    """A second of rest, 0.25 s of waiting, then motion with a shut mouth."""
    stage = Stage(ready_playback(idle=idle))
    stage.run(1.0)
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(0.25)
    assert not stage.sound.started
    utterance.append_motion(flame(6.0, jaw=0.0))
    stage.run(3.0)
    return stage


def lifted(stage: Stage, other: Stage) -> np.ndarray:
    """How far the neck leans more than the other's, frame by frame."""
    return np.array(
        [
            p.rotations[1, 0] - q.rotations[1, 0]
            for p, q in zip(stage.poses, other.poses, strict=True)
        ]
    )


def streamed() -> Utterance:
    """Nobody knows yet how long it will be."""
    return voice(5.0, ended=False)


def known() -> Utterance:
    return voice(5.0, ended=True)


@pytest.mark.parametrize("long", [streamed, known])
def test_who_is_about_to_speak_at_length_breathes_in_with_parted_lips(
    long: Callable[[], Utterance], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = waits_and_speaks(long())
    monkeypatch.setattr(performance, "wants_breath", lambda _utterance: False)
    other = waits_and_speaks(long())
    jaws = np.array([jaw_of(pose) for pose in stage.poses])
    waiting = slice(round(1.0 / FRAME_S), round(1.25 / FRAME_S))
    assert not jaws[: waiting.start].any()
    assert (np.diff(jaws[waiting]) >= 0).all()
    assert 0.04 < jaws[waiting.stop - 1] < 0.08
    assert not jaws[waiting.stop + round(0.15 / FRAME_S) :].any(), "the speech's mouth is shut"
    chest = lifted(stage, other)
    full = int(chest.argmax())
    assert waiting.stop - 2 <= full < waiting.stop + round(0.1 / FRAME_S)
    assert np.degrees(chest[full]) == pytest.approx(1.2, abs=0.3)
    assert chest[full + round(1.0 / FRAME_S)] > 0.3 * chest[full], "it is spent on the speech"
    assert chest[-1] == pytest.approx(0, abs=1e-6)


def test_nobody_breathes_in_for_a_word() -> None:
    stage = waits_and_speaks(voice(1.0, ended=True))
    assert not any(jaw_of(pose) for pose in stage.poses)


def test_a_voice_that_need_not_wait_is_not_held_back() -> None:
    stage = Stage(ready_playback(idle=BREATHING))
    utterance = voice(5.0, ended=True)
    utterance.fail_motion(MotionFailure.NO_ENDPOINT)
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(2 * FRAME_S)
    assert stage.sound.started


def test_a_face_without_a_life_of_its_own_parts_its_lips_only() -> None:
    stage = waits_and_speaks(voice(5.0, ended=True), STILL)
    assert max(jaw_of(pose) for pose in stage.poses) > 0.04
    assert not any(pose.rotations.any() for pose in stage.poses)
