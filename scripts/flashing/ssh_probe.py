# SPDX-License-Identifier: Apache-2.0
"""What a machine says about itself over ssh, and why it is or is not the board that is meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from firmware.boards import Board
from flashing.errors import FlashError

OLDEST_SYSTEMD: Final = 247
_ARCHITECTURES: Final = {"arm64": "aarch64"}
SCRIPT: Final = r"""
say() { printf '%s=%s\n' "$1" "$2"; }
say arch "$(uname -m)"
say user "$(id -u)"
sudo -n true 2>/dev/null && say sudo yes
say compatible "$(tr '\0' ' ' < /proc/device-tree/compatible 2>/dev/null)"
say model "$(tr -d '\0' < /proc/device-tree/model 2>/dev/null)"
say systemd "$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p')"
say openssl "$(command -v openssl)"
say kioskctl "$(command -v kioskctl)"
if [ -e /var/lib/kiosk/slots/a.img ] || [ -e /var/lib/kiosk/slots/b.img ]; then
    say slots yes
fi
say board "$(cat /usr/lib/kiosk/board 2>/dev/null)"
say version "$(cat /run/kiosk/version 2>/dev/null)"
say slot "$(cat /run/kiosk/slot 2>/dev/null)"
say service "$(systemctl is-active kioskd.service 2>/dev/null)"
if grep -qw squashfs /proc/filesystems || modprobe -n squashfs 2>/dev/null; then
    say squashfs yes
fi
say root "$(awk '$2 == "/" { options = $4 } END { print substr(options, 1, 2) }' /proc/mounts)"
say free_kib "$(df -Pk /var/tmp 2>/dev/null | awk 'NR == 2 { print $4 }')"
say root_free_kib "$(df -Pk / 2>/dev/null | awk 'NR == 2 { print $4 }')"
for unit in display-manager weston; do
    systemctl is-enabled -q $unit.service 2>/dev/null && desktop="$desktop $unit.service"
done
say desktop "$desktop"
say boot "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
say end yes
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine's answers. Empty texts where it does not tell.

    `desktop` are enabled units that hold the screen; `boot` differs at every start.
    """

    arch: str
    root_user: bool
    sudo: bool
    compatible: tuple[str, ...]
    model: str
    systemd: int
    openssl: bool
    installed: bool
    board: str
    version: str
    slot: str
    service: str
    squashfs: bool
    root_writable: bool
    free_bytes: int
    root_free_bytes: int
    desktop: tuple[str, ...]
    boot: str


def parse(text: str) -> Machine:
    """What `SCRIPT` printed; raises FlashError when it did not run to its end."""
    pairs = (line.partition("=") for line in text.splitlines())
    said = {key: value.strip() for key, found, value in pairs if found}
    if said.get("end") != "yes":
        last = text.strip().splitlines()[-1:] or ["nothing"]
        raise FlashError(f"the machine's shell did not answer as expected: {last[0]}")

    def number(key: str) -> int:
        return int(said[key]) if said.get(key, "").isdecimal() else 0

    return Machine(
        arch=said["arch"],
        root_user=said["user"] == "0",
        sudo=said.get("sudo") == "yes",
        # Vendors write names in capitals, too: "mediatek,MT6768"
        compatible=tuple(said["compatible"].lower().split()),
        model=said["model"],
        systemd=number("systemd"),
        openssl=bool(said["openssl"]),
        installed=bool(said["kioskctl"]) and said.get("slots") == "yes",
        board=said["board"],
        version=said["version"],
        slot=said["slot"],
        service=said["service"],
        squashfs=said.get("squashfs") == "yes",
        root_writable=said["root"] != "ro",
        free_bytes=number("free_kib") << 10,
        root_free_bytes=number("root_free_kib") << 10,
        desktop=tuple(said.get("desktop", "").split()),
        boot=said["boot"],
    )


def check_machine(machine: Machine, board: Board, upload_bytes: int) -> None:
    """Raises FlashError where the machine is not this board, or cannot run a kiosk."""
    if machine.arch != _ARCHITECTURES[board.arch]:
        raise FlashError(f"the machine is {machine.arch}; the kiosk runs on 64-bit ARM (aarch64)")
    if board.compatible and not set(board.compatible) & set(machine.compatible):
        raise FlashError(
            f"the machine is not {board.name}: its device tree says "
            f"{', '.join(machine.compatible) or 'nothing'}, expected one of "
            f"{', '.join(board.compatible)}. Nothing was written"
        )
    if machine.board and machine.board != board.name:
        raise FlashError(
            f"the machine runs a kiosk for {machine.board}, not for {board.name}. Nothing was "
            "written"
        )
    if not machine.root_user and not machine.sudo:
        raise FlashError(
            "this needs root: HOST=root@address, or a user whose sudo asks for no password"
        )
    if machine.systemd < OLDEST_SYSTEMD:
        raise FlashError(
            f"the machine has {f'systemd {machine.systemd}' if machine.systemd else 'no systemd'}; "
            f"the kiosk needs systemd {OLDEST_SYSTEMD} or newer"
        )
    if not machine.openssl:
        raise FlashError(
            "the machine has no openssl, which checks the image's signature: install it"
        )
    if machine.free_bytes < upload_bytes:
        raise FlashError(
            f"/var/tmp of the machine has {machine.free_bytes >> 20} MiB free, the upload needs "
            f"{upload_bytes >> 20}"
        )


def check_virgin(machine: Machine, archive_bytes: int) -> None:
    """What a first contact needs besides; raises FlashError."""
    if not machine.root_writable:
        raise FlashError(
            "the machine's root file system is mounted read-only: mount it writable "
            "(mount -o remount,rw /), or put the kiosk into the root image with `make rootfs`"
        )
    if not machine.squashfs:
        raise FlashError(
            "the machine's kernel has no squashfs, which the payload is: enable CONFIG_SQUASHFS "
            "and CONFIG_SQUASHFS_XZ"
        )
    if machine.root_free_bytes < archive_bytes:
        raise FlashError(
            f"the machine's root has {machine.root_free_bytes >> 20} MiB free, hook and payload "
            f"need {archive_bytes >> 20}"
        )
