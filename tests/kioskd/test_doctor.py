# SPDX-License-Identifier: Apache-2.0
"""kioskctl doctor on boards that lack this or that: what it sees, and how to mend it."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ready_settings import ready_audio
from update_images import BOARD, KeyPair, make_image, make_keys

from kioskd.audio.cards import SoundCard
from kioskd.board_facts import BoardFacts
from kioskd.doctor.devices import (
    GraphicsLibraryCheck,
    NpuPartsCheck,
    ScreenCheck,
    SoundCheck,
    WatchdogCheck,
)
from kioskd.doctor.kernel import KernelCheck
from kioskd.doctor.store_checks import ConfigFileCheck, IdentityCheck, RoomCheck, SlotsCheck
from kioskd.doctor.system import GroupsCheck, ServicesCheck
from kioskd.first_boot.identity import Identity
from kioskd.health.status import Finding
from kioskd.update.store import Store

STOCK = "CONFIG_SQUASHFS=y\nCONFIG_SQUASHFS_XZ=y\nCONFIG_BLK_DEV_LOOP=y\nCONFIG_SECCOMP_FILTER=y\n"
FULL = STOCK + "CONFIG_CGROUP_BPF=y\n# CONFIG_OVERLAY_FS is not set\n"


def outcome(finding: Finding) -> tuple[str, ...]:
    assert all(reason.text for reason in finding.reasons), "every reason says how to mend it"
    return (finding.status.word, *(reason.code for reason in finding.reasons))


def put(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (FULL, ("pass",)),
        (FULL.replace("=y", "=m"), ("pass",)),
        (STOCK, ("warn", "kernel_lacks_cgroup_bpf")),
        (FULL.replace("CONFIG_SQUASHFS_XZ=y\n", ""), ("fail", "kernel_lacks_squashfs_xz")),
        (
            STOCK.replace("CONFIG_BLK_DEV_LOOP=y", ""),
            ("fail", "kernel_lacks_blk_dev_loop", "kernel_lacks_cgroup_bpf"),
        ),
    ],
)
def test_the_kernel_s_configuration(tmp_path: Path, config: str, expected: tuple[str, ...]) -> None:
    put(tmp_path / "proc/config.gz", gzip.compress(config.encode()))
    assert outcome(KernelCheck(tmp_path, "6.1.75").run(0.0)) == expected
    (tmp_path / "proc/config.gz").unlink()
    put(tmp_path / "boot/config-6.1.75", config)
    assert outcome(KernelCheck(tmp_path, "6.1.75").run(0.0)) == expected


@pytest.mark.parametrize("damage", [b"", b"no gzip", gzip.compress(FULL.encode(), mtime=0)[:40]])
def test_a_kernel_that_does_not_tell(tmp_path: Path, damage: bytes) -> None:
    put(tmp_path / "proc/config.gz", damage)
    check = KernelCheck(tmp_path, "6.1")
    assert outcome(check.run(0.0)) == ("warn", "kernel_unknown")
    put(tmp_path / "proc/filesystems", "nodev\ttmpfs\n\text4\n\tsquashfs\n")
    put(tmp_path / "dev/loop-control", "")
    assert outcome(check.run(0.0)) == ("pass",)


def test_the_screen(tmp_path: Path) -> None:
    check = ScreenCheck(("rockchip",), tmp_path)
    assert outcome(check.run(0.0)) == ("fail", "no_graphics_card")
    (tmp_path / "sys/class/drm/card0").mkdir(parents=True)
    assert outcome(check.run(0.0)) == ("fail", "no_graphics_card")
    status = tmp_path / "sys/class/drm/card1-HDMI-A-1/status"
    (tmp_path / "sys/class/drm/card1").mkdir()
    put(status, "disconnected\n")
    assert outcome(check.run(0.0)) == ("warn", "no_screen_connected")
    status.write_text("connected\n")
    finding = check.run(0.0)
    assert (outcome(finding), finding.observed) == (("pass",), "card1 ?: HDMI-A-1")


def test_the_graphics_libraries(tmp_path: Path) -> None:
    put(tmp_path / "usr/lib/aarch64-linux-gnu/libEGL.so.1", "")
    put(tmp_path / "usr/lib/libGLESv2.so.2", "")
    finding = GraphicsLibraryCheck(tmp_path).run(0.0)
    assert outcome(finding) == ("fail", "no_graphics_library")
    assert finding.observed == "missing: libgbm.so.1"
    put(tmp_path / "usr/lib/aarch64-linux-gnu/mali/libgbm.so.1", "")
    assert outcome(GraphicsLibraryCheck(tmp_path).run(0.0)) == ("pass",)


def test_the_sound_card() -> None:
    hdmi = SoundCard("hdmisound", ("hdmisound",), 0)
    auto = ready_audio(device="auto", match=("*hdmi*",))
    assert outcome(SoundCheck(auto, list).run(0.0)) == ("warn", "no_sound_card")
    assert "CARD=hdmisound" in SoundCheck(auto, lambda: [hdmi]).run(0.0).observed
    other = SoundCard("Codec", ("Codec",), 0)
    assert outcome(SoundCheck(auto, lambda: [other]).run(0.0)) == ("warn", "no_card_fits")
    silent = ready_audio(enabled=False)
    assert outcome(SoundCheck(silent, list).run(0.0)) == ("pass",)
    assert SoundCheck(ready_audio(device="auto")).run(0.0).observed, "this machine's own cards"


def test_the_npu_s_library(tmp_path: Path) -> None:
    check = NpuPartsCheck(BoardFacts(npu="rknn"), tmp_path)
    assert outcome(check.run(0.0)) == ("warn", "no_npu_library")
    put(tmp_path / "usr/lib/librknnrt.so", "")
    assert outcome(check.run(0.0)) == ("warn", "no_npu_library"), "the payload's mount point"
    put(tmp_path / "usr/lib/librknnrt.so", "ELF")
    assert outcome(check.run(0.0)) == ("pass",)
    assert outcome(NpuPartsCheck(BoardFacts(), tmp_path / "x").run(0.0)) == ("pass",)


def test_the_watchdog(tmp_path: Path) -> None:
    wanted = WatchdogCheck(BoardFacts(watchdog=True), tmp_path)
    assert outcome(wanted.run(0.0)) == ("warn", "no_watchdog")
    assert outcome(WatchdogCheck(BoardFacts(), tmp_path).run(0.0)) == ("pass",)
    put(tmp_path / "dev/watchdog0", "")
    assert outcome(wanted.run(0.0)) == ("pass",)
    folder = tmp_path / "sys/class/watchdog/watchdog0"
    put(folder / "identity", "Synopsys DesignWare Watchdog\n")
    put(folder / "state", "inactive\n")
    put(folder / "timeout", "20\n")
    assert outcome(wanted.run(0.0)) == ("warn", "watchdog_off")
    put(folder / "state", "active\n")
    assert wanted.run(0.0).observed == "Synopsys DesignWare Watchdog, 20 s"


def test_the_groups(tmp_path: Path) -> None:
    assert outcome(GroupsCheck(tmp_path).run(0.0)) == ("warn", "groups_unreadable")
    put(tmp_path / "etc/group", "root:x:0:\nvideo:x:44:\naudio:x:29:\n")
    finding = GroupsCheck(tmp_path).run(0.0)
    assert outcome(finding) == ("warn", "groups_missing")
    assert finding.observed == "missing: kiosk, render, input"
    put(tmp_path / "etc/group", "kiosk:x:1:\nvideo:x:2:\nrender:x:3:\naudio:x:4:\ninput:x:5:\n")
    assert outcome(GroupsCheck(tmp_path).run(0.0)) == ("pass",)


SYSTEMCTL = """#!/bin/sh
case $2 in
	kioskd.service) echo "Result=exit-code
NRestarts=6
LoadState=loaded
ActiveState=failed" ;;
	kiosk-mark-good.service) echo "LoadState=not-found
ActiveState=inactive" ;;
	*) echo "NRestarts=0
LoadState=loaded
ActiveState=active" ;;
esac
"""


def test_the_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    put(tmp_path / "systemctl", "#!/bin/sh\nexit 1\n")
    (tmp_path / "systemctl").chmod(0o755)
    assert outcome(ServicesCheck().run(0.0)) == ("pass",)
    put(tmp_path / "systemctl", SYSTEMCTL)
    finding = ServicesCheck().run(0.0)
    assert outcome(finding) == ("warn", "service_failed", "service_missing")
    assert "kioskd failed (6 restarts)" in finding.observed


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return make_keys(tmp_path_factory.mktemp("keys"), "release")


def environment(store: Store, keys: KeyPair, payload: Path) -> dict[str, str]:
    return os.environ | {
        "KIOSK_STORE": str(store.root),
        "KIOSK_RUN": str(store.run),
        "KIOSK_BOARD": BOARD,
        "KIOSK_KEYS": str(keys.public.parent),
        "KIOSK_PAYLOAD": str(payload),
    }


def test_the_slots(tmp_path: Path, keys: KeyPair) -> None:
    store = Store(tmp_path / "store", tmp_path / "run")
    check = SlotsCheck(store, environment(store, keys, tmp_path))
    assert outcome(check.run(0.0)) == ("fail", "slot_unusable", "slot_unusable")
    store.slots.mkdir(parents=True)
    make_image(store.image("a"), keys, "1.0.0")
    assert outcome(check.run(0.0)) == ("pass",), "a board that was never updated"
    store.image("b").write_bytes(b"hsqs")
    assert outcome(check.run(0.0)) == ("warn", "slot_unusable")
    assert outcome(SlotsCheck(store, {"KIOSK_BOARD": "x", "KIOSK_KEYS": "/no"}).run(0.0)) == (
        "warn",
        "no_keys",
    )


def test_the_slots_of_a_machine_that_is_no_board(tmp_path: Path) -> None:
    check = SlotsCheck(Store(tmp_path, tmp_path), {"KIOSK_PAYLOAD": str(tmp_path)})
    [reason] = check.run(0.0).reasons
    assert reason.code == "no_release"
    assert "[no_release]" not in reason.text, "the code stands before it already"


def test_room_for_an_update(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert outcome(RoomCheck(store).run(0.0)) == ("warn", "no_store")
    store.slots.mkdir(parents=True)
    assert outcome(RoomCheck(store).run(0.0)) == ("pass",)
    with store.image("a").open("wb") as file:
        file.truncate(1 << 43)
    assert outcome(RoomCheck(store).run(0.0)) == ("warn", "no_room_for_update")


def test_the_configuration_and_the_identity(tmp_path: Path) -> None:
    file = tmp_path / "kiosk.yaml"
    assert outcome(ConfigFileCheck(file).run(0.0)) == ("pass",)
    file.write_text("audio: {volume: 2}\nlog: {level: loud}\n")
    assert outcome(ConfigFileCheck(file).run(0.0)) == ("fail", "config_invalid", "config_invalid")
    file.write_text("audio: {volume: 1}\n")
    assert outcome(ConfigFileCheck(file).run(0.0)) == ("pass",)
    assert outcome(IdentityCheck(None).run(0.0)) == ("warn", "no_identity")
    assert outcome(IdentityCheck(Identity("SN", "mainboard")).run(0.0)) == ("pass",)


def test_the_command_where_no_kioskd_answers(tmp_path: Path, keys: KeyPair) -> None:
    """Everything is told all the same, and each fault with what to do."""
    store = Store(tmp_path / "store", tmp_path / "run")
    store.slots.mkdir(parents=True)
    make_image(store.image("a"), keys, "1.0.0")
    facts = (
        '{"name": "rk3576", "title": "Rockchip", "tier": 1, "verified_on": [], "watchdog": true}'
    )
    put(tmp_path / "usr/share/kiosk/board.json", facts)
    done = subprocess.run(
        [sys.executable, "-m", "kioskd.ctl", "doctor"],
        env=environment(store, keys, tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "kioskd:"
    assert "kioskd_silent" in done.stdout
    board = "board rk3576: Rockchip, tier 1 (supported), verified on no board yet"
    assert board in lines
    rows = [line for line in lines if re.match(r"(ok  |WARN|FAIL) \S", line)]
    assert len(rows) >= 15
    assert any(line.startswith("ok   slots               a 1.0.0") for line in rows)
    for row, after in zip(lines, [*lines[1:], ""], strict=True):
        if row.startswith(("WARN", "FAIL")):
            assert re.match(r" {20,}\w+: ", after), f"no advice below: {row}"


def test_install_does_not_need_the_heavy_parts() -> None:
    """A payload whose numpy is broken can still be replaced."""
    code = (
        "import sys, kioskd.ctl.__main__; print({'numpy', 'aiohttp', 'pygame'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
