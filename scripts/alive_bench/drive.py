# SPDX-License-Identifier: Apache-2.0
"""What a face was seen to do in some minutes of a state: weights, head and gaze, frame by frame.

Where head and eyes point is told by the rig's own matrices, so gaze is known for avatars whose
eyes are joints, as the shipped ones are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alive_bench.sentences import SENTENCES
from alive_bench.stage import Said, Stage, State, voice_of
from splat_gles.avatar import Avatar
from splat_gles.camera import on_screen
from splat_gles.rig import Rig, RigParameters

FRAMES_A_SECOND: Final = 100
"""A saccade of 2 degrees lasts 25 ms; fewer frames would not tell how fast it was."""

_PAUSE_S: Final = 1.2
"""Between two utterances: an answer is awaited."""

_SETTLED_S: Final = 5.0
_SCREEN: Final = (1080, 1920)

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """What was shown, one row a frame, `FRAMES_A_SECOND` of them.

    `weights` (n, B) of `names`; `head` (n, 3) pitch down, yaw to its left and roll in degrees;
    `gaze` (n, 2, 2): of the left and the right eye, degrees to the avatar's left and up between
    where it points and the visitor, who looks from the camera; `said` in order.
    """

    names: tuple[str, ...]
    weights: Array
    head: Array
    gaze: Array
    said: tuple[Said, ...]

    @property
    def seconds(self) -> float:
        """How long it was watched."""
        return len(self.weights) / FRAMES_A_SECOND

    def weight(self, name: str) -> Array:
        """One blendshape's weight, shape (n,)."""
        return self.weights[:, self.names.index(name)]

    def speaking(self) -> NDArray[np.bool_]:
        """Which frames lie within an utterance, shape (n,)."""
        times = np.arange(len(self.weights)) / FRAMES_A_SECOND
        inside = np.zeros(len(times), bool)
        for said in self.said:
            inside |= (times >= said.began_s) & (times < said.ended_s)
        return inside


def watch(avatar: Avatar, state: State, seconds: float, seed: int = 1) -> Watched:
    """Watch an avatar for so long, after a few seconds to settle. Utterances are finished."""
    rig = Rig(avatar)
    eyes = _Eyes(rig)
    stage = Stage(rig, FRAMES_A_SECOND, seed, eyes.see)
    speaking = state in (State.SPEAKING_TEXT, State.SPEAKING_AUDIO)
    stage.be(State.IDLE if speaking else state)
    stage.run(_SETTLED_S)
    stage.restart()
    eyes.forget()
    if not speaking:
        stage.run(seconds)
    voice = voice_of(avatar)
    for number, text in enumerate(_texts(seed)):
        if stage.seconds >= seconds:
            break
        stage.say(str(number), voice.speak(text), motion=state is State.SPEAKING_TEXT)
        stage.run(_PAUSE_S)
    return eyes.watched(tuple(stage.said))


def _texts(seed: int) -> Iterator[str]:
    """All sentences in an order of this seed's, again and again."""
    chance = np.random.default_rng(seed)
    while True:
        for index in chance.permutation(len(SENTENCES)):
            yield SENTENCES[index]


class _Eyes:
    """Whoever watches: notes weights, the head's turn and the gaze of each frame."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        avatar = rig.avatar
        self._joints = [rig.joint_index[name] for name in ("head", "leftEye", "rightEye")]
        self._rests = [np.array([*avatar.joints[i].position, 1.0]) for i in self._joints[1:]]
        self._camera = on_screen(avatar.framing, _SCREEN).position
        self.forget()

    def forget(self) -> None:
        """What was seen so far."""
        self._weights: list[Array] = []
        self._head: list[Array] = []
        self._gaze: list[Array] = []

    def see(self, parameters: RigParameters) -> None:
        """One frame."""
        matrices = self._rig.pose(parameters).matrices.astype(np.float64)
        head, *eyes = (matrices[joint] for joint in self._joints)
        self._weights.append(parameters.weights.astype(np.float64))
        self._head.append(_turn(head))
        pairs = zip(eyes, self._rests, strict=True)
        self._gaze.append(np.array([self._aside(eye, rest) for eye, rest in pairs]))

    def watched(self, said: tuple[Said, ...]) -> Watched:
        """All of it."""
        return Watched(
            self._rig.avatar.blendshapes,
            np.array(self._weights),
            np.array(self._head),
            np.array(self._gaze),
            said,
        )

    def _aside(self, matrix: Array, rest: Array) -> Array:
        """Degrees to the left and up of the visitor that an eye points at."""
        wanted = self._camera - (matrix @ rest)[:3]
        return _angles(matrix[:3, 2]) - _angles(wanted)


def _angles(direction: Array) -> Array:
    x, y, z = direction
    return np.asarray(np.degrees([np.arctan2(x, z), np.arctan2(y, np.hypot(x, z))]))


def _turn(matrix: Array) -> Array:
    """Pitch down, yaw left, roll in degrees of a rotation by roll, pitch, then yaw."""
    pitch = np.arcsin(np.clip(-matrix[1, 2], -1, 1))
    yaw = np.arctan2(matrix[0, 2], matrix[2, 2])
    roll = np.arctan2(matrix[1, 0], matrix[1, 1])
    return np.asarray(np.degrees([pitch, yaw, roll]))
