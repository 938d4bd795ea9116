# SPDX-License-Identifier: Apache-2.0
"""What the configuration tells: its warnings, its last reload, and files that are renewed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConfigSnapshot:
    """The last reload: what was wrong with the files, and keys that wait for a restart.

    `refused`: secrets and certificates whose files cannot be used; the last good ones are in use.
    `warnings`: what the configuration in force says that is not used as it is written.
    """

    problems: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
