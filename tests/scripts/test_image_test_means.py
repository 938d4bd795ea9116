# SPDX-License-Identifier: Apache-2.0
"""The boot test's own means judge rightly: archive, disks, sound and pictures, without QEMU."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

from image_test import base, cpio, disk, killed_disk, pictures, sound
from image_test.errors import MachineError
from image_test.guest_shell import GuestShell
from image_test.qmp import Qmp
from image_test.small_avatar import SPLATS, small_avatar
from splat_gles.bundle import read_bundle


def test_the_archive_is_what_cpio_reads() -> None:
    """Folders above a file, contents of odd lengths, and the end that the kernel looks for."""
    files = {"init": b"#!/bin/sh\n", "m/virtio/a.ko": b"\x7fELF" + bytes(61), "empty": b""}
    data = cpio.archive(files)
    found: dict[str, tuple[int, bytes]] = {}
    at = 0
    while True:
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        name = data[at + 110 : at + 109 + fields[11]].decode()
        body = at + (110 + fields[11] + 3) // 4 * 4
        if name == "TRAILER!!!":
            break
        found[name] = (fields[1], data[body : body + fields[6]])
        at = body + (fields[6] + 3) // 4 * 4
    assert {name: content for name, (mode, content) in found.items() if mode >> 12 == 8} == files
    assert {name for name, (mode, _) in found.items() if mode >> 12 == 4} == {"m", "m/virtio"}


@pytest.mark.parametrize(
    ("name", "merged"),
    [
        ("./lib/modules/6.1", "./usr/lib/modules/6.1"),
        ("./bin/sh", "./usr/bin/sh"),
        ("./lib", "./usr/lib"),
        ("./usr/lib/x", "./usr/lib/x"),
        ("./libexec", "./libexec"),
        ("./", "./"),
    ],
)
def test_folders_are_merged_into_usr(name: str, merged: str) -> None:
    assert base._merged(name) == merged


def voice(seconds: float, seed: int) -> sound.Samples:
    """Noise through a slow envelope: as unlike from another one as two sentences are."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=int(seconds * sound.RATE))
    smooth = np.convolve(noise, np.ones(6) / 6, "same")
    return (0.2 * smooth).astype(np.float32)


def test_a_voice_is_found_at_any_loudness_and_with_gaps() -> None:
    speech = voice(3.0, 1)
    quiet = np.zeros(sound.RATE, np.float32)
    recording = np.concatenate([quiet, 0.1 * speech[:9000], quiet, 0.1 * speech[9600:], quiet])
    assert sound.heard_share(recording, speech) > 0.85


def test_another_voice_or_silence_is_not_taken_for_it() -> None:
    speech = voice(3.0, 1)
    assert sound.heard_share(voice(6.0, 2), speech) < 0.2
    assert sound.heard_share(np.zeros(3 * sound.RATE, np.float32), speech) == 0.0
    assert sound.heard_share(np.zeros(0, np.float32), speech) == 0.0


def test_pictures_of_one_pose_are_alike_and_others_are_not(root: Path, tmp_path: Path) -> None:
    avatar = tmp_path / "small.avatar"
    small_avatar(root / "config/avatars/default-20k.avatar", avatar)
    assert read_bundle(avatar).splats == SPLATS
    assert not read_bundle(avatar).clips
    shut = pictures.render(avatar, (270, 480), 1.0)
    opened = pictures.render(avatar, (270, 480), 1.0, jaw_open=0.6)
    assert pictures.masked_psnr(shut, shut) == 99.0
    assert pictures.masked_psnr(np.clip(shut + 1, 0, 255), shut) > 45
    assert pictures.masked_psnr(opened, shut) < 33
    assert pictures.masked_psnr(shut[:, ::-1], shut) < 20
    mouth = pictures.seen_mouth(avatar, (270, 480), 1.0)
    assert mouth.opening(shut) == pytest.approx(0.0)
    assert mouth.opening(opened) == pytest.approx(1.0)


def test_a_disk_of_files_and_what_is_in_a_killed_one(tmp_path: Path) -> None:
    """Files come back as they went in; the configuration's hash is that of the shell's words."""
    store = tmp_path / "store"
    (store / "config/kiosk.d").mkdir(parents=True)
    (store / "config/kiosk.yaml").write_text("a: 1\n")
    (store / "config/kiosk.d/b.yaml").write_text("b: 2\n")
    told = subprocess.run(
        "find config -type f -exec sha256sum {} + | sort | sha256sum",
        shell=True,
        cwd=store,
        capture_output=True,
        text=True,
        check=True,
        env={"LC_ALL": "C"},
    ).stdout
    assert killed_disk.config_sum(store) == told.split()[0]
    made = disk.files_disk({"one.img": store / "config/kiosk.yaml"}, tmp_path / "d.raw", "IMAGES")
    shown = subprocess.run(
        ["/sbin/debugfs", "-R", "cat /one.img", made], capture_output=True, check=True
    ).stdout
    assert shown == b"a: 1\n"


def served(path: Path, answers: list[bytes]) -> threading.Thread:
    """A unix socket that sends one answer for each line that it gets; the first one at once."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(1)

    def serve() -> None:
        connection, _ = server.accept()
        with server, connection, connection.makefile("rb") as lines:
            for answer in answers:
                if answer:
                    connection.sendall(answer)
                lines.readline()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


def test_qemus_events_are_passed_over_and_its_refusals_told(tmp_path: Path) -> None:
    path = tmp_path / "q"
    event = json.dumps({"event": "RESUME"}).encode() + b"\n"
    refusal = json.dumps({"error": {"class": "GenericError", "desc": "no such device"}})
    served(path, [b'{"QMP": {}}\n', event + b'{"return": {}}\n', refusal.encode() + b"\n", b""])
    qmp = Qmp(path)
    with pytest.raises(MachineError, match="no such device"):
        qmp.ask("screendump", filename="/x")
    qmp.close()


def test_a_guest_that_is_silent_is_told_after_its_time(tmp_path: Path) -> None:
    """Answers of another connection's requests are passed over."""
    path = tmp_path / "g"
    served(path, [b"ready\n", b"123 0 aGVsbG8=\n", b""])
    shell = GuestShell(path)
    with pytest.raises(MachineError, match="within 1 s: true"):
        shell.run("true", 1.0)
    shell.close()
