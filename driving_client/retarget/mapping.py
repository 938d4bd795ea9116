# SPDX-License-Identifier: Apache-2.0
"""FLAME frames to mouth controls, ARKit weights and head rotation, and back.

Forward: a linear regression of the jaw's x angle and the first 50 expression values (the only
ones that move in real streams) predicts each mouth control; ridge regression shrinks what it
predicts towards the mean, so a monotone curve per control (its quantiles onto the control's)
gives the mouth its full travel back. Neck and head pass through in radians; jaw, lids and
gaze go by gains.

An owner of FLAME may fit `shapes` too (`exact`): then geometry gives all weights, and controls
are read off them.

Back: of all frames that give exactly the wanted controls, the most plausible one under the
covariance of the recording that the fit was made on, with the jaw following the opening.

Left out on purpose: brows and cheeks (nothing was fitted for them), and blinks and gaze of
life (real streams hold none; the player adds them).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from driving_client.errors import RetargetError
from driving_client.motion import ARKIT_NAMES, FLAME_SLICES, FloatArray
from driving_client.retarget.mouth import CONTROL_NAMES, OPEN, arkit_mouth, controls_of
from driving_client.retarget.shapes import ShapeFit

INPUT_SIZE: Final = 51
"""What the fit looks at: jaw_pose x, then expression 0 to 49."""

EXPRESSION_LIMIT: Final = 8.0
"""Beyond this an expression value is implausible: driving_client/wire/README.md, Messages (both
dialects)."""

JAW_TRAVEL: Final = 0.055
"""Radians of jaw x that a fully open mouth adds to rest in frames that we make: the vendor's
recording moves from 0.005 to 0.063."""

_HALF_CIRCLE: Final = float(np.pi)
_JAW: Final = FLAME_SLICES["jaw_pose"]
_JAW_X: Final = _JAW.start
_EXPRESSION: Final = slice(FLAME_SLICES["expression"].start, FLAME_SLICES["expression"].start + 50)
_ROTATION = FLAME_SLICES["rotation"]
_NECK = FLAME_SLICES["neck_pose"]
_EYES = FLAME_SLICES["eye_pose"]
_LIDS = FLAME_SLICES["eye_lid"]
_INDEX: Final = {name: index for index, name in enumerate(ARKIT_NAMES)}


@dataclass(frozen=True, slots=True)
class Curve:
    """A monotone piecewise-linear map of a regression's output onto a control.

    `predicted` and `control` rise strictly; below the first knot the control is 0, above the
    last (whose control is 1) it is 1.
    """

    predicted: tuple[float, ...]
    control: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Gains:
    """Weight per radian for what is not regressed.

    Gaze: an eyeLook weight of 1 is 25 degrees sideways and 20 degrees up or down. Jaw: ARKit's
    jawOpen of 1 drops the chin by about 0.35 rad on the avatars at hand (judged by eye). The
    eyelid values of FLAME streams are already 0 (open) to 1 (shut).
    """

    jaw: float = 1.0 / 0.35
    lid: float = 1.0
    gaze_sideways: float = 1.0 / float(np.radians(25.0))
    gaze_upright: float = 1.0 / float(np.radians(20.0))


@dataclass(frozen=True, slots=True)
class Rest:
    """The values of a stream at rest: subtracted before gains, added when frames are made."""

    rotation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    jaw: tuple[float, float, float] = (0.0, 0.0, 0.0)
    eye_pose: tuple[float, float, float, float, float, float] = (0.0,) * 6
    eye_lid: tuple[float, float] = (0.0, 0.0)
    translation: tuple[float, float, float] = (0.0, 0.0, 0.0)


def inputs_of(frames: FloatArray) -> FloatArray:
    """Columns that the fit uses, shape (n, 51), of FLAME frames, shape (n, 120)."""
    return np.concatenate([frames[:, _JAW_X : _JAW_X + 1], frames[:, _EXPRESSION]], axis=1)


@dataclass(frozen=True)
class Retarget:
    """A fitted mapping between FLAME frames and ARKit rigs.

    `weights` (6, 51) and `bias` (6,) predict; `curves` restore the travel. `inverse` (51, 7)
    and `centre` (51,) turn the wanted predictions and jaw back into inputs:
    centre + inverse @ (jaw and predictions − those at the centre). `spread` (6,) is the standard
    deviation of each prediction over the recording. `shapes`, where it is there, takes the place
    of the regression for everything that FLAME's jaw and expressions move.
    """

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    curves: tuple[Curve, ...]
    centre: NDArray[np.float64]
    inverse: NDArray[np.float64]
    spread: NDArray[np.float64]
    rest: Rest = field(default_factory=Rest)
    gains: Gains = field(default_factory=Gains)
    shapes: ShapeFit | None = None
    provenance: dict[str, object] = field(default_factory=dict)

    def for_stream(self, frames: FloatArray) -> Retarget:
        """The same mapping for another stream, told from one (120,) or more (n, 120) of its frames.

        Two things differ between streams. Rotation, eyes and lids are constant in each, at values
        of its own (up to 0.09 rad of rotation in the recordings at hand): they become the rest.
        And each face has a neutral expression of its own: in one recording it makes the lower lip
        look bitten throughout. So where the mean of a prediction lies further from the fit's than
        speech alone explains, the stream's own mean takes the place of the fit's. Measured: 2 s of
        the fit's recording stay within 0.8 standard deviations, the other recording is off by 4.
        Streams made by `frame` have the fit's own neutral face, and are recognised and left alone.
        """
        rows = np.atleast_2d(frames)
        first = _checked(rows[0])
        rest = replace(
            self.rest,
            rotation=tuple(first[_ROTATION].tolist()),
            eye_pose=tuple(first[_EYES].tolist()),
            eye_lid=tuple(first[_LIDS].tolist()),
        )
        if self.shapes is not None:
            return replace(self, rest=rest)  # FLAME's zero is its neutral face, for every stream
        inputs = inputs_of(rows).astype(np.float64)
        predicted = inputs @ self.weights.T + self.bias
        if self._is_own(inputs[0], predicted[0]):
            return replace(self, rest=rest)
        difference = predicted.mean(axis=0) - (self.weights @ self.centre + self.bias)
        # One frame may be in the middle of an f; two seconds hardly can.
        far = np.abs(difference) > (1.2 + 2.3 / np.sqrt(len(rows))) * self.spread
        return replace(self, rest=rest, bias=self.bias - np.where(far, difference, 0.0))

    def _is_own(self, inputs: NDArray[np.float64], predicted: NDArray[np.float64]) -> bool:
        """Whether `frame` made these inputs: then nothing is left beside its constraints."""
        at_centre = np.concatenate([self.centre[:1], self.weights @ self.centre + self.bias])
        goal = np.concatenate([inputs[:1], predicted])
        explained = self.centre + self.inverse @ (goal - at_centre)
        return bool(np.abs(inputs - explained).max() < 1e-3)

    def controls(self, frame: FloatArray) -> FloatArray:
        """Mouth controls, shape (6,), 0 to 1, of one FLAME frame, shape (120,)."""
        frame = _checked(frame)
        if self.shapes is not None:
            return controls_of(self.shapes.weights(frame))
        inputs = np.concatenate([frame[_JAW_X : _JAW_X + 1], frame[_EXPRESSION]])
        predicted = self.weights @ inputs + self.bias
        return np.array(
            [
                np.interp(value, curve.predicted, curve.control)
                for value, curve in zip(predicted, self.curves, strict=True)
            ],
            np.float32,
        )

    def arkit(self, frame: FloatArray) -> FloatArray:
        """ARKit weights and head rotation, shape (55,), of one FLAME frame, shape (120,).

        The 52 weights are in the order of ARKIT_NAMES, 0 to 1; the last three values are the
        axis-angle rotation of neck and head together in radians (summed: at a talking head's
        few degrees the order of rotations does not matter).
        """
        frame = _checked(frame)
        out = np.zeros(len(ARKIT_NAMES) + 3, np.float32)
        if self.shapes is not None:
            out[: len(ARKIT_NAMES)] = self.shapes.weights(frame)
        else:
            jaw = (float(frame[_JAW_X]) - self.rest.jaw[0]) * self.gains.jaw
            out[: len(ARKIT_NAMES)] = arkit_mouth(self.controls(frame), jaw)
        self._eyes(frame, out)
        out[len(ARKIT_NAMES) :] = (
            frame[_NECK] + frame[_ROTATION] - np.asarray(self.rest.rotation, np.float32)
        )
        return out

    def frame(self, controls: FloatArray, neck: FloatArray | None = None) -> FloatArray:
        """A plausible FLAME frame, shape (120,), whose mouth has these controls.

        `controls` (6,), 0 to 1; `neck` axis-angle radians. `controls(frame(c))` equals c within
        1e-3 as long as no expression value has to be cut at the protocol's limit.
        """
        wanted = np.clip(np.asarray(controls, np.float64), 0.0, 1.0)
        if wanted.shape != (len(CONTROL_NAMES),) or not np.isfinite(wanted).all():
            raise RetargetError(
                f"mouth controls of shape {wanted.shape} are not {len(CONTROL_NAMES)} finite "
                f"values; give {', '.join(CONTROL_NAMES)} as 0 to 1"
            )
        out = np.zeros(120, np.float32)
        out[FLAME_SLICES["translation"]] = self.rest.translation
        out[_ROTATION] = self.rest.rotation
        out[_EYES] = self.rest.eye_pose
        out[_LIDS] = self.rest.eye_lid
        if self.shapes is not None:
            inputs = self.shapes.inputs(arkit_mouth(wanted.astype(np.float32)))
            out[_JAW], out[FLAME_SLICES["expression"]] = inputs[:3], inputs[3:]
        else:
            jaw = self.rest.jaw[0] + JAW_TRAVEL * float(wanted[OPEN])
            out[_JAW] = (jaw, *self.rest.jaw[1:])
            out[_EXPRESSION] = self._expression(wanted, jaw)
        limited = np.clip(out[FLAME_SLICES["expression"]], -EXPRESSION_LIMIT, EXPRESSION_LIMIT)
        out[FLAME_SLICES["expression"]] = limited
        if neck is not None:
            out[_NECK] = np.clip(neck, -_HALF_CIRCLE, _HALF_CIRCLE)
        return out

    def _expression(self, wanted: NDArray[np.float64], jaw: float) -> NDArray[np.float64]:
        """The most plausible expression 0 to 49 that has these controls at this jaw angle."""
        predicted = [
            np.interp(value, curve.control, curve.predicted)
            for value, curve in zip(wanted, self.curves, strict=True)
        ]
        goal = np.array([jaw, *predicted])
        at_centre = np.concatenate([self.centre[:1], self.weights @ self.centre + self.bias])
        inputs: NDArray[np.float64] = self.centre + self.inverse @ (goal - at_centre)
        return inputs[1:]

    def frames(self, controls: FloatArray, neck: FloatArray | None = None) -> FloatArray:
        """FLAME frames, shape (n, 120), of controls (n, 6) and neck rotations (n, 3) or none."""
        if len(controls) == 0:
            return np.zeros((0, 120), np.float32)
        necks = [None] * len(controls) if neck is None else list(neck)
        return np.stack([self.frame(c, n) for c, n in zip(controls, necks, strict=True)])

    def _eyes(self, frame: FloatArray, out: FloatArray) -> None:
        """Lids and gaze into `out`: FLAME's eye_pose is left then right; +x looks down, +y left."""
        lids = frame[_LIDS] - np.asarray(self.rest.eye_lid, np.float32)
        gaze = frame[_EYES] - np.asarray(self.rest.eye_pose, np.float32)
        for side, lid, (down, left, _) in zip(
            ("Left", "Right"), lids, gaze.reshape(2, 3), strict=True
        ):
            # An eye that turns to its own side looks out, the other one in.
            outward = left if side == "Left" else -left
            pairs = (
                ("eyeBlink", lid * self.gains.lid),
                ("eyeLookDown", down * self.gains.gaze_upright),
                ("eyeLookUp", -down * self.gains.gaze_upright),
                ("eyeLookOut", outward * self.gains.gaze_sideways),
                ("eyeLookIn", -outward * self.gains.gaze_sideways),
            )
            for shape, weight in pairs:
                out[_INDEX[shape + side]] = min(max(float(weight), 0.0), 1.0)


def _checked(frame: FloatArray) -> FloatArray:
    if frame.shape != (120,):
        raise RetargetError(
            f"a frame of shape {frame.shape} is not FLAME motion; give one row of 120 values"
        )
    return frame
