# SPDX-License-Identifier: Apache-2.0
"""What the configuration tells about its last reload, and about files that are renewed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConfigSnapshot:
    """The last reload: what was wrong with the files, and keys that wait for a restart.

    `refused`: secrets and certificates whose files cannot be used; the last good ones are in use.
    """

    problems: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
