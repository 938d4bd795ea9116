# SPDX-License-Identifier: Apache-2.0
"""Updates on the real image: kept when healthy, left when broken, refused when not ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from image_test.kiosk import Kiosk
from image_test.prepare import IMAGES_LABEL, Prepared
from image_test.update_images import BROKEN, BROKEN_VERSION, GOOD, GOOD_VERSION, STRANGER

IMAGES = "/run/images"
INSTALL_S = 600.0
"""Python, two checks of 36 MB and a write, emulated; seconds on a board."""
TRIAL_S = 1200.0
"""A restart, and then the healthy minute or the failures, emulated."""


def plug_in(kiosk: Kiosk) -> None:
    """Mount the disk with images to update to."""
    kiosk.machine.shell(
        f"mkdir -p {IMAGES} && mount -o ro /dev/disk/by-label/{IMAGES_LABEL} {IMAGES}"
    )


def state(kiosk: Kiosk) -> dict[str, str]:
    """The state file of the slots."""
    lines = kiosk.machine.shell("cat /var/lib/kiosk/state/slots").splitlines()
    return dict(line.split("=", 1) for line in lines)


def config_sum(kiosk: Kiosk) -> str:
    """A hash over the whole configuration."""
    return kiosk.machine.shell(
        "cd /var/lib/kiosk; find config -type f -exec sha256sum {} + | sort | sha256sum"
    ).split()[0]


def restart(kiosk: Kiosk) -> None:
    """Restart the board; returns when its new user space answers."""
    boot = kiosk.machine.shell("cat /proc/sys/kernel/random/boot_id")
    kiosk.machine.shell("systemd-run --on-active=1 systemctl reboot")
    kiosk.machine.until(
        "the next boot",
        lambda: (
            True
            if kiosk.machine.next_boot("cat /proc/sys/kernel/random/boot_id") not in ("", boot)
            else None
        ),
        TRIAL_S,
    )


def test_an_update_is_tried_and_kept(kiosk: Kiosk, prepared: Prepared) -> None:
    """A to B: installed into the other slot, started, and after a healthy minute the good one."""
    config = config_sum(kiosk)
    plug_in(kiosk)
    told = kiosk.machine.shell(f"kioskctl install {IMAGES}/{GOOD}", INSTALL_S)
    assert GOOD_VERSION in told
    found = state(kiosk)
    assert (found["active"], found["pending"], found["tries"]) == ("a", "b", "3")
    assert kiosk.machine.shell("cat /run/kiosk/slot").strip() == "a", "until the next start"

    restart(kiosk)
    kiosk.wait_started()
    assert kiosk.machine.shell("cat /run/kiosk/slot").strip() == "b"
    assert kiosk.machine.shell("cat /run/kiosk/version").strip() == GOOD_VERSION
    kiosk.machine.until(
        "the end of the trial", lambda: None if state(kiosk)["pending"] else True, TRIAL_S
    )
    found = state(kiosk)
    assert (found["active"], found["tries"], found["failures"]) == ("b", "0", "0")
    assert config_sum(kiosk) == config
    shown = kiosk.machine.shell("kioskctl slots", INSTALL_S)
    assert GOOD_VERSION in shown
    assert prepared.version in shown, "the old one is still there to go back to"


def test_a_broken_update_is_left_by_itself(kiosk: Kiosk, prepared: Prepared) -> None:
    """kioskd of B ends at once: without anybody's help the board is back on A."""
    config = config_sum(kiosk)
    plug_in(kiosk)
    kiosk.machine.shell(f"kioskctl install {IMAGES}/{BROKEN}", INSTALL_S)
    restart(kiosk)
    kiosk.machine.until(
        "the broken image",
        lambda: (
            True
            if kiosk.machine.next_boot("cat /run/kiosk/version").strip() == BROKEN_VERSION
            else None
        ),
        TRIAL_S,
    )

    def back() -> bool | None:
        slot = kiosk.machine.next_boot("cat /run/kiosk/slot; systemctl is-active kioskd")
        return True if slot.split() == ["a", "active"] else None

    kiosk.machine.until("the old image", back, TRIAL_S)
    found = state(kiosk)
    assert (found["active"], found["pending"], found["failures"]) == ("a", "", "1")
    assert kiosk.machine.shell("cat /run/kiosk/version").strip() == prepared.version
    assert config_sum(kiosk) == config
    assert kiosk.reachable() or kiosk.machine.until("the health port", kiosk.reachable, 120)


@pytest.mark.parametrize("part", ["squashfs", "manifest", "signature", "trailer"])
def test_one_flipped_byte_is_refused(kiosk: Kiosk, part: str, tmp_path: Path) -> None:
    """Wherever it is: nothing is written, and the error says what is wrong with the image."""
    plug_in(kiosk)
    before = state(kiosk)
    kiosk.machine.shell(
        f"""
        cp {IMAGES}/{GOOD} /var/tmp/flipped.img
        line=$(tail -c 512 /var/tmp/flipped.img | head -n 1)
        for word in $line; do case $word in *=*) eval "$word";; esac; done
        case {part} in
            squashfs) at=$((squashfs / 3)) ;;
            manifest) at=$((squashfs + manifest / 2)) ;;
            signature) at=$((squashfs + manifest + signature - 3)) ;;
            trailer) at=$((squashfs + manifest + signature + 20)) ;;
        esac
        old=$(od -An -tu1 -j $at -N 1 /var/tmp/flipped.img)
        printf "\\\\$(printf %o $((old ^ 1)))" |
            dd of=/var/tmp/flipped.img bs=1 seek=$at conv=notrunc status=none
        cmp -l {IMAGES}/{GOOD} /var/tmp/flipped.img | wc -l | grep -qx 1
        """,
        120,
    )
    answer = kiosk.machine.try_shell("kioskctl install /var/tmp/flipped.img", INSTALL_S)
    assert answer.status != 0
    assert answer.output.startswith("error: "), answer.output
    assert "Traceback" not in answer.output
    assert state(kiosk) == before
    kiosk.machine.shell("test ! -e /var/lib/kiosk/slots/b.img")


def test_a_strangers_signature_is_refused(kiosk: Kiosk) -> None:
    """By kioskctl and, should the file have come into a slot nevertheless, by the hook."""
    plug_in(kiosk)
    before = state(kiosk)
    answer = kiosk.machine.try_shell(f"kioskctl install {IMAGES}/{STRANGER}", INSTALL_S)
    assert answer.status != 0
    assert "unknown_key" in answer.output
    assert state(kiosk) == before
    kiosk.machine.shell("test ! -e /var/lib/kiosk/slots/b.img")
    checked = kiosk.machine.try_shell(f"/usr/libexec/kiosk/verify {IMAGES}/{STRANGER}", INSTALL_S)
    assert checked.status != 0
    assert "unknown_key" in checked.output
