# SPDX-License-Identifier: Apache-2.0
"""QEMU is killed amid updates of the real image: never a brick, never a lost configuration.

Twelve times during `kioskctl install`, eight times while the board starts the new image. Each
time the machine goes on from the same saved moment and is killed a random time later; what its
disk had not been told to flush is lost with it. Then the hook's activation runs on that disk,
as the next boot would run it; some disks are started whole, up to the face on the screen.

The seed is fixed; KIOSK_IMAGE_SEED takes another one.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import RUNNING, Bench
from image_test.kiosk import Kiosk
from image_test.prepare import Prepared
from image_test.update_images import GOOD, GOOD_VERSION
from test_update import IMAGES, INSTALL_S, TRIAL_S, config_sum, plug_in

INSTALL_CUTS = 12
START_CUTS = 8
WHOLE_STARTS = (5, 11)
CHECK_S = 600.0
STARTING = "starting"
SEED = int(os.environ.get("KIOSK_IMAGE_SEED", "2024"))


@dataclass(frozen=True)
class Measured:
    """What an update takes when nothing cuts it, and the disk that is about to start it."""

    config: str
    install_s: float
    start_s: float
    installed: Path


@pytest.fixture(scope="session")
def measured(first_boot: Path, prepared: Prepared) -> Measured:
    """One update without a cut; its disk is kept at the moment before the activation."""
    bench = Bench(prepared, "power-cuts")
    kiosk = bench.start(first_boot, RUNNING)
    config = config_sum(kiosk)
    plug_in(kiosk)
    began = time.monotonic()
    kiosk.machine.shell(f"kioskctl install {IMAGES}/{GOOD}", INSTALL_S)
    install_s = time.monotonic() - began
    kiosk.machine.shell("systemd-run --on-active=1 systemctl poweroff")
    kiosk.machine.wait_ended(300)
    kiosk = bench.start(words="systemd.unit=basic.target")
    kiosk.machine.wait_booted()
    kiosk.machine.save(STARTING)
    began = time.monotonic()
    go_on(kiosk)
    kiosk.machine.until(
        "the activation",
        lambda: (
            True
            if kiosk.machine.shell("systemctl show -P ActiveState kiosk-activate").strip()
            == "active"
            else None
        ),
        TRIAL_S,
    )
    start_s = time.monotonic() - began
    kiosk.machine.quit()
    print(f"\ninstall {install_s:.1f} s, activation {start_s:.1f} s, seed {SEED}")
    return Measured(config, install_s, start_s, bench.disk)


def go_on(kiosk: Kiosk) -> None:
    """From the small system to the whole one, the kiosk's units included."""
    kiosk.machine.shell("systemctl start --no-block multi-user.target")


def moment(kind: str, number: int, count: int, seconds: float) -> float:
    """A random moment in the number-th of `count` equal parts of `seconds`."""
    chance = random.Random(f"{SEED} {kind} {number}").random()
    return (number + chance) / count * seconds


def next_activation(bench: Bench) -> dict[str, Any]:
    """What the hook makes of the disk: slot, version, state, and the configuration's hash."""
    machine = bench.start(words="kiosk.check panic=-1").machine
    machine.wait_ended(CHECK_S)
    found = re.findall(r'^\{"checked".*\}$', machine.serial(), re.MULTILINE)
    assert found, machine.serial()[-3000:]
    result: dict[str, Any] = json.loads(found[-1])
    return result


def assert_alive(result: dict[str, Any], measured: Measured, prepared: Prepared) -> None:
    assert result["status"] == 0, f"an image is mounted: {result}"
    assert result["version"] in (prepared.version, GOOD_VERSION)
    assert (result["slot"], result["version"]) in (
        ("a", prepared.version), ("b", GOOD_VERSION)
    )  # fmt: skip
    assert result["release"] == prepared.version, "the payload can be read"
    assert result["config"] == measured.config


@pytest.mark.parametrize("number", range(INSTALL_CUTS))
def test_a_cut_during_the_installation(
    number: int, bench: Bench, first_boot: Path, prepared: Prepared, measured: Measured
) -> None:
    at = moment("install", number, INSTALL_CUTS, 1.05 * measured.install_s)
    kiosk = bench.start(first_boot, RUNNING)
    plug_in(kiosk)
    kiosk.machine.shell(f"systemd-run kioskctl install {IMAGES}/{GOOD}")
    time.sleep(at)
    kiosk.machine.kill()
    result = next_activation(bench)
    print(f" cut at {at:.1f} s: slot {result['slot']}, {result['state']}", end="")
    assert_alive(result, measured, prepared)
    if number in WHOLE_STARTS:
        starts_whole(bench, measured)


@pytest.mark.parametrize("number", range(START_CUTS))
def test_a_cut_during_the_start_of_the_new_image(
    number: int, bench: Bench, prepared: Prepared, measured: Measured
) -> None:
    at = moment("start", number, START_CUTS, 1.2 * measured.start_s)
    kiosk = bench.start(measured.installed, STARTING)
    go_on(kiosk)
    time.sleep(at)
    kiosk.machine.kill()
    result = next_activation(bench)
    print(f" cut at {at:.1f} s: slot {result['slot']}, {result['state']}", end="")
    assert_alive(result, measured, prepared)
    assert result["slot"] == "b", "one cut is not three failed tries"
    if number in WHOLE_STARTS:
        starts_whole(bench, measured)


def starts_whole(bench: Bench, measured: Measured) -> None:
    """The disk starts up to the kiosk's first frame, with the configuration that it had."""
    kiosk = bench.start()
    kiosk.machine.wait_booted()
    kiosk.wait_started()
    assert config_sum(kiosk) == measured.config
