# SPDX-License-Identifier: Apache-2.0
"""The kiosk in a vendor's root image: real ext4 images, looked into with e2fsprogs again."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from flash_files import ext4, kiosk_image

import make_rootfs
from firmware.ext4_image import Ext4Image

EPOCH = 1_760_000_000
DEBUGFS = "/usr/sbin/debugfs"


def elf(machine: int, bits: int = 2) -> bytes:
    return b"\x7fELF" + bytes([bits, 1, 1]) + bytes(11) + machine.to_bytes(2, "little") + bytes(44)


def vendor_tree(folder: Path, systemd: str = "252") -> Path:
    """A root as a vendor ships it: merged /usr, systemd for arm64, openssl, folders of its own."""
    library = folder / "usr/lib/systemd"
    library.mkdir(parents=True)
    (library / "systemd").write_bytes(elf(183))
    (library / f"libsystemd-shared-{systemd}.so").write_bytes(b"library")
    (library / "system").mkdir()
    (library / "system/getty@.service").write_text("[Unit]\n")
    for name in ("usr/bin", "etc", "var"):
        (folder / name).mkdir()
    (folder / "usr/bin/openssl").write_bytes(elf(183))
    (folder / "etc/hostname").write_text("vendor\n")
    (folder / "lib").symlink_to("usr/lib")
    (folder / "var/lib").symlink_to("../data/lib")
    (folder / "data/lib").mkdir(parents=True)
    return folder


def add(archive: tarfile.TarFile, name: str, content: bytes | str | None, mode: int) -> None:
    info = tarfile.TarInfo(name)
    info.mtime, info.mode, info.uname = EPOCH, mode, "root"
    if content is None:
        info.type = tarfile.DIRTYPE
        archive.addfile(info)
    elif isinstance(content, str):
        info.type, info.linkname = tarfile.SYMTYPE, content
        archive.addfile(info)
    else:
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))


def archive(
    folder: Path,
    name: str = "rootfs-overlay.tar",
    board: str = "rk3576",
    slot_bytes: int = 5000,
    more: Callable[[tarfile.TarFile], None] = lambda _: None,
) -> Path:
    """rootfs-overlay.tar with a hook of three files, a link that enables a unit, and a store."""
    slot = kiosk_image(folder / "a.img", board, payload_bytes=slot_bytes)
    with tarfile.open(folder / name, "w", format=tarfile.GNU_FORMAT) as tar:
        add(tar, "usr/lib/kiosk", None, 0o755)
        add(tar, "usr/lib/kiosk/keys.d/0123.pem", b"key\n", 0o644)
        add(tar, "usr/lib/systemd/system/kioskd.service", b"[Service]\n", 0o644)
        add(
            tar,
            "usr/lib/systemd/system/multi-user.target.wants/kioskd.service",
            "../kioskd.service",
            0o777,
        )
        add(tar, "usr/libexec/kiosk/activate", b"#!/bin/sh\n", 0o755)
        add(tar, "var/lib/kiosk", None, 0o755)
        add(tar, "var/lib/kiosk/slots/a.img", slot.read_bytes(), 0o644)
        add(tar, "var/lib/kiosk/config", None, 0o700)
        more(tar)
    slot.unlink()
    return folder / name


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    """A vendor's root image of 8 MiB."""
    return ext4(tmp_path / "vendor.img", vendor_tree(tmp_path / "tree"), 8192, "vendor")


def make(base: Path, tar: Path, out: Path, *more: str) -> int:
    words = ["--board", "rk3576", "--base", base, "--archive", tar, "--out", out, *more]
    return make_rootfs.main([str(word) for word in words])


def debugfs(image: Path, command: str) -> str:
    return subprocess.run(
        [DEBUGFS, "-R", command, str(image)], capture_output=True, text=True, check=True
    ).stdout


def test_hook_and_payload_lie_in_a_sound_root(
    vendor: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = vendor.read_bytes()
    tar = archive(tmp_path)
    assert make(vendor, tar, tmp_path / "out/rootfs.img") == 0
    image = tmp_path / "out/rootfs.img"
    assert vendor.read_bytes() == before
    assert subprocess.run(["/usr/sbin/e2fsck", "-fn", str(image)], check=False).returncode == 0
    assert debugfs(image, "cat /usr/libexec/kiosk/activate") == "#!/bin/sh\n"
    assert "Mode:  0755" in debugfs(image, "stat /usr/libexec/kiosk/activate")
    enabled = debugfs(image, "stat /usr/lib/systemd/system/multi-user.target.wants/kioskd.service")
    assert 'Fast link dest: "../kioskd.service"' in enabled
    # /var/lib leads elsewhere in this vendor's root, and the store went with it
    assert "Mode:  0700" in debugfs(image, "stat /data/lib/kiosk/config")
    assert "Type: symlink" in debugfs(image, "stat /var/lib")
    for name in ("/usr/lib/kiosk/keys.d/0123.pem", "/data/lib/kiosk/slots/a.img"):
        assert "User:     0   Group:     0" in debugfs(image, f"stat {name}")
    # and what was there is there
    assert debugfs(image, "cat /etc/hostname") == "vendor\n"
    assert "getty@.service" in debugfs(image, "ls /usr/lib/systemd/system")
    said = capsys.readouterr()
    assert "with kiosk 0.1.0+test" in said.out
    assert "a root with systemd 252" in said.err
    assert image.with_name("rootfs.img.sha256").read_text().endswith("  rootfs.img\n")


def test_the_same_base_and_archive_give_the_same_image(vendor: Path, tmp_path: Path) -> None:
    tar = archive(tmp_path, slot_bytes=8 << 20)
    assert make(vendor, tar, tmp_path / "one.img") == 0
    os.utime(vendor, (0, 0))
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    assert make(vendor, tar, tmp_path / "elsewhere/two.img") == 0
    assert (tmp_path / "one.img").read_bytes() == (tmp_path / "elsewhere/two.img").read_bytes()


def test_a_full_root_grows_as_far_as_its_partition_allows(
    vendor: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tar = archive(tmp_path, slot_bytes=8 << 20)
    assert make(vendor, tar, tmp_path / "out.img", "--max-bytes", str(16 << 20)) == 1
    assert "does not fit the partition of 16 MiB" in capsys.readouterr().err
    assert not (tmp_path / "out.img").exists()
    assert make(vendor, tar, tmp_path / "out.img", "--max-bytes", str(64 << 20)) == 0
    assert (tmp_path / "out.img").stat().st_size == 24 << 20
    assert "16 MiB larger than the base" in capsys.readouterr().out


def test_a_desktop_that_keeps_the_screen_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = vendor_tree(tmp_path / "tree")
    (tree / "usr/lib/systemd/system/lightdm.service").write_text("[Unit]\n")
    (tree / "etc/systemd/system").mkdir(parents=True)
    (tree / "etc/systemd/system/display-manager.service").symlink_to(
        "/lib/systemd/system/lightdm.service"
    )
    base = ext4(tmp_path / "vendor.img", tree, 8192, "vendor")
    assert make(base, archive(tmp_path), tmp_path / "out.img") == 0
    assert "it starts a desktop (/etc/systemd/system/display-manager" in capsys.readouterr().err


def test_an_older_kiosk_is_brought_up_to_date(
    vendor: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = archive(
        tmp_path,
        "old.tar",
        more=lambda tar: add(tar, "usr/lib/systemd/system/gone.service", b"[Unit]\n", 0o644),
    )
    assert make(vendor, old, tmp_path / "first.img") == 0
    first = Ext4Image(tmp_path / "first.img", "first", EPOCH)
    assert first.inode("/usr/lib/systemd/system/gone.service") is not None
    used = int(first.header()["Free blocks"])
    assert make(tmp_path / "first.img", archive(tmp_path), tmp_path / "second.img") == 0
    assert "updated to kiosk" in capsys.readouterr().out
    second = Ext4Image(tmp_path / "second.img", "second", EPOCH)
    assert second.inode("/usr/lib/systemd/system/gone.service") is None
    assert second.inode("/usr/lib/systemd/system/kioskd.service") is not None
    assert int(second.header()["Free blocks"]) >= used, "the older slot's blocks are free again"


def test_an_image_that_was_mounted_when_it_was_taken_is_brought_into_order(
    vendor: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(
        [DEBUGFS, "-w", "-R", "feature needs_recovery", str(vendor)],
        check=True,
        capture_output=True,
    )
    assert make(vendor, archive(tmp_path), tmp_path / "out.img") == 0
    assert "was not unmounted cleanly; repaired" in capsys.readouterr().err


WRAPPINGS = [
    (0, b"\x1f\x8b\x08", "a gzip file, not an ext4 root file system; unpack it with gunzip"),
    (0, b"\xfd7zXZ\0", "an xz file"),
    (0, b"(\xb5/\xfd", "a zstd file"),
    (0, b"PK\x03\x04", "a zip file"),
    (0, b"RKFW", "a Rockchip update image"),
    (0, b"hsqs", "a squashfs, not an ext4 root file system; a read-only root"),
    (1024, b"\xe2\xe1\xf5\xe0", "an erofs"),
    (512, b"EFI PART", "a whole disk with partitions"),
    (0, b"anything", "holds no ext4 file system"),
]


@pytest.mark.parametrize(("offset", "magic", "reason"), WRAPPINGS)
def test_what_is_no_plain_ext4_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], offset: int, magic: bytes, reason: str
) -> None:
    base = tmp_path / "base.img"
    base.write_bytes(bytes(offset) + magic + bytes(2048))
    assert make(base, tmp_path / "none.tar", tmp_path / "out.img") == 1
    assert reason in capsys.readouterr().err


def test_an_android_sparse_image_is_converted_or_the_tool_is_named(
    vendor: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sparse = tmp_path / "sparse.img"
    sparse.write_bytes(bytes.fromhex("3aff26ed") + bytes(2000))
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    tar = archive(tmp_path)
    if shutil.which("simg2img") is None:
        assert make(sparse, tar, tmp_path / "out.img") == 1
        assert "sudo apt install android-sdk-libsparse-utils" in capsys.readouterr().err
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin/simg2img"
    tool.write_text(f'#!/bin/sh\n[ "$1" = {sparse} ] && exec cp {vendor} "$2"\n')
    tool.chmod(0o755)
    assert make(sparse, tar, tmp_path / "out.img") == 0


def _no_systemd(tree: Path) -> None:
    (tree / "usr/lib/systemd/systemd").unlink()


def _android(tree: Path) -> None:
    _no_systemd(tree)
    (tree / "init").write_bytes(elf(183))


def _old(tree: Path) -> None:
    library = tree / "usr/lib/systemd"
    (library / "libsystemd-shared-252.so").rename(library / "libsystemd-shared-241.so")


def _x86(tree: Path) -> None:
    (tree / "usr/lib/systemd/systemd").write_bytes(elf(62))


def _arm32(tree: Path) -> None:
    (tree / "usr/lib/systemd/systemd").write_bytes(elf(40, bits=1))


def _no_openssl(tree: Path) -> None:
    (tree / "usr/bin/openssl").unlink()


def _folder_in_the_way(tree: Path) -> None:
    (tree / "usr/libexec/kiosk/activate").mkdir(parents=True)


def _file_in_the_way(tree: Path) -> None:
    (tree / "usr/libexec").write_text("")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_no_systemd, "no root with systemd"),
        (_android, "is an Android root"),
        (_old, "has systemd 241; the kiosk needs 247"),
        (_x86, "is a root for x86-64; the kiosk is for arm64"),
        (_arm32, "is a root for 32-bit ARM"),
        (_no_openssl, "has no /usr/bin/openssl"),
        (_folder_in_the_way, "is a folder there"),
        (_file_in_the_way, "is there and is not a folder"),
    ],
)
def test_a_root_that_cannot_carry_the_kiosk_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], None], reason: str
) -> None:
    tree = vendor_tree(tmp_path / "tree")
    spoil(tree)
    base = ext4(tmp_path / "vendor.img", tree, 8192, "vendor")
    assert make(base, archive(tmp_path), tmp_path / "out.img") == 1
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "out.img").exists()
    assert not list(tmp_path.glob("kiosk-inject-*"))


def test_archives_that_are_none(
    vendor: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(tar: Path, reason: str) -> None:
        assert make(vendor, tar, tmp_path / "out.img") == 1
        assert reason in capsys.readouterr().err

    refused(tmp_path / "absent.tar", "make it with `make overlay BOARD=rk3576`")
    (tmp_path / "text.tar").write_text("text")
    refused(tmp_path / "text.tar", "cannot be read")
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    refused(tmp_path / "empty.tar", "it is not a rootfs-overlay.tar")
    refused(archive(tmp_path, board="g88"), "is made for the board g88, not for rk3576")
    climbing = archive(tmp_path, more=lambda tar: add(tar, "usr/../../etc/passwd", b"", 0o644))
    refused(climbing, "usr/../../etc/passwd")

    def device(tar: tarfile.TarFile) -> None:
        info = tarfile.TarInfo("dev/null")
        info.type = tarfile.CHRTYPE
        tar.addfile(info)

    refused(
        archive(tmp_path, more=device), "dev/null, which is neither a file, a folder nor a link"
    )


def test_the_base_is_never_its_own_result(vendor: Path, tmp_path: Path) -> None:
    before = vendor.read_bytes()
    assert make(vendor, archive(tmp_path), vendor) == 1
    assert make(tmp_path / "absent.img", archive(tmp_path), tmp_path / "out.img") == 1
    assert vendor.read_bytes() == before


def test_an_ordinary_user_can_do_it(
    vendor: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tar = archive(tmp_path)
    board = make_rootfs.load_board("rk3576")  # the checkout may lie where nobody can read it
    monkeypatch.setattr(make_rootfs, "load_board", lambda _name: board)
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    try:
        for file in (vendor, tar):
            shutil.copy(file, folder / file.name)
        if os.getuid() == 0:
            shutil.chown(folder, "nobody")
        child = os.fork()
        if child == 0:
            # In this process, because an interpreter under /root is not nobody's to start
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            os._exit(make(folder / vendor.name, folder / tar.name, folder / "rootfs.img"))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert (folder / "rootfs.img").stat().st_size > vendor.stat().st_size
    finally:
        shutil.rmtree(folder)
