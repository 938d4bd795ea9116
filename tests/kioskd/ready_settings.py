# SPDX-License-Identifier: Apache-2.0
"""Settings of the parts as the configuration's table has them, but for what a test sets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kioskd.audio.settings import AudioSettings
from kioskd.config import Config, part_settings
from kioskd.life.settings import IdleSettings
from kioskd.playback.settings import PlaybackSettings


def ready_audio(**own: Any) -> AudioSettings:
    """Of ALSA's `default`: `auto` would look for the machine's own cards."""
    return replace(part_settings.audio_settings(Config()), **{"device": "default", **own})


def ready_idle(**own: Any) -> IdleSettings:
    return replace(part_settings.playback_settings(Config()).idle, **own)


def ready_playback(**own: Any) -> PlaybackSettings:
    return replace(part_settings.playback_settings(Config()), **own)


STILL = ready_idle(enabled=False)
"""A face that moves by nothing but speech and gestures."""
