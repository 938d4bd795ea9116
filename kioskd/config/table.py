# SPDX-License-Identifier: Apache-2.0
"""The table of options as a whole: a configuration, and what is in it by key."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from kioskd.config.network_sections import (
    EndpointSection,
    HealthSection,
    NetworkSection,
    VoiceSection,
)
from kioskd.config.options import Option, Value, options_of
from kioskd.config.sections import (
    AudioSection,
    AvatarSection,
    DisplaySection,
    EarsSection,
    IdleSection,
    LogSection,
    PlaybackSection,
    PresenceSection,
)


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration, one attribute per section."""

    avatar: AvatarSection = field(default_factory=AvatarSection)
    display: DisplaySection = field(default_factory=DisplaySection)
    audio: AudioSection = field(default_factory=AudioSection)
    endpoint: EndpointSection = field(default_factory=EndpointSection)
    network: NetworkSection = field(default_factory=NetworkSection)
    playback: PlaybackSection = field(default_factory=PlaybackSection)
    idle: IdleSection = field(default_factory=IdleSection)
    voice: VoiceSection = field(default_factory=VoiceSection)
    ears: EarsSection = field(default_factory=EarsSection)
    presence: PresenceSection = field(default_factory=PresenceSection)
    health: HealthSection = field(default_factory=HealthSection)
    log: LogSection = field(default_factory=LogSection)


SECTIONS: dict[str, type[Any]] = {
    each.name: type(getattr(Config(), each.name)) for each in fields(Config)
}
"""Section names and their dataclasses, in order."""

OPTIONS: dict[str, Option] = {
    row.key: row for name, section in SECTIONS.items() for row in options_of(name, section)
}
"""The table itself: key to row, in order."""


def build(values: dict[str, Value]) -> Config:
    """A configuration from checked values by key; what is not named keeps its default."""
    sections: dict[str, Any] = {}
    for name, section in SECTIONS.items():
        prefix = name + "."
        given = {
            key.removeprefix(prefix): value
            for key, value in values.items()
            if key.startswith(prefix)
        }
        sections[name] = section(**given)
    return Config(**sections)


def flatten(config: Config) -> dict[str, Value]:
    """Every option's value by key; holds names of secret files, never a secret."""
    return {key: getattr(getattr(config, row.section), row.name) for key, row in OPTIONS.items()}


def changed(old: Config, new: Config) -> list[Option]:
    """The options whose values differ."""
    before, after = flatten(old), flatten(new)
    return [row for key, row in OPTIONS.items() if before[key] != after[key]]
