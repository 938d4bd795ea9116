# SPDX-License-Identifier: Apache-2.0
"""A boot as the hook does it, with real loop mounts in a mount namespace of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hook_stage import Board, Images

from kioskd.durable_files import DiskFiles
from kioskd.update.slot_state import SlotState, read_state, write_state

SHOW = '"$activate"; echo "status $?"; cat "$KIOSK_PAYLOAD/release" 2>/dev/null; echo'


def lines(result: subprocess.CompletedProcess[str]) -> list[str]:
    return result.stdout.split()


def test_a_boot_mounts_the_image_read_only_and_says_which(
    mounting_board: Board, images: Images
) -> None:
    board = mounting_board
    board.put("a", images.one)
    text = SHOW + '; grep " $KIOSK_PAYLOAD " /proc/self/mounts; touch "$KIOSK_PAYLOAD/x" || echo ro'
    result = board.mounting(text)
    told = lines(result)
    assert told[:3] == ["status", "0", "1.0"], result.stderr
    options = told[told.index("squashfs") + 1].split(",")
    assert {"ro", "nosuid", "nodev"} <= set(options)
    assert told[-1] == "ro"
    run = board.store.run
    assert (run / "slot").read_text() == "a\n"
    assert (run / "version").read_text() == "1.0\n"
    assert not (run / "reason").exists()


def test_stopping_unmounts_and_another_boot_changes_the_image(
    mounting_board: Board, images: Images
) -> None:
    board = mounting_board
    board.put("a", images.one)
    board.put("b", images.two)
    write_state(board.store, SlotState("a", "b", 1), DiskFiles())
    again = f'{SHOW}; "$activate" stop; ls "$KIOSK_PAYLOAD"; {SHOW}'
    result = board.mounting(again)
    assert lines(result) == ["status", "0", "2.0", "status", "0", "1.0"], result.stderr
    assert read_state(board.store) == SlotState("a", failures=1)
    # A restart without a stop, as after a crash of the script, mounts nothing on top
    result = board.mounting(f'{SHOW}; {SHOW}; grep -c " $KIOSK_PAYLOAD " /proc/self/mounts')
    assert lines(result)[-1] == "1", result.stderr


def test_without_a_usable_image_there_is_a_reason_for_each_slot(
    mounting_board: Board, images: Images
) -> None:
    board = mounting_board
    board.put("a", images.one[:-1])
    result = board.mounting(SHOW)
    assert lines(result) == ["status", "1"], result.stderr
    reason = (board.store.run / "reason").read_text().splitlines()
    assert reason[0] == "image"
    assert reason[2].startswith("Slot a: truncated: ")
    assert reason[3] == "Slot b: empty: no image is installed"
    assert not (board.store.run / "slot").exists()
    # The next boot, with an image, forgets the reason
    board.put("b", images.two)
    assert lines(board.mounting(SHOW))[:3] == ["status", "0", "2.0"]
    assert not (board.store.run / "reason").exists()


def test_an_image_that_the_kernel_does_not_mount_gives_way(
    mounting_board: Board, images: Images
) -> None:
    """Signed, but in a compression that this kernel lacks: mount fails, whatever the reason."""
    board = mounting_board
    board.put("a", images.one)
    board.put("b", images.two)
    write_state(board.store, SlotState("a", "b", 3), DiskFiles())
    refuses = board.folder / "bin" / "mount"
    refuses.unlink(missing_ok=True)
    real = "busybox mount" if board.shell == "busybox" else "/usr/bin/mount"
    refuses.write_text(f'#!/bin/sh\ncase "$*" in */b.img*) exit 32 ;; esac\nexec {real} "$@"\n')
    refuses.chmod(0o755)
    assert lines(board.mounting(SHOW)) == ["status", "0", "1.0"]
    assert read_state(board.store) == SlotState("a", failures=1)


def partition_with(board: Board, image: bytes) -> Path:
    source = board.folder / "flashed"
    (source / "slots").mkdir(parents=True)
    (source / "slots/b.img").write_bytes(image)
    partition = board.folder / "partition.ext4"
    subprocess.run(
        ["mke2fs", "-q", "-t", "ext4", "-L", "KIOSK", "-d", source, partition, "8M"],
        check=True,
        capture_output=True,
    )
    return partition


def test_a_store_on_its_own_partition(mounting_board: Board, images: Images) -> None:
    board = mounting_board
    (board.folder / "labels/KIOSK").symlink_to(partition_with(board, images.two))
    board.put("a", images.one)  # what the root file system carries is hidden by it
    text = SHOW + '; ls "$KIOSK_STORE"; grep " $KIOSK_STORE " /proc/self/mounts'
    result = board.mounting(text)
    told = lines(result)
    assert told[:3] == ["status", "0", "2.0"], result.stderr
    assert {"config", "data", "slots", "state"} <= set(told)
    assert {"noexec", "nosuid", "nodev"} <= set(told[told.index("ext4") + 1].split(","))
    # The state is in the partition, for the next boot
    assert read_state(board.store) is None
    assert lines(board.mounting(SHOW))[:3] == ["status", "0", "2.0"]


@pytest.mark.parametrize("in_use", [False, True])
def test_a_partition_that_the_vendors_fstab_has_mounted_is_taken_from_there(
    mounting_board: Board, images: Images, in_use: bool
) -> None:
    """Checked and mounted once; where somebody works in it that is said, and it starts as well."""
    board = mounting_board
    partition = partition_with(board, images.two)
    (board.folder / "vendor oem").mkdir()
    losetup = shutil.which("losetup", path="/usr/sbin:/sbin")
    use = 'exec 8>"$oem/slots/used";' if in_use else ""
    text = f"""oem="$KIOSK_STAGE/vendor oem"; device=$({losetup} -f --show {partition}) || exit 9
        mount -t ext4 "$device" "$oem"; ln -s "$device" "$KIOSK_LABELS/KIOSK"; {use} {SHOW}
        grep -c "^$device " /proc/self/mounts; exec 8>&-
        grep "^$device " /proc/self/mounts | while read -r _ place _; do
            umount "$(printf %b "$place")" || umount -l "$KIOSK_STORE"; done
        losetup -d "$device" """
    result = board.mounting(text)
    assert lines(result)[:4] == ["status", "0", "2.0", "2" if in_use else "1"], result.stderr
    assert ("not checked: see /etc/fstab" in result.stderr) == in_use
    assert ("is mounted." in result.stderr) == in_use, "e2fsck looked at what nobody had mounted"


def test_a_store_in_the_root_does_not_outrun_the_partition(
    mounting_board: Board, images: Images
) -> None:
    """udev may still be at it when the hook starts: the link by label comes a moment later."""
    board = mounting_board
    partition = partition_with(board, images.two)
    udevadm = board.folder / "bin" / "udevadm"
    udevadm.write_text(f'#!/bin/sh\n[ "$1" = settle ] && ln -s {partition} "$KIOSK_LABELS/KIOSK"\n')
    udevadm.chmod(0o755)
    board.put("a", images.one)
    result = board.mounting(SHOW)
    assert lines(result) == ["status", "0", "2.0"], result.stderr


def test_the_partition_is_waited_for_only_where_nothing_else_is(
    mounting_board: Board, images: Images
) -> None:
    board = mounting_board
    sleep = board.folder / "bin" / "sleep"
    sleep.unlink(missing_ok=True)
    sleep.write_text('#!/bin/sh\necho "$1" >>"$KIOSK_STAGE/slept"\n')
    sleep.chmod(0o755)
    assert lines(board.mounting(SHOW)) == ["status", "1"]
    slept = [float(word) for word in (board.folder / "slept").read_text().split()]
    assert sum(slept) == pytest.approx(5.0), "five seconds for a partition that may come"
    (board.folder / "slept").unlink()
    board.put("a", images.one)
    assert lines(board.mounting(SHOW)) == ["status", "0", "1.0"]
    assert not (board.folder / "slept").exists()


def test_a_damaged_partition_leaves_the_folder_of_the_root_file_system(
    mounting_board: Board, images: Images
) -> None:
    board = mounting_board
    (board.folder / "labels/KIOSK").symlink_to(board.folder / "noise")
    (board.folder / "noise").write_bytes(bytes(range(256)) * 4096)
    board.put("a", images.one)
    result = board.mounting(SHOW)
    assert lines(result) == ["status", "0", "1.0"]
    assert "cannot be mounted" in result.stderr


def test_name_servers_are_copied_and_follow(mounting_board: Board, images: Images) -> None:
    board = mounting_board
    board.put("a", images.one)
    etc = board.folder / "etc"
    etc.mkdir()
    (etc / "resolv.conf").write_text("nameserver 192.0.2.1\n")
    shutil.copy("/etc/group", etc)
    shutil.copy("/etc/passwd", etc)
    text = f"""mount --bind {etc} /etc && "$activate" && cat "$KIOSK_RUN/net/resolv.conf" &&
        echo nameserver 192.0.2.2 >{etc}/new && mv {etc}/new /etc/resolv.conf &&
        "$activate" names && cat "$KIOSK_RUN/net/resolv.conf" """
    told = lines(board.mounting(text))
    assert told == ["nameserver", "192.0.2.1", "nameserver", "192.0.2.2"]
    assert (board.store.run / "net/hosts").read_text() == "", "none here is an empty one there"


def test_a_system_that_cannot_have_the_user_runs_the_service_as_daemon(
    mounting_board: Board, images: Images
) -> None:
    board = mounting_board
    board.put("a", images.one)
    board.variables["KIOSK_USER"] = "kiosk-that-is-not-there"
    result = board.mounting(f'{SHOW}; stat -c %U "$KIOSK_STORE/data"')
    assert lines(result) == ["status", "0", "1.0", "daemon"], result.stderr
    drop_in = (board.folder / "units/kioskd.service.d/board.conf").read_text()
    assert "\nUser=daemon\nGroup=daemon\n" in drop_in
    assert "systemctl daemon-reload" in board.asked()
