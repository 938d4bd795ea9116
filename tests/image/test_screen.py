# SPDX-License-Identifier: Apache-2.0
"""A screen that is off at the start, comes, and goes, on the kernel's own KMS and SDL's.

The connector is switched as its cable would do it, through its file in /sys. The times printed are
those of an emulated processor, for which opening a display is a hundred times the work.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pytest
from likeness import best_likeness
from machines import Bench
from screens import LIKE_DB, MOVE_S, assert_waiting, switch, wait_for_display

from alive_bench.stage import voice_of
from image_test import pictures, sound
from image_test.kiosk import START_S, Kiosk
from image_test.machine import SCREEN
from image_test.prepare import Prepared
from kioskd.screen.still_picture import StillPicture
from splat_gles.bundle import read_bundle

SENTENCE: Final = "Papa and mama have a big map of Africa, and a happy Alabama banana."
WHITE: Final = (1.0, 1.0, 1.0)
EMPTY_DRIVERS: Final = """
cd /usr/lib/aarch64-linux-gnu/dri
: >/run/empty.so
for name in virtio_gpu kms_swrast swrast; do mount --bind /run/empty.so ${name}_dri.so; done
"""
"""Those of Mesa that can draw here, as files that a power cut has left empty."""
CUT_DRIVERS: Final = EMPTY_DRIVERS.replace(
    ": >/run/empty.so", "head -c 100000 swrast_dri.so >/run/empty.so"
)


def assert_shown(kiosk: Kiosk, prepared: Prepared, name: str) -> None:
    found = wait_for_display(kiosk, "")
    assert found["observed"].startswith("kmsdrm"), found
    assert best_likeness(kiosk, prepared, name, LIKE_DB) >= LIKE_DB


def test_a_screen_goes_and_comes_after_a_start_without_it(kiosk: Kiosk, prepared: Prepared) -> None:
    switch(kiosk, "off")
    assert_waiting(kiosk)
    assert kiosk.show("NRestarts") == "0", "the process that drew on it waits for it"
    kiosk.machine.shell("systemctl restart kioskd", MOVE_S)
    assert_waiting(kiosk)
    switch(kiosk, "detect")
    assert_shown(kiosk, prepared, "plugged-in")
    assert kiosk.show("NRestarts") == "0"


@pytest.mark.slow("boots once more")
def test_a_board_boots_without_a_screen(first_boot: Path, bench: Bench, prepared: Prepared) -> None:
    kiosk = bench.start(first_boot, words="video=Virtual-1:d")
    kiosk.machine.wait_booted()
    kiosk.wait_started()
    kiosk.machine.until("the health port", kiosk.reachable, MOVE_S)
    assert_waiting(kiosk)
    switch(kiosk, "detect")
    assert_shown(kiosk, prepared, "plugged-in")
    switch(kiosk, "off")
    assert_waiting(kiosk)
    assert kiosk.show("NRestarts") == "0"


@pytest.mark.slow("starts kioskd once more, without GL")
def test_an_empty_driver_leaves_a_still_picture_and_the_voice(
    kiosk: Kiosk, prepared: Prepared
) -> None:
    """The end of the ladder: the avatar on the screen by plain KMS, and why in health."""
    kiosk.machine.shell(EMPTY_DRIVERS)
    kiosk.machine.shell("systemctl restart kioskd", START_S)
    found = wait_for_display(kiosk, "screen_failed")
    assert found["status"] == "fail"
    assert "a still picture by KMS 270×480" in found["observed"], found
    assert "https://" in found["reasons"][0]["text"], "where to look at what is shown"
    assert still_likeness(kiosk, prepared) >= LIKE_DB
    shot = pictures.load(kiosk.machine.settings.folder / "still.png")
    red, green, blue = np.median(shot[200:240, 115:155].reshape(-1, 3), axis=0)
    assert 60 < blue < green < red < 250, "the middle of the face has a face's colours"
    ended, spoken = 'kiosk_utterances_total{outcome="ended"}', "kiosk_speech_seconds_total"
    before = kiosk.metric(spoken)
    kiosk.machine.shell(f"kioskctl say '{SENTENCE}'", MOVE_S)
    kiosk.machine.until("the end of it", lambda: kiosk.metric(ended) or None, MOVE_S)
    assert kiosk.metric(spoken) > before + 1.0
    assert kiosk.state() == "active"
    assert kiosk.show("NRestarts") == "0"
    kiosk.machine.quit()
    speech = voice_of(read_bundle(prepared.avatar)).speak(SENTENCE)
    recording = sound.read(kiosk.machine.sound)
    share = sound.heard_share(recording, sound.at_rate(speech.samples, speech.sample_rate))
    assert share > 0.5, f"{share:.0%} of the sentence is in {kiosk.machine.sound}"


@pytest.mark.slow("starts kioskd twice more, on a driver that crashes it")
def test_a_driver_that_crashes_kioskd_leaves_a_still_picture(
    kiosk: Kiosk, prepared: Prepared
) -> None:
    """A cut library kills whoever loads it (SIGBUS): the next start does not try it first."""
    kiosk.machine.shell(CUT_DRIVERS)
    kiosk.machine.try_shell("systemctl restart kioskd", START_S)
    found = wait_for_display(kiosk, "screen_failed")
    assert "a still picture by KMS 270×480" in found["observed"], found
    assert "opening it crashed or hung kioskd the last time" in found["reasons"][0]["text"]
    assert still_likeness(kiosk, prepared) >= LIKE_DB
    assert int(kiosk.show("NRestarts")) >= 1


def still_likeness(kiosk: Kiosk, prepared: Prepared) -> float:
    """The best of some screenshots against the still picture as it is drawn on the host.

    An attempt with GL takes the picture down for a moment, and it is made on a slow processor.
    """
    drawn = StillPicture(read_bundle(prepared.avatar), WHITE, 0.0, None)
    drawn.paint(SCREEN)

    def alike() -> float | None:
        if not drawn.made:
            return None
        shot = pictures.load(kiosk.machine.screenshot("still"))
        if shot.shape[:2] != SCREEN[::-1]:
            return None
        found = pictures.masked_psnr(shot, drawn.paint(SCREEN).astype(np.float64))
        return found if found >= LIKE_DB else None

    return kiosk.machine.until("the still picture", alike, MOVE_S)
