# SPDX-License-Identifier: Apache-2.0
"""How finely a person is covered with splats: one number that every part goes by.

At 1 a person takes about 20,000 splats. The avatar itself is built at what fits its budget, and
once more much finer, as the picture that its splats are fitted to.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Density:
    """`spacing` multiplies every distance between splats, and divides the number of hairs."""

    spacing: float = 1.0

    def hairs(self, count: float) -> int:
        """How many hairs stand for `count` at spacing 1."""
        return max(1, round(count / self.spacing))
