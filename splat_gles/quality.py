# SPDX-License-Identifier: Apache-2.0
"""How finely a frame is drawn: what a governor may change from one frame to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

SCALES: Final = (1.0, 0.85, 0.75, 0.67, 0.5)
"""Internal resolutions, finest first, that pictures were measured at: splat_gles/README.md, How
right it is."""
_LEAST_SCALE = 0.25


@dataclass(frozen=True, slots=True)
class RenderQuality:
    """`scale` is the internal resolution as a factor of each side, `mode` how splats are blended.

    "fast" blends in the 8 bits of the back buffer, "quality" in a buffer of 10 bits a channel,
    which costs as many bytes a pixel and one more pass. Below a scale of 1 there is a buffer
    anyway, and on a GPU it has 10 bits in both modes. The fast mode also ends every splat a
    little earlier, where 8 bits round most of what it adds away.
    """

    scale: float = 1.0
    mode: Literal["fast", "quality"] = "fast"

    def __post_init__(self) -> None:
        if not _LEAST_SCALE <= self.scale <= 1.0:
            raise ValueError(f"a scale of {self.scale:g}; it must be {_LEAST_SCALE:g} to 1")
        if self.mode not in ("fast", "quality"):
            raise ValueError(f"no mode {self.mode!r}; take fast or quality")

    @property
    def least_alpha(self) -> float:
        """The alpha at which a splat ends.

        The reference's 1/255 in the quality mode. 1.5/255 in the fast mode saves a tenth of a
        frame's fragments and costs its 8-bit picture at most 0.3 dB (LAM p2-1).
        """
        return (1.5 if self.mode == "fast" else 1.0) / 255.0

    @property
    def direct(self) -> bool:
        """Whether splats go straight to the back buffer."""
        return self.scale == 1.0 and self.mode == "fast"
