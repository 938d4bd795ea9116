# SPDX-License-Identifier: Apache-2.0
"""What kioskd.service gets of this machine: its real GL libraries and its real C library."""

from __future__ import annotations

import ctypes.util
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hook_stage import HOOK, OVERLAY, Board, Images

MakeBoard = Callable[[str], Board]


def libraries_of(board: Board) -> Path:
    """The payload's folder of libraries, with this machine's C library in it."""
    libc = host_library("libc.so.6")
    folder = board.payload / "usr/lib" / libc.parent.name
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(libc, folder)
    return folder


def host_library(name: str) -> Path:
    found = [
        *Path("/usr/lib").glob(f"*-linux-gnu*/{name}"),
        *Path("/lib").glob(f"*-linux-*/{name}"),
    ]
    if not found:
        pytest.skip(f"no {name}, which `make setup` brings")
    return found[0]


def links(board: Board) -> dict[str, str]:
    return {path.name: str(path.readlink()) for path in (board.store.run / "gl").iterdir()}


def drop_in(board: Board) -> str:
    path = board.folder / "units/kioskd.service.d/board.conf"
    return path.read_text() if path.exists() else ""


def test_gl_and_all_that_it_needs_is_found(board: Board) -> None:
    host_library("libEGL.so.1")
    libraries_of(board)
    result = board.run("host-service", "root")
    assert result.returncode == 0, result.stderr
    found = links(board)
    assert {"libEGL.so.1", "libgbm.so.1", "libdrm.so.2", "libEGL_mesa.so.0"} <= set(found)
    assert not {"libc.so.6", "libm.so.6", "libpthread.so.0"} & set(found), "never mixed"
    for name, target in found.items():
        assert target.startswith("/run/host/usr/"), name
        assert Path(target.removeprefix("/run/host")).exists(), name
    environment = (board.store.run / "environment").read_text()
    assert "LD_LIBRARY_PATH=/run/kiosk/gl\n" in environment
    assert re.search(r"^LIBGL_DRIVERS_PATH=/run/host/usr/lib/.*/dri$", environment, re.MULTILINE)


def test_the_driver_loads_with_nothing_but_these_links(make_board: MakeBoard) -> None:
    """In a root that has the links and the C library: what LD_LIBRARY_PATH leads to suffices."""
    board = make_board("dash")
    host_library("libEGL.so.1")
    libraries_of(board)
    board.run("host-service", "root")
    text = """mkdir -p /run/host/usr && mount --bind /usr /run/host/usr &&
        LD_LIBRARY_PATH="$KIOSK_RUN/gl" $PYTHON -c "$CODE" """
    code = (
        "import ctypes; ctypes.CDLL('libEGL.so.1'); ctypes.CDLL('libgbm.so.1');"
        "print([line.split()[-1] for line in open('/proc/self/maps') if 'libEGL.so' in line][0])"
    )
    board.variables |= {"PYTHON": sys.executable, "CODE": code}
    result = board.mounting(f"{text}")
    if "permitted" in result.stderr or "denied" in result.stderr:
        pytest.skip("mount namespaces are not allowed here (needs root)")
    assert result.stdout.startswith("/run/host/usr/"), result.stderr


def test_of_a_library_that_both_have_the_newer_is_taken(make_board: MakeBoard) -> None:
    board = make_board("dash")
    drm = host_library("libdrm.so.2").resolve()
    folder = libraries_of(board)
    older, newer = "libdrm.so.2.0.0", "libdrm.so.2.99999.0"
    assert older < drm.name
    for name, taken in ((older, True), (newer, False), (drm.name, False)):
        (folder / name).write_bytes(b"")
        (folder / "libdrm.so.2").unlink(missing_ok=True)
        (folder / "libdrm.so.2").symlink_to(name)
        board.run("host-service", "root")
        assert ("libdrm.so.2" in links(board)) is taken, name


@pytest.mark.parametrize(("version", "bound"), [("2.1", True), ("9.99", False)])
def test_a_newer_c_library_of_the_host_takes_the_payloads_place(
    make_board: MakeBoard, version: str, bound: bool
) -> None:
    """Compared with one that says it is another version; one is older, one is newer than ours."""
    board = make_board("dash")
    folder = libraries_of(board)
    content = (folder / "libc.so.6").read_bytes()
    said = re.search(rb"release version (\d+\.\d+)", content)
    assert said is not None
    changed = version.encode().ljust(len(said[1]), b".")
    (folder / "libc.so.6").write_bytes(content.replace(said[0], b"release version " + changed))
    (folder / "libm.so.6").write_bytes(b"")
    board.run("host-service", "kiosk")
    host = host_library("libm.so.6").resolve()
    line = f"BindReadOnlyPaths={host}:/usr/lib/{folder.name}/libm.so.6\n"
    assert (line in drop_in(board)) is bound
    if bound:
        assert "systemctl daemon-reload" in board.asked()


def test_a_board_that_fits_needs_no_drop_in(make_board: MakeBoard) -> None:
    board = make_board("dash")
    libraries_of(board)
    groups = board.folder / "group"
    groups.write_text("".join(f"{name}:x:1:\n" for name in ("video", "render", "audio", "input")))
    run = f'mount --bind {groups} /etc/group && dash "$host_service" kiosk'
    stale = board.folder / "units/kioskd.service.d"
    stale.mkdir(parents=True)
    (stale / "board.conf").write_text("[Service]\nUser=other\n")
    result = board.mounting(run)
    if "permitted" in result.stderr or "denied" in result.stderr:
        pytest.skip("mount namespaces are not allowed here (needs root)")
    assert drop_in(board) == "", "one of an earlier boot is taken away"
    assert board.asked() == ["systemctl daemon-reload"]
    board.mounting(run)
    assert board.asked() == [], "and systemd is left alone"

    groups.write_text("video:x:1:\n")
    board.mounting(run)
    assert drop_in(board).endswith("SupplementaryGroups=\nSupplementaryGroups= video\n")


def test_kioskctl_runs_the_payloads_python_on_the_boards_files(
    make_board: MakeBoard, images: Images
) -> None:
    """The payload's "Python" is this machine's echo here: what it gets is what counts."""
    board = make_board("dash")
    folder = libraries_of(board)
    loader = next(Path("/lib").glob("ld-linux-*.so.*"), None) or next(Path("/lib64").glob("ld-*"))
    shutil.copy(loader.resolve(), folder / loader.name)
    (board.payload / "usr/bin").mkdir(parents=True)
    echo = shutil.which("echo")
    assert echo is not None
    shutil.copy(echo, board.payload / "usr/bin/python3.11")
    result = board.run(OVERLAY / "usr/bin/kioskctl", "install", "x y.img")
    assert result.stdout == "-P -m kioskd.ctl install x y.img\n", result.stderr


def test_kioskctl_installs_where_no_image_runs(board: Board, images: Images) -> None:
    kioskctl = OVERLAY / "usr/bin/kioskctl"
    board.store.run.mkdir()
    (board.store.run / "reason").write_text("image\nNo slot holds an image.\n")
    result = board.run(kioskctl, "slots")
    assert result.returncode == 1
    assert "No slot holds an image." in result.stderr
    image = board.folder / "given.img"
    image.write_bytes(images.one[:-1])
    assert board.run(kioskctl, "install", str(image)).returncode != 0
    assert list(board.store.slots.iterdir()) == []
    image.write_bytes(images.two)
    result = board.run(kioskctl, "install", str(image))
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("version 2.0 is in slot a")
    assert board.run("slots.sh", "choose").stdout == "a\n"
    assert [path.name for path in board.store.slots.iterdir()] == ["a.img"]


def test_an_empty_machine_without_any_gl_is_no_error(make_board: MakeBoard) -> None:
    """S565 and such: whatever is missing is told by kioskd, not by a boot that stops."""
    board = make_board("busybox")
    script = (HOOK / "host-service").read_text()
    for path in ("/lib/", "/lib64/", "/usr/lib/"):
        script = script.replace(f" {path}", f" {board.folder}/nothing{path}")
    (board.folder / "host-service").write_text(script)
    result = board.run(board.folder / "host-service", "root")
    assert result.returncode == 0, result.stderr
    assert links(board) == {}
    assert ctypes.util.find_library("c"), "this machine itself has one"
