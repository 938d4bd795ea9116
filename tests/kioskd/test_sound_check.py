# SPDX-License-Identifier: Apache-2.0
"""kioskctl doctor --sound: whether the room hears the loudspeaker, how loud and how late."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from sound_server import SoundServer

from kioskd.board_facts import BoardFacts
from kioskd.config import Config
from kioskd.ctl.client import Client
from kioskd.ctl.sound_check import ask_kiosk, try_parts
from kioskd.health.status import Finding
from test_stand.sound_daemon import HEARD, MICROPHONE


class Kiosk:
    """Its figures before and after it has spoken."""

    def __init__(self, before: dict[str, float], after: dict[str, float]) -> None:
        self.told = [before, after]
        self.voices: list[bytes] = []

    def figures(self) -> dict[str, float]:
        return self.told.pop(0)

    def health(self) -> dict[str, Any]:
        reason = {"code": "microphone_busy", "text": "another program records from it"}
        return {"checks": {"ears": {"observed": "not open", "reasons": [reason]}}}

    def post_voice(self, wav: bytes) -> None:
        self.voices.append(wav)


def asked(before: dict[str, float], **after: float) -> tuple[Finding, Kiosk]:
    names = {
        "yes": 'kiosk_loudspeaker_heard_seconds_total{heard="yes"}',
        "no": 'kiosk_loudspeaker_heard_seconds_total{heard="no"}',
        "level": "kiosk_loudspeaker_level_db",
        "delay": "kiosk_loudspeaker_delay_seconds",
    }
    kiosk = Kiosk(before, before | {names[key]: value for key, value in after.items()})
    slept: list[float] = []
    return ask_kiosk(cast(Client, kiosk), slept.append), kiosk


OPEN = {"kiosk_ears_open": 1.0}


def test_a_kiosk_that_hears_itself_says_how_loud_and_how_late() -> None:
    finding, kiosk = asked(OPEN, yes=6.0, level=-31.4, delay=0.123)
    assert finding.status.word == "pass"
    assert finding.observed == "heard at -31 dB, 123 ms after the sound card"
    assert len(kiosk.voices) == 1


def test_what_was_heard_before_does_not_count() -> None:
    heard = {'kiosk_loudspeaker_heard_seconds_total{heard="yes"}': 600.0}
    finding, _ = asked(OPEN | heard, yes=600.0, no=6.0, level=-31.0, delay=0.12)
    assert [reason.code for reason in finding.reasons] == ["speaker_silent"]
    assert "check its cable" in finding.reasons[0].text


def test_where_nothing_was_played_the_sound_card_is_to_blame() -> None:
    finding, _ = asked(OPEN)
    assert [reason.code for reason in finding.reasons] == ["speaker_not_played"]


def test_a_microphone_that_is_not_open_is_told_with_its_reason() -> None:
    finding, kiosk = asked({"kiosk_ears_open": 0.0})
    assert [reason.text for reason in finding.reasons] == ["another program records from it"]
    assert not kiosk.voices


def test_without_a_microphone_it_says_what_it_needs() -> None:
    finding = try_parts(Config(), BoardFacts())
    assert [reason.code for reason in finding.reasons] == ["microphone_closed"]
    assert "ears.enabled: true" in finding.reasons[0].text


@pytest.mark.slow("plays in real time")
@pytest.mark.parametrize(
    ("microphone", "told"), [(HEARD, "heard at"), (MICROPHONE, "speaker_silent")]
)
def test_without_kioskd_the_command_plays_and_listens_itself(
    sound_server: SoundServer, microphone: str, told: str
) -> None:
    """Through ALSA: one microphone hears the loudspeaker's sink, the other nothing of it."""
    config = Config(
        audio=replace(Config().audio, device=sound_server.device),
        ears=replace(Config().ears, enabled=True, device=microphone),
    )
    finding = try_parts(config, BoardFacts())
    assert [finding.observed, *(reason.code for reason in finding.reasons)][-1].startswith(told)
