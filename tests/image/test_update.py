# SPDX-License-Identifier: Apache-2.0
"""Updates on the real image: left when broken, refused when not ours. Kept: test_power_cuts."""

from __future__ import annotations

import pytest
from updating import IMAGES, INSTALL_S, TRIAL_S, config_sum, install, plug_in, state

from image_test.kiosk import Kiosk
from image_test.prepare import Prepared
from image_test.update_images import BROKEN, BROKEN_VERSION, STRANGER

FLIP = """
cp {image} /var/tmp/flipped.img
line=$(tail -c 512 {image} | head -n 1)
for word in $line; do case $word in *=*) eval "$word" ;; esac; done
case {part} in
    squashfs) at=$((squashfs / 3)) ;;
    manifest) at=$((squashfs + manifest / 2)) ;;
    signature) at=$((squashfs + manifest + signature - 3)) ;;
    trailer) at=$((squashfs + manifest + signature + 20)) ;;
esac
old=$(od -An -tu1 -j $at -N 1 {image})
printf "\\\\$(printf %o $((old ^ 1)))" | dd of=/var/tmp/flipped.img bs=1 seek=$at conv=notrunc 2>&1
cmp -l {image} /var/tmp/flipped.img | wc -l | grep -qx 1
"""


@pytest.mark.slow("checks five bad images on an emulated processor")
def test_what_is_not_ours_is_refused(kiosk: Kiosk) -> None:
    """One flipped byte, wherever it is, and a stranger's signature: nothing is written."""
    plug_in(kiosk)
    before = state(kiosk)
    codes = {
        "squashfs": "wrong_hash",
        "manifest": "wrong_signature",
        "signature": "wrong_signature",
        "trailer": "bad_trailer",
    }
    for part, code in codes.items():
        kiosk.machine.shell(FLIP.format(image=f"{IMAGES}/good.img", part=part), INSTALL_S)
        refuses(kiosk, "/var/tmp/flipped.img", code)
    refuses(kiosk, f"{IMAGES}/{STRANGER}", "unknown_key")
    assert state(kiosk) == before
    kiosk.machine.shell("test -z \"$(ls /var/lib/kiosk/slots | grep -v '^a.img$')\"")
    checked = kiosk.machine.try_shell(f"/usr/libexec/kiosk/verify {IMAGES}/{STRANGER}", INSTALL_S)
    assert checked.status != 0
    assert "unknown_key" in checked.output, "should it have come into a slot nevertheless"


def refuses(kiosk: Kiosk, image: str, code: str) -> None:
    answer = kiosk.machine.try_shell(f"kioskctl install {image}", INSTALL_S)
    assert answer.status != 0, f"{image} was taken, {code} expected"
    assert "error: " in answer.output
    assert code in answer.output, answer.output
    assert "Traceback" not in answer.output


def test_a_broken_update_is_left_by_itself(kiosk: Kiosk, prepared: Prepared) -> None:
    """kioskd of B ends at once: without anybody's help the board is back on A."""
    config = config_sum(kiosk)
    plug_in(kiosk)
    install(kiosk, BROKEN)
    kiosk.machine.shell("systemd-run --on-active=1 systemctl reboot")
    seen: list[str] = []

    def back() -> bool | None:
        told = kiosk.machine.next_boot(
            "cat /run/kiosk/slot /run/kiosk/version; systemctl show -P ActiveState kioskd"
        )
        if told and told not in seen:
            seen.append(told)
        tried = any(BROKEN_VERSION in each for each in seen)
        return True if tried and told.split() == ["a", prepared.version, "active"] else None

    kiosk.machine.until("the broken image and then the old one", back, TRIAL_S)
    found = state(kiosk)
    assert (found["active"], found["pending"]) == ("a", "")
    assert int(found["failures"]) >= 1
    assert config_sum(kiosk) == config
    kiosk.machine.until("the health port", kiosk.reachable, TRIAL_S)
    told = kiosk.machine.shell("kioskctl slots", INSTALL_S)
    assert BROKEN_VERSION in told
    assert "fallback" in told, told
