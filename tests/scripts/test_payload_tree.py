# SPDX-License-Identifier: Apache-2.0
"""A tree becomes the same file systems each time, owned by root, and lacks no library."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firmware import squashfs as squashfs_module
from firmware.boards import load_board
from firmware.deliveries import (
    BOARD_NAME,
    HOOK_MAX_BYTES,
    hook_tree,
    make_partition,
    make_root_archive,
    store_tree,
    write_checksums,
)
from firmware.elf import check_libraries, drop_unneeded_libraries, elf_files
from firmware.errors import FirmwareError
from firmware.ext4 import make_ext4
from firmware.payload import LINKS, OURS, add_avatar, copy_ours, settle, tree_key
from firmware.runtime import bundle_certificates
from firmware.signing import SigningKey, open_key
from firmware.squashfs import make_squashfs
from firmware.steps import TOOL_PACKAGES, need_tools, run
from firmware.tree import copy_tree, settle_modes
from kioskd.update.signature import check_signature
from kioskd.update.slot_state import SlotState, parse_state

ROOT = Path(__file__).resolve().parents[2]
EPOCH = 1_700_000_000
SYSTEM = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def made_tree(folder: Path, *, mask: int = 0o022, backwards: bool = False, past: int = 0) -> Path:
    """A small tree; the keywords change everything about it but its contents."""
    names = [f"usr/lib/part{number % 3}/file{number}" for number in range(40)]
    names += ["usr/bin/run", "etc/empty"]
    with umask(mask):
        for name in reversed(names) if backwards else names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name * 50 if name != "etc/empty" else "")
        (folder / "usr/bin/run").chmod(0o700)
        (folder / "lib").symlink_to("usr/lib")
        (folder / "var/empty folder").mkdir(parents=True)
    if past:
        for path in folder.rglob("*"):
            os.utime(path, (past, past), follow_symlinks=False)
    settle(folder)
    return folder


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("trees")
    first = made_tree(folder / "one")
    second = made_tree(folder / "far/away/two", mask=0o077, backwards=True, past=99_999)
    return first, second


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return open_key(None, tmp_path_factory.mktemp("keys"))


@pytest.mark.parametrize(("board", "named"), [("rk3576", "default"), ("g88", "default-20k")])
def test_a_boards_avatar_is_the_payloads_default_one(
    tmp_path: Path, board: str, named: str
) -> None:
    avatars = tmp_path / "checkout/config/avatars"
    avatars.mkdir(parents=True)
    tree = tmp_path / "tree"
    with pytest.raises(FirmwareError, match=rf"{named}\.avatar is missing"):
        add_avatar(tree, load_board(board), tmp_path / "checkout")
    for name in ("default", "default-20k", "samuel"):
        (avatars / f"{name}.avatar").write_text(name)
    add_avatar(tree, load_board(board), tmp_path / "checkout")
    shown = tree / "usr/share/kiosk" / LINKS["usr/share/kiosk/default.avatar"]
    assert shown.resolve().read_text() == named
    assert [path.name for path in shown.resolve().parent.iterdir()] == ["default.avatar"]


def test_a_payload_has_our_packages_and_no_second_avatar(tmp_path: Path) -> None:
    copy_ours(tmp_path, ROOT)
    ours = tmp_path / OURS
    assert (ours / "kioskd/__main__.py").is_file()
    assert (ours / "config/kiosk.yaml").is_file()
    assert [path.name for path in (ours / "board").iterdir()] == ["probe.sh"]
    assert sorted(path.name for path in ours.iterdir()) == [
        "board",
        "config",
        "driving_client",
        "kioskd",
        "splat_gles",
    ]
    left_out = [
        path for suffix in ("*.avatar", "*.md", "*.pyi", "py.typed") for path in ours.rglob(suffix)
    ]
    assert not left_out


def listing(*command: str | Path) -> str:
    result = subprocess.run(command, check=True, capture_output=True, text=True, env=SYSTEM)
    return result.stdout


@pytest.mark.parametrize("compression", ["xz", "gzip"])
def test_a_tree_becomes_the_same_squashfs(
    trees: tuple[Path, Path], tmp_path: Path, compression: str
) -> None:
    cpus = os.sched_getaffinity(0)
    images = []
    for number, tree in enumerate(trees):
        os.sched_setaffinity(0, {min(cpus)} if number else cpus)
        try:
            with umask(0o077 if number else 0o022):
                image = tmp_path / f"{number}.squashfs"
                make_squashfs(tree, image, compression=compression, epoch=EPOCH)
        finally:
            os.sched_setaffinity(0, cpus)
        images.append(image.read_bytes())
    assert images[0] == images[1]
    told = listing("unsquashfs", "-lln", "-UTC", tmp_path / "0.squashfs")
    rows = [line for line in told.splitlines() if "squashfs-root" in line]
    assert len(rows) > 40
    assert all(" 0/0 " in row for row in rows), "everything belongs to root"
    assert all("2023-11-14" in row for row in rows), "everything has the release's time"
    assert not any(set(row[:10]) & set("sStT") for row in rows), "no set-uid or sticky bits"


def test_modes_do_not_depend_on_who_built(trees: tuple[Path, Path]) -> None:
    for tree in trees:
        assert stat.S_IMODE((tree / "usr/bin/run").stat().st_mode) == 0o755
        assert stat.S_IMODE((tree / "etc/empty").stat().st_mode) == 0o644
        assert stat.S_IMODE((tree / "var/empty folder").stat().st_mode) == 0o755


def test_a_trees_key_is_that_of_its_contents(trees: tuple[Path, Path], tmp_path: Path) -> None:
    keys = [tree_key(tree, settle(tree), "xz") for tree in trees]
    assert keys[0] == keys[1]
    changed = tmp_path / "changed"
    shutil.copytree(trees[0], changed, symlinks=True)
    seen = {keys[0], tree_key(changed, settle(changed), "gzip")}
    (changed / "etc/empty").write_text("x")
    seen.add(tree_key(changed, settle(changed), "xz"))
    (changed / "etc/empty").chmod(0o755)
    seen.add(tree_key(changed, settle(changed), "xz"))
    (changed / "lib").unlink()
    (changed / "lib").symlink_to("elsewhere")
    seen.add(tree_key(changed, settle(changed), "xz"))
    assert len(seen) == 5


def test_a_payload_that_is_too_large_is_refused(
    trees: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(squashfs_module, "MAX_PAYLOAD_BYTES", 1000)
    with pytest.raises(FirmwareError, match="the payload has"):
        make_squashfs(trees[0], tmp_path / "x.squashfs", compression="xz", epoch=EPOCH)
    assert not list(tmp_path.iterdir()), "nothing half-made is left"


def new_store(folder: Path) -> Path:
    image = folder / "image"
    folder.mkdir(parents=True)
    image.write_bytes(bytes(range(256)) * 60000)
    store_tree(image, folder / "store")
    return folder / "store"


def test_the_partition_is_the_same_each_time_and_roots(tmp_path: Path) -> None:
    board = load_board("rk3576")
    images = []
    for name, mask in (("one", 0o022), ("two", 0o077)):
        with umask(mask):
            store = new_store(tmp_path / name)
            target = tmp_path / name / "kiosk-overlay.img"
            make_partition(store, board, "1.0+abc", EPOCH, target)
        images.append(target)
    assert images[0].read_bytes() == images[1].read_bytes()
    assert images[0].stat().st_size == board.flash.max_bytes <= 128 << 20
    assert images[0].stat().st_blocks * 512 < 40 << 20, "a sparse file"
    listing("e2fsck", "-fn", images[0])
    header = listing("dumpe2fs", "-h", images[0])
    assert "has_journal" in header
    assert "metadata_csum" not in header, "vendor kernels may not know it"
    assert listing("e2label", images[0]).strip() == "KIOSK"
    for folder, names in {"/": ["slots", "state", "config", "data"], "/slots": ["a.img"]}.items():
        rows = listing("debugfs", "-R", f"ls -p {folder}", images[0]).split()
        found = {row.split("/")[5]: row.split("/")[2:5] for row in rows}
        for name in names:
            mode, uid, gid = found[name]
            assert (uid, gid) == ("0", "0")
            assert mode == ("100644" if name == "a.img" else "040755")
    state = subprocess.run(
        ["debugfs", "-R", "cat /state/slots", images[0]],
        capture_output=True,
        check=True,
        env=SYSTEM,
    ).stdout
    assert parse_state(state) == SlotState("a")


def test_a_partition_of_another_release_has_another_identity(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    for seed in ("rk3576 1.0", "rk3576 1.1"):
        make_ext4(tmp_path / "tree", tmp_path / seed, size=16 << 20, epoch=EPOCH, seed=seed)
    first, second = (listing("dumpe2fs", "-h", tmp_path / f"rk3576 1.{n}") for n in (0, 1))
    assert first != second


def test_a_partition_that_is_too_small_is_refused(tmp_path: Path) -> None:
    store = new_store(tmp_path / "one")
    with pytest.raises(FirmwareError, match=r"a\.img did not get in"):
        make_ext4(store, tmp_path / "x.img", size=16 << 20, epoch=EPOCH, seed="x")
    assert not (tmp_path / "x.img").exists()


def test_the_archive_is_the_same_each_time_and_roots(tmp_path: Path, key: SigningKey) -> None:
    archives = []
    for name, mask in (("one", 0o022), ("two", 0o077)):
        with umask(mask):
            store = new_store(tmp_path / name)
            hook_tree(ROOT, load_board("qemu-virt"), key, tmp_path / name / "hook")
            target = tmp_path / name / "rootfs-overlay.tar"
            make_root_archive(tmp_path / name / "hook", store, EPOCH, target)
        archives.append(target)
    assert archives[0].read_bytes() == archives[1].read_bytes()
    with tarfile.open(archives[0]) as archive:
        members = {member.name: member for member in archive}
    for member in members.values():
        assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "root", "root")
        assert member.mtime == EPOCH
        assert member.mode & 0o7000 == 0
        assert member.isfile() or member.isdir() or member.issym()
    assert "var/lib/kiosk/slots/a.img" in members
    assert BOARD_NAME in members
    assert f"usr/lib/kiosk/keys.d/{key.id}.pem" in members
    common = {"usr", "usr/bin", "usr/lib", "usr/lib/systemd/system", "etc", "var", "var/lib"}
    assert not common & members.keys(), "folders of the vendor's root keep their modes"


@pytest.mark.parametrize("name", ["rk3576", "8189", "g88", "s565", "qemu-virt"])
def test_the_hook_is_small(tmp_path: Path, key: SigningKey, name: str) -> None:
    size = hook_tree(ROOT, load_board(name), key, tmp_path / "hook")
    second_key = key.public_path.stat().st_size
    assert size + second_key <= HOOK_MAX_BYTES, "a change of keys needs both for a while"
    assert (tmp_path / "hook" / BOARD_NAME).read_text() == f"{name}\n"


def test_checksums_are_sha256sums_and_signed(tmp_path: Path, key: SigningKey) -> None:
    (tmp_path / "b.img").write_text("b")
    (tmp_path / "a.tar").write_text("a")
    write_checksums(tmp_path, ["b.img", "a.tar"], key)
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, check=True)
    content = (tmp_path / "SHA256SUMS").read_bytes()
    signature = (tmp_path / "SHA256SUMS.sig").read_bytes()
    check_signature(content, signature, key.id, [key.public_path])


def test_parts_never_overwrite_each_other(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "usr").mkdir(parents=True)
        (tmp_path / name / "usr/same").write_text(name)
    copy_tree(tmp_path / "one", tmp_path / "tree")
    with pytest.raises(FirmwareError, match="two parts of the payload"):
        copy_tree(tmp_path / "two", tmp_path / "tree")


def test_a_socket_in_the_tree_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FirmwareError, match="neither a file"):
        settle_modes(tmp_path)


def test_a_library_that_is_missing_is_named(tmp_path: Path) -> None:
    compiler = "aarch64-linux-gnu-gcc"
    if shutil.which(compiler) is None:
        pytest.skip("no cross compiler, which `make overlay` brings")
    libraries = tmp_path / "usr/lib/aarch64-linux-gnu"
    libraries.mkdir(parents=True)
    deep, top = libraries / "libdeep.so.1", libraries / "libtop.so"
    (tmp_path / "empty.c").touch()
    common = [compiler, "-shared", "-nostdlib", tmp_path / "empty.c"]
    listing(*common, "-Wl,-soname,libdeep.so.1", "-o", deep)
    listing(*common, "-Wl,--no-as-needed", deep, "-o", top)
    assert [(file.machine, file.needed) for file in elf_files(tmp_path)] == [
        ("AArch64", ()),
        ("AArch64", ("libdeep.so.1",)),
    ]
    assert check_libraries(tmp_path) == 2
    deep.unlink()
    with pytest.raises(FirmwareError, match=r"libdeep\.so\.1 \(needed by .*libtop\.so\)"):
        check_libraries(tmp_path)
    shutil.copy("/bin/true", libraries / "true")
    with pytest.raises(FirmwareError, match="not for the board"):
        check_libraries(tmp_path)


def test_libraries_that_nothing_needs_go_with_their_own_needs(tmp_path: Path) -> None:
    compiler = "aarch64-linux-gnu-gcc"
    if shutil.which(compiler) is None:
        pytest.skip("no cross compiler, which `make overlay` brings")
    folder = tmp_path / "usr/lib/kiosk/site-packages/thing.libs"
    folder.mkdir(parents=True)
    (tmp_path / "empty.c").touch()

    def library(path: Path, *needs: Path) -> Path:
        name = f"-Wl,--no-as-needed,-soname,{path.name}"
        listing(compiler, "-shared", "-nostdlib", tmp_path / "empty.c", name, *needs, "-o", path)
        return path

    kept, deep = library(folder / "libkept.so.1"), library(folder / "libdeep.so.1")
    library(folder / "libunused.so.1", deep)
    module = library(folder.parent / "module.so", kept)
    assert drop_unneeded_libraries(tmp_path) == 2
    assert sorted(folder.iterdir()) == [kept]
    assert module.exists(), "a module is no library of a wheel"


def test_certificates_are_one_file(tmp_path: Path) -> None:
    folder = tmp_path / "usr/share/ca-certificates/mozilla"
    folder.mkdir(parents=True)
    (folder / "b.crt").write_text("B")
    (folder / "a.crt").write_text("A\n\n")
    bundle_certificates(tmp_path)
    assert (tmp_path / "etc/ssl/certs/ca-certificates.crt").read_text() == "A\nB\n"
    assert (tmp_path / "usr/lib/ssl/cert.pem").read_text() == "A\nB\n"


def test_a_missing_tool_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOOL_PACKAGES, "no-such-tool", "a-package")
    need_tools(["mksquashfs", "debugfs"])
    with pytest.raises(FirmwareError, match=r"missing: no-such-tool; .*\(Debian: a-package\)"):
        need_tools(["no-such-tool", "mksquashfs"])


def test_a_failing_command_says_what_it_was_doing() -> None:
    command = ["sh", "-c", "echo 'write: No space left on device' >&2; exit 3"]
    with pytest.raises(FirmwareError) as told:
        run(command, doing="making a thing")
    assert "making a thing failed (sh, exit status 3): the disk is full" in str(told.value)
    with pytest.raises(FirmwareError, match="no-such-tool cannot be run"):
        run(["no-such-tool"], doing="trying")
