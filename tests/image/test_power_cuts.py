# SPDX-License-Identifier: Apache-2.0
"""An update of the real image from A to B; then the same, with QEMU killed twenty times.

Twelve times during `kioskctl install`, eight times while the board starts the new image. Each
time the machine goes on from the same saved moment and is killed a random time later: what it
had not flushed to new places of its disk is lost. Then the hook of that disk chooses from what is
left, as the next boot would; three of the disks are started as well.

The seed is fixed; KIOSK_IMAGE_SEED takes another one.
"""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from machines import RUNNING, Bench
from updating import IMAGES, INSTALL_S, TRIAL_S, config_sum, install, plug_in, state

from image_test.killed_disk import Verdict, next_start
from image_test.kiosk import Kiosk
from image_test.prepare import Prepared
from image_test.update_images import GOOD, GOOD_VERSION

INSTALL_CUTS = 12
START_CUTS = 8
STARTED = (6, 11)
"""The numbers of the cuts whose disk is started afterwards."""
SAMPLE = (2, 6)
"""The numbers of the cuts for which continuous integration has time."""
STARTING = "starting"
SEED = int(os.environ.get("KIOSK_IMAGE_SEED", "2024"))


@dataclass(frozen=True)
class Update:
    """An update that nothing cut: how long its parts took, and what it left.

    `disk` holds the moment before the first start of the new image as a snapshot.
    """

    config: str
    install_s: float
    start_s: float
    disk: Path
    before: dict[str, str]
    tried: dict[str, str]
    kept: dict[str, str]
    told: str


@pytest.fixture(scope="session")
def update(first_boot: Path, prepared: Prepared) -> Update:
    """The update that nothing cuts; its machine ends with it, however it ends."""
    bench = Bench(prepared, "update")
    try:
        return from_a_to_b(bench, first_boot)
    except BaseException:
        bench.close()
        raise


def from_a_to_b(bench: Bench, first_boot: Path) -> Update:
    """With a restart between; timed from outside, as the cuts are."""
    kiosk = bench.start(first_boot, RUNNING)
    config = config_sum(kiosk)
    plug_in(kiosk)
    began = time.monotonic()
    install(kiosk, GOOD)
    install_s = time.monotonic() - began
    before = state(kiosk)
    kiosk.machine.shell("systemd-run --on-active=1 systemctl poweroff")
    kiosk.machine.wait_ended(300)
    kiosk = bench.start(words="systemd.unit=basic.target")
    kiosk.machine.wait_booted()
    kiosk.machine.save(STARTING)
    began = time.monotonic()
    go_on(kiosk)

    def activated() -> bool | None:
        told = kiosk.machine.shell("systemctl show -P ActiveState kiosk-activate")
        return True if told.strip() == "active" else None

    kiosk.machine.until("the activation", activated, TRIAL_S)
    start_s = time.monotonic() - began
    kiosk.wait_started()
    tried = state(kiosk)
    kiosk.machine.until(
        "the end of the trial", lambda: None if state(kiosk)["pending"] else True, TRIAL_S
    )
    result = Update(
        config=config,
        install_s=install_s,
        start_s=start_s,
        disk=bench.disk,
        before=before,
        tried=tried,
        kept=state(kiosk) | {"config": config_sum(kiosk)},
        told=kiosk.machine.shell("cat /run/kiosk/version; kioskctl slots", INSTALL_S),
    )
    kiosk.machine.screenshot("updated")
    kiosk.machine.quit()
    print(f" install {install_s:.1f} s, activation {start_s:.1f} s, seed {SEED}", end="")
    return result


def go_on(kiosk: Kiosk) -> None:
    """From the small system to the whole one, the kiosk's units included."""
    kiosk.machine.shell("systemctl start --no-block multi-user.target")


def test_an_update_is_tried_and_kept(update: Update, prepared: Prepared) -> None:
    """Installed into the other slot, started, and after a healthy minute the good one."""
    assert (update.before["active"], update.before["pending"]) == ("a", "b")
    assert update.before["tries"] == "3"
    assert (update.tried["pending"], update.tried["tries"]) == ("b", "2")
    assert (update.kept["active"], update.kept["pending"]) == ("b", "")
    assert update.kept["failures"] == "0"
    assert update.kept["config"] == update.config
    assert update.told.startswith(f"{GOOD_VERSION}\n")
    assert prepared.version in update.told, "the old one is still there to go back to"


def moment(kind: str, number: int, count: int, seconds: float) -> float:
    """A random moment in the number-th of `count` equal parts of `seconds`."""
    chance = random.Random(f"{SEED} {kind} {number}").random()
    return (number + chance) / count * seconds


def numbers(count: int) -> list[Any]:
    """The numbers of `count` cuts, those beyond the sample marked as slow."""
    one_more = pytest.mark.slow("replays one more power cut")
    return [n if n in SAMPLE else pytest.param(n, marks=one_more) for n in range(count)]


def cut(kiosk: Kiosk, bench: Bench, at: float) -> Verdict:
    """Kill the machine after `at` seconds; what the next start makes of its disk."""
    time.sleep(at)
    kiosk.machine.kill()
    verdict = next_start(bench.disk)
    left = {name: verdict.state[name] for name in ("active", "pending", "tries")}
    print(f" cut at {at:.1f} s: slot {verdict.slot}, {left}", end="")
    return verdict


def assert_alive(verdict: Verdict, update: Update, prepared: Prepared) -> None:
    images = {"a": prepared.version, "b": GOOD_VERSION}
    assert verdict.slot in images, "some image starts"
    assert verdict.version == images[verdict.slot], "and it is a whole one"
    assert verdict.config == update.config


@pytest.mark.parametrize("number", numbers(INSTALL_CUTS))
def test_a_cut_during_the_installation(
    number: int, bench: Bench, first_boot: Path, prepared: Prepared, update: Update
) -> None:
    kiosk = bench.start(first_boot, RUNNING)
    plug_in(kiosk)
    kiosk.machine.shell(f"systemd-run --no-block kioskctl install {IMAGES}/{GOOD}")
    at = moment("install", number, INSTALL_CUTS, 1.3 * update.install_s)
    verdict = cut(kiosk, bench, at)
    assert_alive(verdict, update, prepared)
    if number in STARTED:
        starts(bench, update)


@pytest.mark.parametrize("number", numbers(START_CUTS))
def test_a_cut_during_the_start_of_the_new_image(
    number: int, bench: Bench, prepared: Prepared, update: Update
) -> None:
    kiosk = bench.start(update.disk, STARTING)
    go_on(kiosk)
    verdict = cut(kiosk, bench, moment("start", number, START_CUTS, 1.2 * update.start_s))
    assert_alive(verdict, update, prepared)
    assert verdict.slot == "b", "one cut is not three failed tries"
    if number in STARTED:
        starts(bench, update)


def starts(bench: Bench, update: Update) -> None:
    """The disk starts, mounts an image, and the first-boot service leaves the configuration."""
    kiosk = bench.start()
    kiosk.machine.wait_booted()

    def configured() -> bool | None:
        told = kiosk.machine.shell("systemctl show -P ActiveState kiosk-first-boot")
        return True if told.strip() == "active" else None

    kiosk.machine.until("activation and first-boot", configured, TRIAL_S)
    assert kiosk.machine.shell("cat /run/kiosk/slot").strip() in ("a", "b")
    assert config_sum(kiosk) == update.config
