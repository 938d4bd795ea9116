# SPDX-License-Identifier: Apache-2.0
"""All targets, and which of them somebody asked for."""

from __future__ import annotations

from typing import Final

from fuzzing import (
    address_targets,
    answer_targets,
    endpoint_targets,
    http_targets,
    server_target,
    session_targets,
    speech_targets,
    voice_targets,
    wire_targets,
)
from fuzzing.target import Target

TARGETS: Final[tuple[Target, ...]] = (
    *wire_targets.TARGETS,
    *session_targets.TARGETS,
    *address_targets.TARGETS,
    *answer_targets.TARGETS,
    *voice_targets.TARGETS,
    *speech_targets.TARGETS,
    *endpoint_targets.TARGETS,
    *http_targets.TARGETS,
    *server_target.TARGETS,
)


def chosen(names: list[str]) -> list[Target]:
    """The targets of these names, all of them for no name; raises KeyError for an unknown one."""
    known = {target.name: target for target in TARGETS}
    return [known[name] for name in names] or list(TARGETS)
