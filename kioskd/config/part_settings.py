# SPDX-License-Identifier: Apache-2.0
"""From the configuration's sections to the settings that each part takes.

Here, and not with the parts, so that `load()` can try them and a command need not load the parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from driving_client.link.network import NetworkSettings
from driving_client.link.settings import LinkSettings
from driving_client.voices.wish import VoiceWish
from kioskd.audio.settings import AudioSettings
from kioskd.config.table import Config
from kioskd.ears.settings import EarsSettings
from kioskd.life.settings import IdleSettings
from kioskd.playback.settings import PlaybackSettings
from splat_gles.voice import Voice


def audio_settings(config: Config, board_match: tuple[str, ...] = ()) -> AudioSettings:
    """The sound's settings; `board_match` are the board's patterns for `auto`."""
    audio = config.audio
    return AudioSettings(
        device=audio.device,
        # What is measured begins at 0 and is set by who measures it
        latency_ms=0.0 if isinstance(audio.latency_ms, str) else audio.latency_ms,
        buffer_ms=audio.buffer_ms,
        volume=audio.volume,
        enabled=audio.enabled,
        match=_patterns(audio.match) or board_match,
    )


def ears_settings(config: Config, board_match: tuple[str, ...] = ()) -> EarsSettings:
    """The ears' settings; `board_match` are the board's patterns for `auto`."""
    ears = config.ears
    return EarsSettings(
        enabled=ears.enabled,
        device=ears.device,
        match=_patterns(ears.match) or board_match,
        latency_ms=ears.latency_ms,
        policy=ears.policy,
        end_of_turn_s=ears.end_of_turn_ms / 1000,
    )


def presence_devices(config: Config) -> tuple[str, ...]:
    """The patterns of the input devices that tell of somebody."""
    return _patterns(config.presence.devices)


def playback_settings(config: Config) -> PlaybackSettings:
    """The player's settings."""
    playback, idle = config.playback, config.idle
    return PlaybackSettings(
        motion_wait_s=playback.motion_wait_ms / 1000,
        hold_frames=playback.hold_frames,
        ease_in_frames=playback.ease_in_frames,
        ease_out_frames=playback.ease_out_frames,
        ease_disconnect_frames=playback.ease_disconnect_frames,
        audio_only_after_s=playback.audio_only_after_s,
        gesture_limit_s=playback.gesture_limit_s,
        idle=IdleSettings(
            enabled=idle.enabled,
            blinks_per_minute=idle.blinks_per_minute,
            gaze_degrees=idle.gaze_degrees,
            breath=idle.breath,
        ),
    )


def link_settings(config: Config, secrets: Mapping[str, str]) -> LinkSettings | None:
    """The link's settings, None without an endpoint; raises SettingsError.

    `secrets`: what the secrets' files hold, by the key of the option that names the file.
    """
    endpoint = config.endpoint
    if not endpoint.url:
        return None
    return LinkSettings(
        network=network_settings(config, secrets),
        url=endpoint.url,
        dialect=endpoint.dialect,
        avatar_id=endpoint.avatar_id,
        app_id=endpoint.app_id,
        session_key=secrets.get("endpoint.session_key_file", ""),
        token_url=endpoint.token_url,
        api_key=secrets.get("endpoint.api_key_file", ""),
        sample_rate=endpoint.sample_rate,
        motion_offset_s=endpoint.motion_offset_ms / 1000,
        connect_timeout_s=endpoint.connect_timeout_s,
        voice=VoiceWish(endpoint.voice),
        microphone=config.ears.enabled,
    )


def speaking_as(voice: Voice | None, settings: LinkSettings | None) -> LinkSettings | None:
    """The link's settings with an avatar's voice; what the configuration names goes before it."""
    if settings is None or voice is None:
        return settings
    wish = VoiceWish(settings.voice.name, voice.language, voice.sex, voice.pitch)
    return replace(settings, voice=wish)


def network_settings(config: Config, secrets: Mapping[str, str]) -> NetworkSettings:
    """How connections go out; `secrets` as for the link's settings."""
    return NetworkSettings(
        proxy=config.network.proxy,
        login=secrets.get("network.proxy_login_file", ""),
        authority=secrets.get("endpoint.ca_file", ""),
    )


def display_size(config: Config) -> tuple[int, int] | None:
    """Pixels (width, height), or None where the display decides; one given means 9:16."""
    width, height = config.display.width, config.display.height
    if not width and not height:
        return None
    return width or round(height * 9 / 16), height or round(width * 16 / 9)


def background(config: Config) -> tuple[float, float, float]:
    """The background's red, green and blue, 0 to 1."""
    digits = config.display.background
    red, green, blue = (int(digits[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue


def _patterns(text: str) -> tuple[str, ...]:
    return tuple(word for each in text.split(",") if (word := each.strip()))
