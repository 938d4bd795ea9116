# SPDX-License-Identifier: Apache-2.0
"""An avatar of random splats that has one of everything: joints, eyes, blendshapes, a clip."""

from __future__ import annotations

import numpy as np

from splat_gles.avatar import Avatar, Clip, Framing, Joint
from splat_gles.skinning import splat_covariances

GAZE_SHAPES = tuple(
    f"eyeLook{way}{side}" for side in ("Left", "Right") for way in ("In", "Out", "Up", "Down")
)
JOINTS = (
    Joint("root", -1, (0.0, 0.0, 0.0)),
    Joint("neck", 0, (0.0, 1.54, -0.04)),
    Joint("head", 1, (0.0, 1.62, -0.02)),
    Joint("leftEye", 2, (0.03, 1.68, 0.06)),
    Joint("rightEye", 2, (-0.03, 1.68, 0.06)),
)


def make_avatar(splats: int = 200, gaze: str = "joints") -> Avatar:
    """An avatar with everything that one can have, of random splats."""
    random = np.random.default_rng(7)
    touched = splats * 2 // 3
    blendshapes = ("jawOpen", "mouthSmileLeft", *GAZE_SHAPES)
    weights = random.dirichlet((0.5, 0.5, 0.5, 0.5), splats)
    rotations = random.normal(0.0, 0.1, (12, len(JOINTS), 3))
    clip = Clip(
        "idle",
        24.0,
        random.uniform(0.0, 1.0, (12, len(blendshapes))).astype(np.float32),
        rotations.astype(np.float32),
        True,
    )
    return Avatar(
        name="Zoë",
        licence="CC0-1.0",
        parameter_space="arkit",
        framing=Framing((0.0, 1.64, 0.08), 0.40),
        positions=random.uniform((-0.1, 1.5, -0.1), (0.1, 1.8, 0.1), (splats, 3)).astype(
            np.float32
        ),
        covariances=splat_covariances(
            np.exp(random.uniform(np.log(1e-4), np.log(0.01), (splats, 3))),
            random.normal(0.0, 1.0, (splats, 4)),
        ),
        colors=random.uniform(0.0, 1.0, (splats, 4)).astype(np.float32),
        blendshapes=blendshapes,
        deltas=random.normal(0.0, 0.003, (len(blendshapes), touched, 3)).astype(np.float32),
        joints=JOINTS,
        skin_joints=random.integers(0, len(JOINTS), (splats, 4)).astype(np.uint8),
        skin_weights=weights.astype(np.float32),
        clips={"idle": clip},
        gaze=gaze,
    )
