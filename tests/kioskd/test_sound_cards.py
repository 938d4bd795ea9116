# SPDX-License-Identifier: Apache-2.0
"""The sound card is found by id, name or path, in a board's order, never by its number."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import alsaaudio
import pytest
from ready_settings import ready_audio

from kioskd.audio.cards import SoundCard, choose_device, read_cards
from kioskd.audio.device import SoundDevice
from kioskd.audio.mixer import card_number, faults, silent_controls
from kioskd.audio.output import AudioOutput
from kioskd.board_facts import BoardFacts, read_board_facts
from kioskd.config import load
from kioskd.config.part_settings import audio_settings, ears_settings
from kioskd.errors import AudioError
from kioskd.health.mixer_check import MixerCheck
from kioskd.metrics import Metrics


def make_card(sys: Path, index: int, identifier: str, device: str, *outputs: str) -> None:
    card = sys / "devices/platform" / device / f"sound/card{index}"
    card.mkdir(parents=True)
    (card / "id").write_text(f"{identifier}\n")
    for output in outputs:
        (card / f"pcmC{index}{output}").mkdir()
    shown = sys / "class/sound"
    shown.mkdir(parents=True, exist_ok=True)
    (shown / f"card{index}").symlink_to(os.path.relpath(card, shown))


def nanopi(sys: Path, hdmi: int, codec: int, codec_name: str) -> list[SoundCard]:
    """A board with HDMI sound, a codec whose name the kernel changed, and a microphone."""
    make_card(sys, hdmi, "hdmisound", "hdmi-sound", "D0p")
    make_card(sys, codec, "realtekrt5616co", "rt5616-sound", "D0p", "D0c")
    make_card(sys, 2, "Microphone", "usb1", "D0c")
    names = {hdmi: ("hdmi-sound", "hdmi-sound"), codec: (codec_name, codec_name), 2: ("Mic", "")}
    return read_cards(sys / "class/sound", lambda index: names[index])


@pytest.mark.parametrize("numbers", [(0, 1), (1, 0)])
@pytest.mark.parametrize("name", ["realtek,rt5616-codec", "Onboard Analog RT5616"])
def test_numbers_and_names_change_but_the_card_is_found(
    tmp_path: Path, numbers: tuple[int, int], name: str
) -> None:
    cards = nanopi(tmp_path, *numbers, name)
    assert [card.id for card in cards] == ["hdmisound", "realtekrt5616co"]
    assert choose_device("auto", ["*RT5616*"], cards) == "plughw:CARD=realtekrt5616co,DEV=0"
    assert choose_device("auto", ["*/platform/hdmi-sound/*"], cards) == (
        "plughw:CARD=hdmisound,DEV=0"
    )


def test_the_order_of_the_patterns_decides(tmp_path: Path) -> None:
    cards = nanopi(tmp_path, 0, 1, "Onboard Analog RT5616")
    assert "hdmisound" in choose_device("auto", ["*missing*", "*hdmi*", "*analog*"], cards)
    assert "rt5616" in choose_device("auto", ["*analog*", "*hdmi*"], cards)


def test_a_name_is_taken_as_it_is_and_no_match_is_alsa_s_choice(tmp_path: Path) -> None:
    cards = nanopi(tmp_path, 0, 1, "x")
    assert choose_device("plughw:CARD=Other", ["*hdmi*"], cards) == "plughw:CARD=Other"
    assert choose_device("auto", ["*nothing like it*"], cards) == "default"
    assert choose_device("auto", [], cards) == "default"
    assert choose_device("auto", ["*"], []) == "default"


def test_the_first_output_of_a_card_with_several(tmp_path: Path) -> None:
    make_card(tmp_path, 0, "HDMI", "pci", "D7p", "D3p", "D10p")
    cards = read_cards(tmp_path / "class/sound", lambda _: ("HDA Intel HDMI",))
    assert [card.pcm for card in cards] == ["plughw:CARD=HDMI,DEV=3"]


def test_a_card_that_goes_while_it_is_looked_at(tmp_path: Path) -> None:
    make_card(tmp_path, 0, "Gone", "usb", "D0p")
    (tmp_path / "devices/platform/usb/sound/card0/id").unlink()
    assert read_cards(tmp_path / "class/sound", lambda _: ()) == []
    assert isinstance(read_cards(), list), "this machine's own, whatever it has"


def test_the_board_s_patterns_are_the_default_and_the_owner_s_win(tmp_path: Path) -> None:
    facts = tmp_path / "usr/share/kiosk/board.json"
    facts.parent.mkdir(parents=True)
    told = {
        "name": "rk3576",
        "audio_match": ["*hdmi*", "*es8388*"],
        "microphone_match": ["*usb*"],
        "drm_drivers": ["rockchip"],
        "tier": 1,
        "npu": "rknn",
    }
    facts.write_text(json.dumps(told))
    board = read_board_facts({"KIOSK_PAYLOAD": str(tmp_path)})
    assert board == BoardFacts(
        "rk3576", "", ("rockchip",), ("*hdmi*", "*es8388*"), ("*usb*",), npu="rknn", tier=1
    )
    config = tmp_path / "kiosk.yaml"
    config.write_text("")
    settings = audio_settings(load(config).config, board.audio_match)
    assert (settings.device, settings.match) == ("auto", ("*hdmi*", "*es8388*"))
    assert ears_settings(load(config).config, board.microphone_match).match == ("*usb*",)
    config.write_text("audio: {match: ' *usb*, , *codec* '}\nears: {match: '*array*'}\n")
    assert ears_settings(load(config).config, board.microphone_match).match == ("*array*",)
    assert audio_settings(load(config).config, board.audio_match).match == ("*usb*", "*codec*")


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"name": "x", "drm_drivers": 5}'])
def test_without_facts_about_the_board_nothing_is_known(
    tmp_path: Path, content: str | None
) -> None:
    facts = tmp_path / "usr/share/kiosk/board.json"
    facts.parent.mkdir(parents=True)
    if content is not None:
        facts.write_text(content)
    assert read_board_facts({"KIOSK_PAYLOAD": str(tmp_path)}) == BoardFacts()


def test_the_snapshot_tells_which_device_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    card = SoundCard("HDMI", ("HDMI", "/sys/devices/platform/hdmi-sound/sound/card3"), 0)
    monkeypatch.setattr("kioskd.audio.device_choice.read_cards", lambda: [card])
    tried: list[str] = []

    def open_device(name: str, buffer_s: float) -> SoundDevice:
        tried.append(name)
        raise AudioError(f"{name} is only tried here")

    output = AudioOutput(
        ready_audio(device="auto", match=("*hdmi-sound*",)), Metrics(), open_device
    )
    output.start()
    try:
        until = time.monotonic() + 60
        while not output.snapshot().device.startswith("plughw") and time.monotonic() < until:
            time.sleep(0.01)
        assert tried[0] == "plughw:CARD=HDMI,DEV=0"
        assert output.snapshot().device == "plughw:CARD=HDMI,DEV=0"
    finally:
        output.stop()


# The mixer


class Control:
    """A control as alsaaudio shows it; None for what it does not have."""

    def __init__(self, mute: list[int] | None, volume: list[int] | None) -> None:
        self.mute, self.volume = mute, volume

    def getmute(self) -> list[int]:
        if self.mute is None:
            raise alsaaudio.ALSAAudioError("Mixer has no playback switch")
        return self.mute

    def getvolume(self) -> list[int]:
        if self.volume is None:
            raise alsaaudio.ALSAAudioError("Mixer has no volume")
        return self.volume


def test_a_card_that_starts_muted_is_told() -> None:
    """QEMU's HDA codec and many boards': Master muted, volume 0 of 74."""
    assert faults([("Master", Control([1, 1], [0, 0])), ("PCM", Control(None, [100]))]) == [
        "Master is muted"
    ]
    assert faults([("Master", Control([0, 0], [0, 0]))]) == ["Master is at volume 0"]
    assert faults([("Master", Control([0, 1], [80, 0])), ("PCM", Control(None, None))]) == []


def test_the_number_of_a_card_as_it_is_now(tmp_path: Path) -> None:
    make_card(tmp_path, 3, "HDMI", "hdmi", "D0p")
    folder = tmp_path / "class/sound"
    assert card_number("plughw:CARD=HDMI,DEV=0", folder) == 3
    assert card_number("plughw:CARD=Other,DEV=0", folder) is None
    assert card_number("default", folder) is None
    assert silent_controls(29) == [], "no such card on any machine"


def test_the_check_asks_seldom_and_says_how_to_mend_it() -> None:
    asked: list[int] = []

    def ask(number: int) -> list[str]:
        asked.append(number)
        return ["Master is muted"]

    check = MixerCheck(lambda: "plughw:CARD=HDMI,DEV=0", lambda _: 3, ask)
    finding = check.run(100.0)
    assert [reason.code for reason in finding.reasons] == ["audio_muted"]
    assert "alsactl init 3" in finding.reasons[0].text
    assert check.run(105.0) is finding
    check.run(111.0)
    assert asked == [3, 3]
    assert not MixerCheck(lambda: "", card_number).run(0.0).reasons
