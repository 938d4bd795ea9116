# SPDX-License-Identifier: Apache-2.0
"""What the configuration tells about its last reload."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConfigSnapshot:
    """The last reload: what was wrong with the files, and keys that wait for a restart."""

    problems: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
