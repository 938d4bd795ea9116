# SPDX-License-Identifier: Apache-2.0
"""Installing over ssh: against a real ssh server, on a machine that looks like a board."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from flash_files import kiosk_image, run_flash
from ssh_machine import Machine, why_not

from firmware.boards import load_board
from flashing.errors import FlashError
from flashing.ssh_probe import check_machine, check_virgin, parse

NEW = "0.2.0+new"
OLD = "0.1.0+old"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    if reason := why_not():
        pytest.skip(reason)
    monkeypatch.setattr("flashing.ssh.RESTART_POLL_S", 0.05)
    made = Machine(tmp_path, monkeypatch)
    yield made
    made.stop()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """out/rk3576 with an image and an archive of version NEW."""
    folder = tmp_path / "out"
    folder.mkdir()
    image = kiosk_image(folder / f"kiosk-rk3576-{NEW}.img", "rk3576", NEW)
    files = {
        "etc/hostname": b"kiosk\n",
        "usr/libexec/kiosk/activate": b"#!/bin/sh\n",
        "var/lib/kiosk/slots/a.img": image.read_bytes(),
    }
    with tarfile.open(folder / "rootfs-overlay.tar", "w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o755 if "libexec" in name else 0o644
            tar.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("usr/lib/systemd/system/multi-user.target.wants/kioskd.service")
        link.type, link.linkname = tarfile.SYMTYPE, "../kioskd.service"
        tar.addfile(link)
    return folder


def asked(machine: Machine, out: Path, *more: str) -> int:
    reached = ["--host", "root@127.0.0.1", "--port", str(machine.port)]
    reached += ["--known-hosts", str(machine.known_hosts)]
    return run_flash("--board", "rk3576", *reached, "--out", out, *more)


def install(machine: Machine, out: Path, *more: str) -> int:
    return asked(machine, out, "--wait", "10", "--yes", *more)


def test_an_update_is_installed_and_asked_for_after_the_restart(
    machine: Machine, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.has_kiosk(OLD)
    machine.will_start(NEW)
    assert install(machine, out) == 0
    assert machine.log[0].startswith("kioskctl install /var/tmp/kiosk-")
    assert machine.log[1:] == ["reboot"]
    image = out / f"kiosk-rk3576-{NEW}.img"
    assert (machine.root / "var/lib/kiosk/slots/b.img").read_bytes() == image.read_bytes()
    assert machine.uploads == []
    said = capsys.readouterr().out
    assert "is in slot b, read back and verified" in said
    assert f"runs {NEW} from slot b" in said
    # once more: nothing to do, and nothing is done
    assert install(machine, out) == 0
    assert len(machine.log) == 2
    assert "runs 0.2.0+new already" in capsys.readouterr().out


def test_a_board_that_fell_back_is_a_failure(
    machine: Machine, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.has_kiosk(OLD)
    machine.will_start(OLD)
    assert install(machine, out) == 1
    errors = capsys.readouterr().err
    assert f"came back with {OLD} and not with {NEW}: it fell back" in errors


def test_what_the_board_refuses_is_passed_on_and_the_upload_removed(
    machine: Machine, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.has_kiosk(OLD)
    machine.set("scene/refuses", "error: wrong_signature: not signed by a key of this board\n")
    assert install(machine, out) == 1
    assert "wrong_signature" in capsys.readouterr().err
    assert machine.uploads == []
    assert "reboot" not in machine.log


def test_first_contact_lays_everything_over_the_root_and_keeps_what_was_there(
    machine: Machine, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.set("etc/hostname", "vendor\n")
    machine.set("usr/libexec/kiosk/activate", "#!/bin/sh\n")
    machine.set("scene/desktop", "")
    machine.will_start(NEW)
    assert install(machine, out) == 0
    root = machine.root
    assert (root / "etc/hostname").read_text() == "kiosk\n"
    assert (root / "usr/libexec/kiosk/activate").stat().st_mode & 0o777 == 0o755
    assert (root / "usr/lib/systemd/system/multi-user.target.wants/kioskd.service").is_symlink()
    with tarfile.open(next(out.glob("backup-*-root.tar"))) as backup:
        assert backup.getnames() == ["etc/hostname"], "only what is replaced is kept"
        kept = backup.extractfile("etc/hostname")
        assert kept is not None
        assert kept.read() == b"vendor\n"
    said = capsys.readouterr().out
    assert "replaced  /etc/hostname" in said
    assert "to be rid of it: systemctl disable weston.service" in said
    assert "as it is  /usr/libexec/kiosk/activate" in said
    assert "     new  /var/lib/kiosk/slots/a.img" in said
    assert machine.uploads == []


def test_without_a_yes_nothing_is_laid_over_a_root(
    machine: Machine, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(machine, out) == 1
    assert "give YES=1" in capsys.readouterr().err
    assert not (machine.root / "usr/libexec").exists()


def test_a_host_key_is_never_taken_unseen(
    machine: Machine, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    true_key = machine.known_hosts.read_text()
    for content in (
        "",
        true_key.replace("AAAAC3NzaC1lZDI1NTE5AAAAI", "AAAAC3NzaC1lZDI1NTE5AAAAIB", 1),
    ):
        machine.known_hosts.write_text(content)
        assert install(machine, out) == 1
        errors = capsys.readouterr().err
        assert "no ssh to root@127.0.0.1" in errors
        assert "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" in errors
    assert machine.log == []


def test_a_board_that_is_not_there(
    machine: Machine, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.stop()
    assert install(machine, out) == 1
    assert "is it switched on, on this network" in capsys.readouterr().err


def test_an_image_of_another_board_stays_here(
    machine: Machine, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.has_kiosk(OLD)
    kiosk_image(out / f"kiosk-rk3576-{NEW}.img", "g88")
    assert install(machine, out) == 1
    assert "is made for the board g88, not for rk3576" in capsys.readouterr().err
    assert machine.log == []


GOOD = {
    "arch": "aarch64", "user": "0", "compatible": "rockchip,rk3576", "model": "X",
    "systemd": "252", "openssl": "/usr/bin/openssl", "kioskctl": "", "board": "", "version": "",
    "slot": "", "service": "inactive", "squashfs": "yes", "root": "rw", "free_kib": "999999",
    "root_free_kib": "999999", "boot": "1", "end": "yes",
}  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"arch": "x86_64"}, "the machine is x86_64; the kiosk runs on 64-bit ARM"),
        ({"arch": "armv7l"}, "the machine is armv7l"),
        ({"compatible": "rockchip,rk3588"}, "the machine is not rk3576: its device tree says"),
        ({"compatible": ""}, "its device tree says nothing"),
        ({"board": "g88"}, "runs a kiosk for g88, not for rk3576"),
        ({"user": "1000"}, "this needs root"),
        ({"systemd": ""}, "the machine has no systemd"),
        ({"systemd": "241"}, "the machine has systemd 241"),
        ({"openssl": ""}, "no openssl"),
        ({"free_kib": "100"}, "/var/tmp of the machine has 0 MiB free"),
        ({"root": "ro"}, "is mounted read-only"),
        ({"squashfs": ""}, "has no squashfs"),
        ({"root_free_kib": "2048"}, "root has 2 MiB free, hook and payload need 40"),
    ],
)
def test_machines_that_are_refused(answers: dict[str, str], reason: str) -> None:
    text = "".join(f"{key}={value}\n" for key, value in (GOOD | answers).items())
    found = parse("Welcome to the board!\n" + text)

    def check() -> None:
        check_machine(found, load_board("rk3576"), 40 << 20)
        check_virgin(found, 40 << 20)

    with pytest.raises(FlashError, match=reason):
        check()


def test_a_machine_that_fits_one_with_sudo_and_one_whose_names_are_in_capitals() -> None:
    capitals = {"compatible": GOOD["compatible"].replace("rk3576", "RK3576")}
    for answers in ({}, {"user": "1000", "sudo": "yes"}, capitals):
        text = "".join(f"{key}={value}\n" for key, value in (GOOD | answers).items())
        check_machine(parse(text), load_board("rk3576"), 40 << 20)
        check_virgin(parse(text), 40 << 20)


def test_a_shell_that_answers_otherwise_is_no_traceback() -> None:
    for text in ("", "This account is not available.\n", "arch=aarch64\n"):
        with pytest.raises(FlashError, match="did not answer as expected"):
            parse(text)


@pytest.mark.parametrize("host", ["", "-oProxyCommand=true", "a b", "root@x'"])
def test_what_is_no_address(host: str, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_flash("--board", "s565", f"--host={host}", "--out", out) == 1
    assert "HOST=root@" in capsys.readouterr().err


def test_a_dry_run_connects_to_nobody(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--board", "rk3576", "--host", "root@192.0.2.1", "--out", out, "--dry-run"]
    assert run_flash(*words) == 0
    said = capsys.readouterr().out
    assert "kioskctl install /var/tmp/kiosk-RANDOM/image.img" in said
    assert "StrictHostKeyChecking=yes" in said
    assert "StrictHostKeyChecking=no" not in said
