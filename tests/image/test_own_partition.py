# SPDX-License-Identifier: Apache-2.0
"""kiosk-overlay.img on a partition of its own, as it is flashed; the root has the hook alone.

The machine lacks what a board may lack at its first start: a clock that is right, a network, a
sound card, and a screen, which is plugged in later. Installs are cut five times, each time with
the copying process stopped first, so that no cut misses the copy.
"""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from likeness import best_likeness
from machines import RUNNING, settings
from screens import LIKE_DB, assert_waiting, switch, wait_for_display
from updating import IMAGES, INSTALL_S, config_sum, plug_in

from image_test import disk, pictures
from image_test.killed_disk import next_start
from image_test.kiosk import Kiosk
from image_test.machine import Machine
from image_test.prepare import BOARD, Prepared
from image_test.update_images import GOOD, GOOD_VERSION

STORE: Final = "var/lib/kiosk/"
PARTS: Final = (0.02, 0.2, 0.4, 0.6, 0.8)
"""How much of the image is copied at the cuts."""
STOP_WITHIN: Final = """
new=/var/lib/kiosk/slots/b.img.new
kioskctl install {image} >/run/install.txt 2>&1 &
# Nothing but the shell's own words until it is stopped: a fork takes as long as the copy
until [ -s $new ]; do kill -0 $! || exit 1; done
kill -STOP $!
until [ "$(stat -c %s $new)" -ge {bytes} ]; do
    kill -0 $! || exit 1
    kill -CONT $!
    for ((i = 0; i < 300; i++)); do :; done
    kill -STOP $!
done
stat -c %s $new
"""


class InsideKiosk(Kiosk):
    """A kiosk without a network, asked from within."""

    def get(self, path: str, token: str | None = None) -> bytes:
        """See Kiosk; raises URLError."""
        token = token or self.owner.token
        request = f"GET {path} HTTP/1.0\\r\\nAuthorization: Bearer {token}\\r\\n\\r\\n"
        answer = self.machine.try_shell(
            f"printf '{request}' | timeout 50 openssl s_client -quiet -connect 127.0.0.1:8080 "
            "2>/dev/null"
        ).output
        head, _, body = answer.partition("\r\n\r\n")
        if " 200 " not in head.partition("\r\n")[0]:
            raise urllib.error.URLError(head[:200] or "no answer")
        return body.encode()


@dataclass(frozen=True)
class Flashed:
    """A board's two disks; both are qcow2 and hold the same machine snapshots."""

    root: Path
    partition: Path

    def copy(self, folder: Path, name: str) -> Flashed:
        """Another board that goes on from there."""
        copied = Flashed(folder / f"{name}.qcow2", folder / f"{name}-own.qcow2")
        shutil.copyfile(self.root, copied.root)
        shutil.copyfile(self.partition, copied.partition)
        return copied

    def remove(self) -> None:
        self.root.unlink()
        self.partition.unlink()


@pytest.fixture(scope="session")
def hook_alone(prepared: Prepared) -> Iterator[Path]:
    """A root disk with the hook and without any image."""
    archive, root = prepared.results / "hook.tar", prepared.results / "hook-root.raw"
    with tarfile.open(build() / "rootfs-overlay.tar") as whole, tarfile.open(archive, "w") as hook:
        for member in whole:
            if not member.name.startswith(STORE):
                hook.addfile(member, whole.extractfile(member) if member.isreg() else None)
    disk.root_disk([prepared.base.root_tar, archive], root)
    archive.unlink()
    yield root
    root.unlink()


def build() -> Path:
    """The deliveries under test."""
    return Path(os.environ["KIOSK_IMAGE_TEST"]) / BOARD


def flash(image: Path, hook_alone: Path, folder: Path, name: str) -> Flashed:
    return Flashed(
        disk.overlay(hook_alone, folder / f"{name}.qcow2"),
        disk.overlay(image, folder / f"{name}-own.qcow2"),
    )


def start(
    prepared: Prepared, board: Flashed, name: str, words: str = "", snapshot: str = ""
) -> Machine:
    return Machine(
        settings(prepared, board.root, name, snapshot, words, board.partition, bare=True)
    )


@pytest.fixture(scope="session")
def flashed(prepared: Prepared, hook_alone: Path) -> Flashed:
    """Started for the first time, and seen to bear what it lacks; the snapshot of that moment."""
    board = flash(build() / "kiosk-overlay.img", hook_alone, prepared.results, "own-partition")
    with start(prepared, board, "own-partition", "video=Virtual-1:d") as machine:
        machine.wait_booted()
        kiosk = InsideKiosk(machine, prepared.owner)
        kiosk.wait_started()
        machine.until("the health port", kiosk.reachable, 300)
        machine.save(RUNNING)
    return board


@pytest.fixture
def kiosk(prepared: Prepared, flashed: Flashed, request: pytest.FixtureRequest) -> Iterator[Kiosk]:
    name = re.sub(r"[^a-z0-9_]", "-", request.node.name)
    board = flashed.copy(prepared.results, name)
    with start(prepared, board, name, snapshot=RUNNING) as machine:
        yield InsideKiosk(machine, prepared.owner)
    board.remove()


@pytest.mark.slow("boots once more, to the first frame")
def test_a_flashed_partition_starts_where_much_is_missing(kiosk: Kiosk, prepared: Prepared) -> None:
    """Found, verified, started; the clock, network, sound and screen are told, not waited for."""
    shell = kiosk.machine.shell
    source, label, options = shell("findmnt -no SOURCE,LABEL,OPTIONS /var/lib/kiosk").split()
    assert (source, label) == ("/dev/vdd", "KIOSK")
    assert {"rw", "nosuid", "nodev", "noexec"} <= set(options.split(","))
    assert shell("cat /run/kiosk/slot /run/kiosk/version").split() == ["a", prepared.version]
    built = "stat -c %Y /opt/kiosk/usr/share/kiosk/release"
    shell(f"test $(date +%s) -lt $({built})", 60)
    assert "eth0" not in shell("ls /sys/class/net")
    assert_waiting(kiosk)
    checks = kiosk.health()["checks"]
    assert checks["audio"]["status"] != "pass"
    assert checks["link"]["status"] == "warn"
    assert checks["update"]["status"] == "pass", checks["update"]
    switch(kiosk, "detect")
    wait_for_display(kiosk, "")
    assert best_likeness(kiosk, prepared, "plugged-in", LIKE_DB) >= LIKE_DB
    assert kiosk.show("NRestarts") == "0"


@pytest.mark.slow("replays power cuts")
@pytest.mark.parametrize("number", range(len(PARTS)))
def test_a_cut_in_the_middle_of_the_copy(number: int, flashed: Flashed, prepared: Prepared) -> None:
    """The running image is the one that starts next, with the configuration as it was."""
    name = f"copy-cut-{number}"
    board = flashed.copy(prepared.results, name)
    with start(prepared, board, name, snapshot=RUNNING) as machine:
        kiosk = InsideKiosk(machine, prepared.owner)
        config = config_sum(kiosk)
        plug_in(kiosk)
        total = int(machine.shell(f"stat -c %s {IMAGES}/{GOOD}"))
        wanted = int(PARTS[number] * total)
        script = STOP_WITHIN.format(image=f"{IMAGES}/{GOOD}", bytes=wanted)
        copied = int(machine.shell(script, INSTALL_S).split()[-1])
        assert wanted <= copied < total, "the cut falls into the copy"
        if number % 2:
            machine.shell("sync", INSTALL_S)
        machine.kill()
    print(f" cut at {copied} of {total} bytes", end="")
    verdict = next_start(board.root, board.partition)
    assert (verdict.slot, verdict.version) == ("a", prepared.version)
    assert (verdict.state["active"], verdict.state["pending"]) == ("a", "")
    assert verdict.config == config
    board.remove()


@pytest.fixture(scope="module")
def flipped(hook_alone: Path, prepared: Prepared) -> Iterator[Machine]:
    """Booted with one bit of the flashed image changed, until the screen has the page."""
    damaged = prepared.results / "damaged-overlay.img"
    shutil.copyfile(build() / "kiosk-overlay.img", damaged)
    image = next(build().glob(f"kiosk-{BOARD}-*.img")).read_bytes()
    third = len(image) // 3
    with damaged.open("r+b") as file:
        at = file.read().index(image[third : third + 64])
        file.seek(at)
        file.write(bytes([image[third] ^ 1]))
    board = flash(damaged, hook_alone, prepared.results, "flipped")
    with start(prepared, board, "flipped") as machine:
        machine.wait_booted()
        machine.until(
            "the page on the screen",
            lambda: True if "Slot b" in machine.shell("cat /dev/vcs1") else None,
            300,
        )
        yield machine
    board.remove()
    damaged.unlink()


def test_a_flipped_byte_is_refused_with_a_page(flipped: Machine) -> None:
    """Nothing is started, and the screen says why."""
    text = flipped.shell("cat /dev/vcs1")
    (flipped.settings.folder / "page.txt").write_text(text)
    words = " ".join(text.split())
    assert "No slot holds an image that can be started." in words
    assert "Slot a: wrong_hash" in words
    assert "Slot b: empty: no image is installed" in words
    assert flipped.try_shell("findmnt /opt/kiosk").status != 0, "nothing of it is mounted"
    picture = pictures.load(flipped.screenshot("page"))
    lit = (picture.max(axis=2) > 120).mean()
    assert 0.01 < lit < 0.5, f"writing is on the screen: {lit:.1%} of it is lit"


@pytest.mark.slow("installs and checks an image on an emulated processor")
def test_what_the_page_advises_starts_the_board(flipped: Machine, prepared: Prepared) -> None:
    """An image more, installed by the hook alone, starts from the same partition."""
    plug_in(Kiosk(flipped, prepared.owner))
    flipped.shell(f"kioskctl install {IMAGES}/{GOOD}", INSTALL_S)
    flipped.shell("systemctl restart kiosk-activate", INSTALL_S)
    assert flipped.shell("cat /run/kiosk/slot /run/kiosk/version").split() == ["a", GOOD_VERSION]
    assert flipped.shell("findmnt -no FSTYPE /opt/kiosk").strip() == "squashfs"
