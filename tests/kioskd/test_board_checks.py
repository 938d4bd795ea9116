# SPDX-License-Identifier: Apache-2.0
"""The checks of the board: storage and its wear, clock, slots, provisioning, identity."""

from __future__ import annotations

from pathlib import Path

import pytest
from update_images import KeyPair, make_image, make_keys

from kioskd.about import about
from kioskd.board_facts import BoardFacts
from kioskd.durable_files import DiskFiles
from kioskd.first_boot.result import Provisioning, write_provisioning
from kioskd.health.board_checks import EARLIEST, TimeCheck, build_time
from kioskd.health.status import Finding
from kioskd.health.storage_check import StorageCheck
from kioskd.health.update_check import ProvisioningCheck, UpdateCheck
from kioskd.metrics import Metrics
from kioskd.update.last_result import ACTIVE_DAMAGED, write_result
from kioskd.update.slot_state import SlotState, write_state
from kioskd.update.store import Store


def outcome(finding: Finding) -> tuple[str, ...]:
    return (finding.status.word, *(reason.code for reason in finding.reasons))


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


# Storage


def put(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_storage_is_watched_for_space_and_errors(tmp_path: Path) -> None:
    metrics = Metrics()
    check = StorageCheck(tmp_path, tmp_path, metrics)
    assert check.run(0.0).observed.endswith(f"free at {tmp_path}")
    put(tmp_path / "fs/ext4/mmcblk0p1/errors_count", "3\n")
    put(tmp_path / "fs/ext4/mmcblk0p2/errors_count", "")
    assert "storage_errors" in outcome(check.run(0.0))
    assert value(metrics, "kiosk_storage_ext4_errors") == 3
    assert 0 < (value(metrics, "kiosk_storage_free_ratio") or 0) <= 1
    put(tmp_path / "fs/ext4/mmcblk0p1/errors_count", "0")
    assert "storage_errors" not in outcome(check.run(0.0))
    gone = StorageCheck(tmp_path / "none", tmp_path).run(0.0)
    assert outcome(gone) == ("warn", "storage_unreadable")


@pytest.mark.parametrize(
    ("life", "end", "worn", "told", "ratio"),
    [
        ("0x01 0x01\n", "0x01\n", False, "at most 10% of the flash's life used", 0.1),
        ("0x02 0x08\n", "0x01\n", False, "at most 80% of", 0.8),
        ("0x01 0x09\n", "0x01\n", True, "at most 90% of", 0.9),
        ("0x0b 0x0b\n", "0x01\n", True, "at most 100% of", 1.1),
        ("0x01 0x01\n", "0x02\n", True, "", 0.1),
        ("0x00 0x00\n", "0x00\n", False, "", 0.0),
        ("rubbish\n", "\n", False, "", 0.0),
    ],
)
def test_the_wear_of_emmc_as_it_tells_it(
    tmp_path: Path, life: str, end: str, worn: bool, told: str, ratio: float
) -> None:
    put(tmp_path / "class/block/mmcblk0/device/life_time", life)
    put(tmp_path / "class/block/mmcblk0/device/pre_eol_info", end)
    metrics = Metrics()
    finding = StorageCheck(tmp_path, tmp_path, metrics).run(0.0)
    assert ("storage_worn" in outcome(finding)) is worn
    assert told in finding.observed
    assert value(metrics, "kiosk_storage_emmc_life_ratio") == pytest.approx(ratio)


def test_the_wear_of_ufs(tmp_path: Path) -> None:
    folder = tmp_path / "bus/platform/drivers/ufshcd-rockchip/2a2d0000.ufs/health_descriptor"
    put(folder / "life_time_estimation_a", "0x01")
    put(folder / "life_time_estimation_b", "0x0a")
    put(folder / "eol_info", "0x01")
    assert "storage_worn" in outcome(StorageCheck(tmp_path, tmp_path).run(0.0))


# The clock


@pytest.mark.parametrize(
    ("now", "tls", "expected"),
    [
        (1000.0, False, ("warn", "clock_not_set")),
        (1000.0, True, ("warn", "tls_time_unsynced")),
        (EARLIEST + 1, False, ("pass",)),
        (EARLIEST + 1, True, ("pass",)),
    ],
)
def test_a_clock_that_was_never_set_warns(
    tmp_path: Path, now: float, tls: bool, expected: tuple[str, ...]
) -> None:
    metrics = Metrics()
    synchronised = tmp_path / "synchronized"
    check = TimeCheck(lambda: tls, lambda: now, EARLIEST, synchronised, metrics)
    assert outcome(check.run(0.0)) == expected
    assert value(metrics, "kiosk_time_synced") == 0
    synchronised.touch()
    check.run(0.0)
    assert value(metrics, "kiosk_time_synced") == 1


def test_no_clock_is_right_that_is_before_the_build() -> None:
    assert build_time() >= EARLIEST
    assert TimeCheck(wall_clock=lambda: build_time() - 1).run(0.0).reasons
    assert outcome(TimeCheck().run(0.0)) == ("pass",)


# Slots


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return make_keys(tmp_path_factory.mktemp("keys"), "release")


@pytest.fixture
def store(tmp_path: Path, keys: KeyPair) -> Store:
    store = Store(tmp_path / "store", tmp_path / "run")
    store.slots.mkdir(parents=True)
    store.run.mkdir()
    make_image(store.image("a"), keys, "1.0.0")
    make_image(store.image("b"), keys, "1.1.0")
    return store


def test_slots_and_trials_are_told(store: Store) -> None:
    metrics = Metrics()
    check = UpdateCheck(store, metrics)
    assert check.run(0.0).observed == "not started from a slot"
    (store.run / "slot").write_text("b\n")
    write_state(store, SlotState("a", "b", 2), DiskFiles())
    assert check.run(0.0).observed == "slot b, version 1.1.0, on trial (2 tries left)"
    assert value(metrics, "kiosk_update_slot_info", slot="a", version="1.0.0") == 0
    assert value(metrics, "kiosk_update_slot_info", slot="b", version="1.1.0") == 1
    assert value(metrics, "kiosk_update_tries_left") == 2
    (store.run / "slot").write_text("a\n")
    assert "1.1.0 starts next, on trial" in check.run(0.0).observed
    write_state(store, SlotState("a", failures=1), DiskFiles())
    write_result(store, DiskFiles(), "fallback", "a", "1.0.0", "start_limit")
    finding = check.run(0.0)
    assert outcome(finding) == ("warn", "update_fell_back")
    assert "start_limit" in finding.reasons[0].text
    assert value(metrics, "kiosk_update_failures") == 1
    write_result(store, DiskFiles(), "installed", "b", "1.2.0")
    assert outcome(check.run(0.0)) == ("pass",)


def test_a_damaged_image_is_no_failed_update(store: Store) -> None:
    """Nobody has updated anything: what is told is the damage, and what mends it."""
    (store.run / "slot").write_text("b\n")
    write_state(store, SlotState("b"), DiskFiles())
    write_result(store, DiskFiles(), "fallback", "b", "1.1.0", ACTIVE_DAMAGED)
    finding = UpdateCheck(store, Metrics()).run(0.0)
    assert outcome(finding) == ("warn", "image_damaged")
    assert "trial" not in finding.reasons[0].text
    assert "kioskctl install" in finding.reasons[0].text


def test_a_new_image_in_a_slot_is_seen_and_a_damaged_one_has_no_version(
    store: Store, keys: KeyPair
) -> None:
    metrics = Metrics()
    check = UpdateCheck(store, metrics)
    (store.run / "slot").write_text("a\n")
    write_state(store, SlotState("a"), DiskFiles())
    check.run(0.0)
    make_image(store.image("b"), keys, "1.2.0")
    check.run(0.0)
    assert value(metrics, "kiosk_update_slot_info", slot="b", version="1.2.0") == 0
    assert value(metrics, "kiosk_update_slot_info", slot="b", version="1.1.0") is None
    store.image("a").write_bytes(b"hsqs")
    assert check.run(0.0).observed == "slot a, version unknown"
    (store.state / "slots").write_bytes(b"rubbish")
    assert outcome(check.run(0.0)) == ("warn", "update_state_damaged")


# Provisioning and identity


def test_a_refused_stick_is_told_until_it_is_gone(store: Store) -> None:
    check = ProvisioningCheck(store)
    assert outcome(check.run(0.0)) == ("pass",)
    refused = Provisioning("refused", ("kiosk.yaml:1: audio.loudness: unknown key",), "", "x")
    write_provisioning(store, refused, DiskFiles())
    finding = check.run(0.0)
    assert outcome(finding) == ("warn", "stick_refused")
    assert "audio.loudness" in finding.reasons[0].text
    for result, observed in (("own", "the board's own"), ("accepted", "from a stick")):
        write_provisioning(store, Provisioning(result), DiskFiles())
        assert check.run(0.0).observed == observed


@pytest.mark.parametrize("content", ["", "{", "[]", '{"result": 1}', '{"problems": 5}'])
def test_a_damaged_result_is_none(store: Store, content: str) -> None:
    store.state.mkdir()
    (store.state / "first-boot-result.json").write_text(content)
    assert outcome(ProvisioningCheck(store).run(0.0)) == ("pass",)


def test_what_the_kiosk_is(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store.state / "identity", "SN-7\ndevice tree\n")
    put(tmp_path / "usr/share/kiosk/release", "version=1.0.0+abc\nboard=rk3576\n")
    monkeypatch.setenv("KIOSK_PAYLOAD", str(tmp_path))
    (store.run / "slot").write_text("a\n")
    told = about(store, BoardFacts(name="rk3576"))
    assert (told.version, told.serial, told.board, told.slot) == (
        "1.0.0+abc",
        "SN-7",
        "rk3576",
        "a",
    )
