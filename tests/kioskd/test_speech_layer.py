# SPDX-License-Identifier: Apache-2.0
"""Head, brows and cheeks under speech that leaves them still, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from player_stage import FRAME_S, RATE, Stage, flame, jaw_of, small_avatar
from voiced_sounds import SYLLABLE_S, babble, music, noise

from driving_client.link.interface import UtteranceStarted
from driving_client.motion import ARKIT_NAMES, ParameterSpace
from driving_client.motion_failure import MotionFailure
from driving_client.utterance import Samples, Utterance
from splat_gles.avatar import Clip
from splat_gles.rig import RigParameters

BROWS = [i for i, name in enumerate(ARKIT_NAMES) if name.startswith("brow")]
CHEEKS = [i for i, n in enumerate(ARKIT_NAMES) if n.startswith(("cheekSquint", "eyeSquint"))]
SMILE = ARKIT_NAMES.index("mouthSmileLeft")
STRESSED = tuple(range(2, 40, 4))


def voice(seconds: float = 6.0) -> Samples:
    return babble(seconds, RATE, stressed=STRESSED)


def streamed(
    motion: np.ndarray | None,
    samples: Samples | None = None,
    *,
    name: str = "a",
    space: ParameterSpace = ParameterSpace.FLAME,
    ended: bool = True,
) -> Utterance:
    """A voice with this motion, or with none at all."""
    utterance = Utterance(name, RATE, space=space)
    utterance.append_audio(voice() if samples is None else samples)
    utterance.end_audio()
    if motion is None:
        utterance.fail_motion(MotionFailure.NO_ENDPOINT)
        return utterance
    utterance.append_motion(motion)
    if ended:
        utterance.end_motion()
    return utterance


def turned(seconds: float, column: int, turns: np.ndarray | float) -> np.ndarray:
    motion = flame(seconds)
    motion[:, column] = turns
    return motion


def arkit(seconds: float, **columns: np.ndarray | float) -> np.ndarray:
    motion = np.zeros((round(seconds * 25), 55), np.float32)
    for name, values in columns.items():
        motion[:, ARKIT_NAMES.index(name)] = values
    return motion


def heads(poses: list[RigParameters]) -> np.ndarray:
    """Degrees of neck and head together, shape (n, 3)."""
    return np.degrees([pose.rotations[1] + pose.rotations[2] for pose in poses])


def weights(poses: list[RigParameters], places: list[int]) -> np.ndarray:
    return np.array([pose.weights[places] for pose in poses])


def shown(utterance: Utterance, seconds: float = 6.0) -> list[RigParameters]:
    stage = Stage()
    stage.player.on_event(UtteranceStarted(utterance))
    return stage.run(seconds)


def assert_smooth(stage: Stage) -> None:
    """No faster than people, 120 degrees a second, and no kink of more than 35 in a frame."""
    steps = np.diff(heads(stage.poses), axis=0) / FRAME_S
    assert np.abs(steps).max() < 120
    assert np.abs(np.diff(steps, axis=0)).max() < 35
    assert np.abs(np.diff(weights(stage.poses, BROWS), axis=0)).max() < 0.12


@pytest.mark.parametrize(
    "motion",
    [None, flame(6.0), turned(6.0, 3, 0.2), turned(6.0, 7, -0.1), flame(6.0, jaw=0.0)],
    ids=["lips from the sound", "zero", "constant rotation", "constant neck", "zeros alone"],
)
def test_what_leaves_the_head_still_nods_and_raises_its_brows(motion: np.ndarray | None) -> None:
    poses = shown(streamed(motion))
    turn = heads(poses)
    assert (turn[30:].std(axis=0) > [0.4, 0.3, 0.2]).all()
    assert weights(poses, BROWS).max() > 0.15


def test_every_source_of_motion_gets_the_same() -> None:
    by_text, by_sound = shown(streamed(flame(6.0))), shown(streamed(None))
    assert heads(by_text) == pytest.approx(heads(by_sound), abs=0.02)
    assert weights(by_text, BROWS) == pytest.approx(weights(by_sound, BROWS), abs=1e-3)


def test_mouth_eyes_and_body_stay_as_they_are() -> None:
    bare = Utterance("a", RATE)
    bare.append_audio(np.zeros(6 * RATE, np.int16))
    bare.end_audio()
    bare.append_motion(flame(6.0))
    bare.end_motion()
    kept = [i for i in range(52) if i not in {*BROWS, *CHEEKS}]
    kept = [i for i in kept if not ARKIT_NAMES[i].startswith("eyeLook")]
    mine, other = shown(streamed(flame(6.0))), shown(bare)
    assert weights(mine, kept) == pytest.approx(weights(other, kept), abs=1e-6)
    assert not any(pose.rotations[0].any() for pose in mine)
    assert jaw_of(mine[-30]) == pytest.approx(0.8)


def test_a_voice_that_is_silent_moves_nothing() -> None:
    poses = shown(streamed(flame(6.0), np.zeros(6 * RATE, np.int16)))
    assert not heads(poses).any()
    assert not weights(poses, BROWS + CHEEKS).any()


@pytest.mark.parametrize("sound", [noise(12.0, RATE), music(12.0, RATE)], ids=["noise", "music"])
def test_what_is_no_voice_makes_nobody_nod_wildly(sound: Samples) -> None:
    spoken = heads(shown(streamed(None, voice(12.0)), 12.0)).std(axis=0)
    heard = heads(shown(streamed(None, sound), 12.0)).std(axis=0)
    assert np.linalg.norm(heard) < 1.3 * np.linalg.norm(spoken)
    assert heard.max() < 1.3 * spoken.max()


def test_after_the_voice_the_face_comes_to_rest_smoothly() -> None:
    stage = Stage()
    stage.player.on_event(UtteranceStarted(streamed(flame(6.0))))
    stage.run(8.0)
    assert not heads(stage.poses[-20:]).any()
    assert not weights(stage.poses[-20:], BROWS).any()
    assert_smooth(stage)


def test_a_stream_that_moves_its_head_keeps_it_and_gets_brows() -> None:
    nods = 0.05 * np.sin(np.arange(150) / 6)
    moved = shown(streamed(turned(6.0, 4, nods)))
    alone = shown(streamed(turned(6.0, 4, nods), np.zeros(6 * RATE, np.int16)))
    assert heads(moved) == pytest.approx(heads(alone), abs=1e-4)
    assert weights(moved, BROWS).max() > 0.15


def test_a_stream_that_moves_its_brows_keeps_them_and_gets_a_head() -> None:
    raised = 0.3 + 0.2 * np.sin(np.arange(150) / 9)
    motion = arkit(6.0, browInnerUp=raised, jawOpen=0.3)
    poses = shown(streamed(motion, space=ParameterSpace.ARKIT))
    alone = shown(streamed(motion, np.zeros(6 * RATE, np.int16), space=ParameterSpace.ARKIT))
    assert weights(poses, BROWS) == pytest.approx(weights(alone, BROWS), abs=1e-5)
    assert (heads(poses)[30:].std(axis=0) > 0.2).all()
    others = (shown(streamed(motion, name=n, space=ParameterSpace.ARKIT)) for n in "bcde")
    tightened = [weights(each, CHEEKS).max() for each in (poses, *others)]
    assert max(tightened) > 0.02, "cheeks tighten at times, not in every sentence"


def test_a_stream_is_not_judged_by_its_first_frames() -> None:
    stage = Stage()
    utterance = streamed(flame(0.6), ended=False)
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(0.5)
    assert not heads(stage.poses).any()
    nods = 0.05 * np.sin(np.arange(135) / 6)
    utterance.append_motion(turned(5.4, 3, nods))
    utterance.end_motion()
    stage.run(4.0)
    own = np.degrees(np.interp(np.arange(0.7, 4, 0.1) * 25, np.arange(135) + 15, nods))
    pitch = heads(stage.poses)[:, 0]
    heard = [np.argmin(np.abs(pitch - value)) >= 0 for value in own]
    assert all(heard)
    assert np.abs(pitch).max() < np.degrees(0.05) + 0.05


def test_a_head_that_begins_to_move_late_takes_over_gently() -> None:
    stage = Stage()
    utterance = streamed(flame(3.0), ended=False)
    stage.player.on_event(UtteranceStarted(utterance))
    stage.run(2.0)
    assert heads(stage.poses)[:, 0].std() > 0.3
    utterance.append_motion(turned(3.0, 3, 0.02 * np.arange(75) / 25))
    utterance.end_motion()
    stage.run(3.5)
    turn = heads(stage.poses[-20:])
    assert turn[:, 1] == pytest.approx(0.0, abs=1e-4), "the stream's own yaw, which is none"
    assert_smooth(stage)


def test_a_pause_an_interrupt_and_the_next_voice_jump_nowhere() -> None:
    stage = Stage()
    player = stage.player
    player.on_event(UtteranceStarted(streamed(flame(6.0))))
    stage.run(1.3)
    player.pause()
    stage.run(2.0)
    assert not heads(stage.poses[-10:]).any(), "who is paused nods no more"
    player.resume()
    stage.run(1.5)
    assert heads(stage.poses[-60:]).std() > 0.2
    player.interrupt()
    stage.run(0.2)
    for name in ("b", "c"):
        player.on_event(UtteranceStarted(streamed(flame(3.0), voice(3.0), name=name)))
        stage.run(0.9)
    stage.run(4.0)
    assert not heads(stage.poses[-10:]).any()
    assert_smooth(stage)


def test_the_same_words_are_said_with_other_gestures_and_a_run_repeats_itself() -> None:
    first, again = Stage(), Stage()
    said = []
    for stage in (first, again):
        for name in ("a", "b"):
            stage.player.on_event(UtteranceStarted(streamed(flame(6.0), name=name)))
            said.append(heads(stage.run(6.0)))
            stage.run(2.0)
    assert np.array_equal(said[0], said[2])
    assert np.array_equal(said[1], said[3])
    alike = [np.corrcoef(said[0][:, axis], said[1][:, axis])[0, 1] for axis in range(3)]
    assert np.abs(alike).mean() < 0.75


def test_a_smile_that_was_there_stays_while_it_speaks() -> None:
    smiling = np.zeros((30, 52), np.float32)
    smiling[:, [SMILE, SMILE + 1]] = 0.2
    clip = Clip("idle", 30.0, smiling, np.zeros((30, 5, 3), np.float32), loop=True)
    stage = Stage(avatar=small_avatar({"idle": clip}))
    stage.run(1.0)
    stage.player.on_event(UtteranceStarted(streamed(flame(6.0))))
    poses = stage.run(5.9)
    assert weights(poses, [SMILE]) == pytest.approx(0.2, abs=0.01)


def test_a_broad_smile_comes_down_to_one_that_can_be_spoken_with() -> None:
    beaming = np.zeros((30, 52), np.float32)
    beaming[:, [SMILE, SMILE + 1]] = 0.7
    clip = Clip("idle", 30.0, beaming, np.zeros((30, 5, 3), np.float32), loop=True)
    stage = Stage(avatar=small_avatar({"idle": clip}))
    stage.run(1.0)
    stage.player.on_event(UtteranceStarted(streamed(flame(6.0))))
    smile = weights(stage.run(5.9), [SMILE])[:, 0]
    assert smile[-1] == pytest.approx(0.25, abs=0.04)
    assert np.diff(smile).min() > -0.02, "it fades, it is not dropped"


def nods_on_stress(lead_s: float) -> tuple[int, float, Stage]:
    """Nods to a voice that comes `lead_s` before it is heard, and their share on a stress."""
    stage, sound = Stage(), voice(9.0)
    utterance = Utterance("a", RATE)
    utterance.fail_motion(MotionFailure.NO_ENDPOINT)
    stage.player.on_event(UtteranceStarted(utterance))
    poses, heard = [], []
    for _ in range(round(9.0 / FRAME_S)):
        come = min(round((stage.sound.position + lead_s) * RATE), len(sound))
        utterance.append_audio(sound[utterance.audio_length : come])
        poses.append(stage.frame())
        heard.append(stage.sound.position + FRAME_S)
    pitch = heads(poses)[:, 0]
    pitch = pitch - np.convolve(pitch, np.ones(55) / 55, "same")
    peaks = [
        i
        for i in range(1, len(pitch) - 1)
        if pitch[i - 1] < pitch[i] >= pitch[i + 1] and pitch[i] > 1.0
    ]
    stresses = (np.array(STRESSED) + 0.5) * SYLLABLE_S
    on = [np.abs(heard[i] - stresses).min() < 0.08 for i in peaks]
    return len(peaks), float(np.mean(on)) if on else 0.0, stage


@pytest.mark.parametrize("lead_s", [0.35, 1.0, 9.0])
def test_a_voice_that_comes_as_it_is_heard_nods_on_its_stresses(lead_s: float) -> None:
    count, share, stage = nods_on_stress(lead_s)
    assert count >= 4
    assert share >= 0.7
    assert_smooth(stage)


@pytest.mark.parametrize("lead_s", [0.05, 0.12, 0.2])
def test_a_voice_that_comes_at_the_last_moment_nods_less_but_never_with_a_jerk(
    lead_s: float,
) -> None:
    count, _, stage = nods_on_stress(lead_s)
    assert count <= nods_on_stress(9.0)[0] + 1
    assert_smooth(stage)


def test_one_frame_listens_to_no_more_than_a_piece_of_the_voice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The work is spread: a long voice that is there at once costs no frame its time."""
    taken: list[int] = []
    whole = Utterance.audio

    def spy(self: Utterance, start: int, count: int) -> Samples:
        taken.append(count)
        return whole(self, start, count)

    monkeypatch.setattr(Utterance, "audio", spy)
    stage = Stage()
    stage.player.on_event(UtteranceStarted(streamed(flame(60.0), voice(60.0))))
    for _ in range(300):
        before = len(taken)
        stage.frame()
        assert sum(taken[before:]) <= 0.12 * RATE
    # and no more of it than lies ahead
    assert sum(taken) < (5.0 + 3.0 + 0.3) * RATE
