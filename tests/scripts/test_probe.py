# SPDX-License-Identifier: Apache-2.0
"""board/probe.sh judges a board rightly before anything is flashed, with hardly a tool at hand."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from probed_machine import MACHINES, PROBE, ROOT, SHELLS, build, described, page, probe, write

from firmware.boards import Board, board_names, load_board
from flashing.ssh_probe import OLDEST_SYSTEMD
from kioskd.update.image_format import MAX_IMAGE_BYTES

NAMES = sorted(path.stem for path in MACHINES.glob("*.yaml"))
SECRET = "SECRET"
NEEDED = ("cat", "cut", "grep", "gzip", "head", "ls", "sed", "sort", "tail", "tr", "uname")


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if shutil.which(name) is None:
        pytest.skip(f"no {name}, which `make setup` brings")
    return name


def tools(folder: Path, *names: str) -> str:
    """A PATH of nothing but these applets of busybox; all of them where none is named."""
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("no busybox, which `make setup` brings")
    folder.mkdir()
    (folder / "busybox").symlink_to(busybox)
    for name in names or (*NEEDED, "od", "df", "date", "which", "hexdump", "id"):
        (folder / name).symlink_to(busybox)
    return str(folder)


def reasons(root: Path, thing: str) -> str:
    """The verdict on one thing of a tree, with what stands below it."""
    found = re.search(
        rf"^\S+ +{re.escape(thing)} .*(?:\n {{22}}.*)*", probe(root).stdout, re.MULTILINE
    )
    assert found, f"nothing is said of {thing}"
    return re.sub(r"\s+", " ", found[0])


def facts(root: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in probe(root, "--facts").stdout.splitlines())


@dataclass(frozen=True)
class Looked:
    """A machine that was looked at by dash: what was said, and what its tree was then."""

    expected: str
    done: subprocess.CompletedProcess[str]
    before: dict[Path, int]
    after: dict[Path, int]


@pytest.fixture(scope="module", params=NAMES)
def looked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Looked:
    machine = described(str(request.param))
    root = build(machine, tmp_path_factory.mktemp("machine"))
    before = {path: path.lstat().st_mtime_ns for path in root.rglob("*")}
    done = probe(root)
    after = {path: path.lstat().st_mtime_ns for path in root.rglob("*")}
    return Looked(machine["expected"], done, before, after)


def test_a_known_machine_gets_its_verdict_line_by_line(looked: Looked) -> None:
    assert page(looked.done.stdout) == looked.expected
    assert looked.done.stderr == ""
    assert looked.done.returncode == ("NO-GO" in looked.expected)


def test_every_verdict_but_go_says_why(looked: Looked) -> None:
    for line, below in itertools.pairwise(looked.done.stdout.splitlines()):
        if line.startswith(("limits", "no-go")):
            assert below.startswith(" " * 22), f"no reason below: {line}"


def test_looking_changes_nothing(looked: Looked) -> None:
    assert looked.after == looked.before


@pytest.mark.parametrize("name", NAMES)
def test_bash_says_the_same(name: str, tmp_path: Path) -> None:
    machine = described(name)
    done = probe(build(machine, tmp_path), shell="bash")
    assert (page(done.stdout), done.stderr) == (machine["expected"], "")


@pytest.mark.parametrize("name", NAMES)
def test_the_tools_of_busybox_are_enough(name: str, tmp_path: Path) -> None:
    machine = described(name)
    path = tools(tmp_path / "tools")
    done = probe(build(machine, tmp_path / "root"), shell="busybox", path=path)
    assert (page(done.stdout), done.stderr) == (machine["expected"], "")


def test_without_tools_that_look_into_programs_nothing_fails_and_less_is_told(
    tmp_path: Path,
) -> None:
    machine = described("rock-4d-vendor")
    root = build(machine, tmp_path / "root")
    done = probe(root, shell="busybox", path=tools(tmp_path / "tools", *NEEDED))
    assert done.stderr == ""
    assert "limits  architecture  not known" in done.stdout
    assert "HDMI-A-1 connected 1920x1080\n" in done.stdout


def test_a_tool_that_it_cannot_do_without_is_named(tmp_path: Path) -> None:
    path = tools(tmp_path / "tools", *(name for name in NEEDED if name != "tr"))
    done = probe(tmp_path, shell="dash", path=path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "not found: tr." in done.stderr


def test_it_need_not_be_copied_to_the_board(shell: str, tmp_path: Path) -> None:
    """`ssh root@address sh -s <board/probe.sh`: no tool in it may eat the rest of the script."""
    machine = described("orange-pi-5-vendor")
    command = [shell, *(["sh"] if shell == "busybox" else []), "-s"]
    done = subprocess.run(
        command,
        input=PROBE.read_text(),
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "PROBE_ROOT": str(build(machine, tmp_path))},
        timeout=300,
    )
    assert (page(done.stdout), done.stderr) == (machine["expected"], "")


def test_this_very_machine_is_judged_in_every_shell_without_a_complaint(shell: str) -> None:
    done = probe(None, shell=shell)
    assert done.stderr == ""
    assert done.returncode in (0, 1)
    assert re.search(r"^\S+ +architecture +\w", done.stdout, re.MULTILINE)
    assert re.search(r"^\S+ +free-var-lib +\d+ MiB", done.stdout, re.MULTILINE)
    assert re.search(r"^(GO|NO-GO)", done.stdout.splitlines()[-1])


def test_the_script_writes_nowhere_and_has_no_here_documents() -> None:
    code = re.sub(r"^ *#.*$", "", PROBE.read_text(), flags=re.MULTILINE)
    code = re.sub(r"'[^']*'", "", code.replace("'\\''", ""))
    assert set(re.findall(r"(?<!-)>+\s*([^\s;|)]+)", code)) <= {"/dev/null", "&1", "&2"}
    assert "<<" not in code, "bash keeps a here-document in a file"


def test_no_serial_number_address_or_name_is_told(shell: str, tmp_path: Path) -> None:
    root = build(described("rock-4d-vendor"), tmp_path)
    for path in (
        "/proc/device-tree/serial-number", "/proc/cmdline", "/etc/hostname", "/etc/machine-id",
        "/proc/sys/kernel/hostname", "/etc/kiosk/health-token", "/proc/net/arp", "/etc/passwd",
        "/sys/class/net/eth0/address", "/proc/sys/kernel/version", "/proc/version",
    ):  # fmt: skip
        write(root, path, f"{SECRET} 10.1.2.3 aa:bb:cc:dd:ee:ff\n".encode())
    write(root, "/sys/class/block/sda1/uevent", f"PARTNAME={SECRET}'s photos\n".encode())
    for words in ((), ("--facts",)):
        told = probe(root, *words, shell=shell).stdout
        assert SECRET not in told
        assert "10.1.2.3" not in told
        assert "aa:bb" not in told


def test_facts_are_one_line_each_and_agree_with_the_page(shell: str, tmp_path: Path) -> None:
    machine = described("rock-4d-vendor")
    root = build(machine, tmp_path)
    lines = probe(root, "--facts", shell=shell).stdout.splitlines()
    told = dict(line.split("=", 1) for line in lines)
    assert len(told) == len(lines)
    assert all(re.fullmatch(r"[a-z0-9_-]+(\.verdict)?", name) for name in told)
    on_page = {
        name: (verdict, found)
        for verdict, name, found in re.findall(
            r"^(go|limits|no-go) +(\S+) +(.+)$", machine["expected"], re.MULTILINE
        )
    }
    assert {
        name.removesuffix(".verdict"): (value, told[name.removesuffix(".verdict")])
        for name, value in told.items()
        if name.endswith(".verdict")
    } == on_page
    rest = {name for name in told if f"{name}.verdict" not in told and "." not in name}
    assert {name: told[name] for name in rest} == {
        "model": "Radxa ROCK 4D",
        "compatible": "radxa,rock-4d rockchip,rk3576",
        "kernel": "6.1.84-8-rk2410",
        "board_file": "rk3576",
        "board_listed": "yes",
        "verdict": "limits",
    }


def test_the_page_explains_every_name_that_facts_may_have(tmp_path: Path) -> None:
    text = (ROOT / "board/first_hour.md").read_text()
    rows = re.findall(r"^\| (`[a-z].*?) \|.*\|.*\|$", text, re.MULTILINE)
    sentence = re.search(r"names above, and (.*?)\.", text, re.DOTALL)
    assert sentence
    explained = set(re.findall(r"`([a-z][\w-]*)`", " ".join([*rows, sentence[1]])))
    told = {"renderer", "free-var-lib", "free-var-tmp", "seccomp"}
    for name in ("rock-4d-vendor", "helio-g88-tablet", "orange-pi-5-vendor"):
        told |= set(facts(build(described(name), tmp_path / name)))
    assert {name for name in told if not name.endswith(".verdict")} == explained


def test_a_name_with_control_characters_is_told_without_them(tmp_path: Path) -> None:
    root = build(described("qemu-virt"), tmp_path)
    write(root, "/proc/device-tree/model", b"Board\x1b[31m\x07 One\0")
    assert facts(root)["model"] == "Board[31m One"


def row(board: Board) -> str:
    words = (board.compatible, board.drm_drivers, board.flash.partitions)
    return "|".join([board.name, *map(" ".join, words), board.npu, board.title])


def test_the_table_in_the_script_is_that_of_the_boards_files() -> None:
    found = re.search(r"^BOARDS='(.*?)'\n\n", PROBE.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    rows = found[1].replace("'\\''", "'").splitlines()
    assert rows == [row(load_board(name)) for name in board_names()]


def test_what_a_board_must_bring_is_one_figure_wherever_it_stands() -> None:
    figures = dict(re.findall(r"^([A-Z_]+)=(\d+)$", PROBE.read_text(), re.MULTILINE))
    text = (ROOT / "board/README.md").read_text()
    found = re.search(
        r"^## What every board must bring\n+(.*?)\n\n", text, re.MULTILINE | re.DOTALL
    )
    assert found
    assert figures == {
        "OLDEST_SYSTEMD": str(OLDEST_SYSTEMD),
        "MEMORY_MIB": "256",
        "STORAGE_MIB": str(MAX_IMAGE_BYTES >> 20),
    }
    for words in (
        f"systemd {OLDEST_SYSTEMD} or newer", "glibc", "squashfs (xz)", "loop", "ext4", "openssl",
        f"{figures['MEMORY_MIB']} MiB of free memory", f"{figures['STORAGE_MIB']} MiB of storage",
    ):  # fmt: skip
        assert words in " ".join(found[1].split())


@pytest.mark.parametrize(
    ("compatible", "board"),
    [
        ("rockchip,rk3588s-orangepi-5 rockchip,rk3588", "rk3576"),
        ("mediatek,mt8395-evk mediatek,mt8395 mediatek,mt8195", "8189"),
        ("mediatek,MT6785", "g88"),
        ("brcm,bcm2712", "s565"),
        ("fsl,imx8mp-evk fsl,imx8mp", "s565"),
        ("acme,one", "s565"),
    ],
)
def test_an_unlisted_chip_gets_the_nearest_board_and_how_to_make_its_own(
    tmp_path: Path, compatible: str, board: str
) -> None:
    root = build(described("sige5-mainline"), tmp_path)
    write(root, "/proc/device-tree/compatible", compatible.replace(" ", "\0").encode() + b"\0")
    told = facts(root)
    assert (told["board_file"], told["board_listed"]) == (board, "no")
    why = reasons(root, "board")
    assert f"The nearest is {board}" in why
    if board != "s565":
        assert f'"{compatible.split()[-1].lower()}" into `compatible:`' in why
    assert ("npu: none" in why) == (board == "rk3576")


@pytest.mark.parametrize("name", board_names())
def test_each_board_is_found_by_each_of_its_names_in_small_letters_or_capitals(
    tmp_path: Path, name: str
) -> None:
    root = build(described("qemu-virt"), tmp_path)
    for compatible in load_board(name).compatible:
        for spelt in {compatible, compatible.replace("mt", "MT")}:
            write(root, "/proc/device-tree/compatible", f"maker,it\0{spelt}\0".encode())
            assert facts(root)["board_file"] == name


def test_a_mali_library_that_draws_for_a_desktop_only_is_no_go(tmp_path: Path) -> None:
    machine = described("rock-4d-vendor")
    status = "/var/lib/dpkg/status"
    machine["files"][status] = machine["files"][status].replace("x11-wayland-gbm", "x11")
    why = reasons(build(machine, tmp_path), "gl")
    assert why.startswith("no-go gl mali bifrost-g52-g13p0-x11 (aarch64)")
    assert "whose name ends in -gbm" in why


def test_a_mali_library_without_its_kernel_driver_is_no_go(tmp_path: Path) -> None:
    machine = described("rock-4d-vendor")
    del machine["files"]["/dev/mali0"]
    assert reasons(build(machine, tmp_path), "gpu").startswith(
        "no-go gpu RKNPU rockchip-drm, no /dev/mali0"
    )


@pytest.mark.parametrize("driver", ["lima", "vc4-drm"])
def test_a_gpu_of_opengl_es_2_is_no_go(tmp_path: Path, driver: str) -> None:
    machine = described("khadas-vim3") | {"render": {"renderD128": driver}}
    assert "OpenGL ES 2 alone" in reasons(build(machine, tmp_path), "gpu")


def test_a_kernel_without_a_configuration_is_asked_for_its_modules(tmp_path: Path) -> None:
    machine = described("raspberry-pi-5")
    del machine["config"]
    root = build(machine, tmp_path)
    folder = "/lib/modules/6.12.25+rpt-rpi-2712"
    write(root, f"{folder}/modules.order", b"kernel/drivers/block/loop.ko\n")
    write(root, f"{folder}/modules.builtin", b"kernel/fs/ext4/ext4.ko\n")
    told = facts(root)
    assert [told[name] for name in ("squashfs", "loop", "ext4")] == ["a module"] * 3
    assert told["squashfs-xz.verdict"] == "limits"


def test_gl_libraries_of_different_makers_are_told(tmp_path: Path) -> None:
    machine = described("rock-4d-vendor")
    folder = "/usr/lib/aarch64-linux-gnu"
    machine["links"][f"{folder}/libgbm.so.1"] = "libgbm.so.1.0.0"
    machine["programs"][f"{folder}/libgbm.so.1.0.0"] = "aarch64"
    why = reasons(build(machine, tmp_path), "gl")
    assert why.startswith("limits gl mali mesa, mixed")
    assert "red for blue" in why


def test_a_library_for_another_processor_is_not_taken_for_the_right_one(tmp_path: Path) -> None:
    machine = described("rk3576-evb-buildroot")
    machine["programs"]["/usr/lib/libmali-bifrost-g52-g13p0-gbm.so"] = "arm"
    why = reasons(build(machine, tmp_path), "gl")
    assert why.startswith("no-go gl libEGL.so.1 is for arm")
    assert "for aarch64" in why


def test_a_display_driver_that_the_boards_file_does_not_know_is_told(tmp_path: Path) -> None:
    machine = described("rock-4d-vendor")
    machine["cards"]["card1"][0] = "udl"
    why = reasons(build(machine, tmp_path), "card1")
    assert why.startswith("limits card1 udl")
    assert "`drm_drivers:`" in why


def test_a_kernel_that_reads_gzip_images_only_gets_the_line_for_the_boards_file(
    tmp_path: Path,
) -> None:
    why = reasons(build(described("raspberry-pi-4-32bit"), tmp_path), "squashfs-xz")
    assert "`compression: gzip`" in why


def test_an_old_systemd_is_no_go_and_one_that_does_not_run_is_told(tmp_path: Path) -> None:
    machine = described("qemu-virt")
    library = "/usr/lib/systemd/libsystemd-shared-252.so"
    del machine["files"][library]
    machine["files"][library.replace("252", "241")] = ""
    assert "247 or newer" in reasons(build(machine, tmp_path / "old"), "systemd")
    machine = described("qemu-virt")
    machine["files"]["/proc/1/comm"] = "sh\n"
    assert "limits systemd 252, not running" in reasons(
        build(machine, tmp_path / "idle"), "systemd"
    )


def test_musl_is_no_go(tmp_path: Path) -> None:
    machine = described("qemu-virt")
    machine["links"] = {"/lib/ld-musl-aarch64.so.1": "libc.so"}
    assert reasons(build(machine, tmp_path), "libc").startswith("no-go libc musl")


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (
            "GBM platform:\\nOpenGL core profile renderer: x\\nOpenGL ES profile renderer: Mali-G52"
            "\\nOpenGL ES profile version: OpenGL ES 3.2 v1.g13p0",
            "go      renderer      Mali-G52, OpenGL ES 3.2 v1.g13p0",
        ),
        (
            "OpenGL ES profile renderer: llvmpipe (LLVM 15.0.6, 128 bits)"
            "\\nOpenGL ES profile version: OpenGL ES 3.2 Mesa 22.3.6",
            "limits  renderer      llvmpipe (LLVM 15.0.6, 128 bits)",
        ),
        (
            "GL_VERSION: OpenGL ES 2.0 Mesa 25\\nGL_RENDERER: Mali400",
            "no-go   renderer      Mali400,",
        ),
        ("EGL driver name: swrast", "limits  renderer      swrast"),
    ],
)
def test_a_tool_that_asks_gl_is_asked(tmp_path: Path, lines: str, line: str) -> None:
    tool = tmp_path / "eglinfo"
    tool.write_text(f"#!/bin/sh\nprintf '{lines}\\n'\n")
    tool.chmod(0o755)
    found = probe(None, path=f"{tmp_path}:{os.environ['PATH']}").stdout
    if " gl            no " in found:
        pytest.skip("this machine has no GL libraries, so that GL is not asked")
    assert line in found


def test_an_npu_of_another_chip_is_not_promised(tmp_path: Path) -> None:
    assert "made for RK3576" in reasons(build(described("orange-pi-5-vendor"), tmp_path), "npu")


def test_a_partition_of_its_own_is_offered_where_it_is_large_enough(tmp_path: Path) -> None:
    machine = described("rk3576-evb-buildroot")
    assert "make flash BOARD=rk3576" in reasons(build(machine, tmp_path / "a"), "partitions")
    machine["partitions"]["oem"] = 64
    assert "make flash" not in reasons(build(machine, tmp_path / "b"), "partitions")


def test_help_and_wrong_words_are_answered(shell: str, tmp_path: Path) -> None:
    told = probe(None, "--help", shell=shell)
    assert (told.returncode, told.stderr) == (0, "")
    assert "--facts" in told.stdout
    wrong = probe(None, "--fact", shell=shell)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "--facts" in wrong.stderr
    absent = probe(tmp_path / "gone", shell=shell)
    assert absent.returncode == 2
    assert "is no folder" in absent.stderr
