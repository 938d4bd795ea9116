# SPDX-License-Identifier: Apache-2.0
"""The system that the boot test puts the overlay on: Debian 12 arm64, as a vendor's root is.

systemd, udev, networkd, dbus, openssl, coreutils, Debian's kernel, and Mesa, which stands for
the vendor's GL libraries. No Python: the payload brings its own.

The packages are unpacked, not configured. Running Debian's maintainer scripts for arm64 takes
root, a registered binfmt and 171 s on two idle cores (measured; the kernel's initramfs another
25 to 900 s); unpacking takes 30 s as an ordinary user. What the scripts would have done and a
boot needs is in `base_files` and in systemd itself (users and groups by systemd-sysusers).
Vendors' roots are mostly no configured Debian either. Left out as well: a boot loader; QEMU
starts the kernel directly, with an initramfs of busybox and the few modules that reach the disk.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path
from typing import Final

from firmware.errors import FirmwareError
from firmware.steps import Progress, run
from image_test import base_files, cpio

PACKAGES: Final = (
    "?essential",
    "systemd,systemd-sysv,udev,dbus,kmod,systemd-timesyncd",
    "iproute2,procps,mount,e2fsprogs,openssl,ca-certificates",
    # unmutes the sound card at the start
    "alsa-utils",
    "libegl1,libgles2,libgl1-mesa-dri,libgbm1",
    "busybox-static,linux-image-arm64",
)
EARLY_MODULES: Final = ("virtio_pci", "virtio_blk", "virtio_console", "ext4", "crc32c_generic")
MODULES: Final = (
    *EARLY_MODULES,
    *("virtio_net", "virtio-gpu", "virtio-rng", "squashfs", "loop", "overlay", "i6300esb"),
    *("vfat", "nls_ascii", "nls_cp437", "nls_iso8859-1", "nls_utf8", "autofs4"),
    *("snd-hda-intel", "snd-hda-codec-generic"),
)
MERGED: Final = ("bin", "lib", "sbin")
LEFT_OUT: Final = (
    "./usr/share/doc/*",
    "./usr/share/man/*",
    "./usr/share/locale/*",
    "./usr/lib/locale/*",
    "./lib/modules/*",
    "./boot/*",
    "./etc/apt/sources.list*",
    "./var/cache/*",
    "./var/lib/apt/*",
)


@dataclass(frozen=True, slots=True)
class BaseSystem:
    """What a machine starts from: kernel, initramfs, and the root tree with its owners."""

    kernel: Path
    initramfs: Path
    root_tar: Path


def base_system(cache: Path, progress: Progress) -> BaseSystem:
    """The base system, made once for these inputs and kept below `cache`."""
    sources = [Path(__file__), Path(base_files.__file__), Path(cpio.__file__)]
    key = sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    folder = cache / f"base-{key}"
    system = BaseSystem(folder / "vmlinuz", folder / "initramfs.cpio", folder / "root.tar")
    if not folder.exists():
        unpacked = _packages(_made(cache), progress)
        with (
            tempfile.TemporaryDirectory(dir=cache, prefix="base-new-") as work,
            progress.step("choose the kernel's modules, write the base system"),
        ):
            _build(unpacked, Path(work))
            for old in cache.glob("base-[0-9a-f]*"):
                shutil.rmtree(old)
            (Path(work) / "done").rename(folder)
    return system


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _packages(cache: Path, progress: Progress) -> Path:
    """A tar of all packages' files, kept as long as the list of packages is the same."""
    key = sha256("\n".join(PACKAGES).encode()).hexdigest()[:16]
    unpacked = cache / f"packages-{key}.tar"
    if not unpacked.exists():
        for old in cache.glob("packages-*"):
            old.unlink()
        with progress.step("unpack Debian 12 arm64"):
            new = cache / "packages-new.tar"
            _unpack_packages(new)
            new.rename(unpacked)
    return unpacked


def _build(unpacked: Path, work: Path) -> None:
    done = _made(work / "done")
    tree = work / "kernel"
    with tarfile.open(unpacked) as tar:
        wanted = [member for member in tar if _of_kernel(member.name)]
        tar.extractall(tree, wanted, filter="tar")
    kernel = next(tree.glob("boot/vmlinuz-*"))
    chosen = _choose_modules(tree, kernel.name.removeprefix("vmlinuz-"))
    _write_root(unpacked, chosen, done / "root.tar")
    (done / "initramfs.cpio").write_bytes(_initramfs(tree, chosen))
    shutil.copyfile(kernel, done / "vmlinuz")


def _unpack_packages(output: Path) -> None:
    """fakeroot keeps the owners without being root."""
    if shutil.which("mmdebstrap") is None or shutil.which("fakeroot") is None:
        raise FirmwareError(
            "missing: mmdebstrap or fakeroot; install them with "
            "`scripts/install_packages.sh image-test`"
        )
    run(
        [
            *("fakeroot", "mmdebstrap", "--arch=arm64", "--variant=extract", "--mode=chrootless"),
            *("--format=tar", "--aptopt=Apt::Install-Recommends false"),
            *(f"--include={names}" for names in PACKAGES),
            *("bookworm", str(output)),
        ],
        doing="unpacking Debian 12 arm64",
        hint="check the network, and that the mirror in /etc/apt has arm64",
        environment={"TMPDIR": str(output.parent)},
    )


def _of_kernel(name: str) -> bool:
    return any(
        fnmatch(name, pattern)
        for pattern in ("./lib/modules/*", "./boot/vmlinuz-*", "./bin/busybox")
    )


def _choose_modules(tree: Path, release: str) -> dict[str, Path]:
    """The wanted modules and all that they need, by name, dependencies first."""
    run(["depmod", "-b", tree, release], doing="reading the kernel's modules")
    top = tree / "lib/modules" / release
    needs: dict[str, list[str]] = {}
    for line in (top / "modules.dep").read_text().splitlines():
        path, _, others = line.partition(":")
        needs[path] = others.split()
    builtin = {_module_name(line) for line in (top / "modules.builtin").read_text().split()}
    paths = {_module_name(path): path for path in needs}
    chosen: dict[str, Path] = {}

    def choose(path: str) -> None:
        for other in needs[path]:
            if _module_name(other) not in chosen:
                choose(other)
        chosen[_module_name(path)] = top / path

    for name in map(_module_name, MODULES):
        if name in paths:
            choose(paths[name])
        elif name not in builtin:
            raise FirmwareError(f"Debian's kernel {release} has no module {name}")
    return chosen


def _module_name(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0].replace("-", "_")


def _write_root(unpacked: Path, modules: dict[str, Path], output: Path) -> None:
    """The packages' files without what a vendor's root lacks, the modules, and `base_files`."""
    with tarfile.open(unpacked) as source, tarfile.open(output, "w") as target:
        for name in MERGED:
            add(target, base_files.File(name, link=f"usr/{name}"))
        for member in source:
            if not any(fnmatch(member.name, pattern) for pattern in LEFT_OUT):
                member.name = _merged(member.name)
                if member.islnk():
                    member.linkname = _merged(member.linkname)
                content = source.extractfile(member) if member.isreg() else None
                target.addfile(member, content)
        with tempfile.TemporaryDirectory(dir=output.parent) as folder:
            kept = _copy_modules(modules, Path(folder))
            target.add(kept, f"./usr/{kept.relative_to(folder)}", filter=_as_root)
        for file in base_files.FILES:
            add(target, file)


def _merged(name: str) -> str:
    """Debian 12 has /bin, /lib and /sbin inside /usr; its packages still say otherwise."""
    first, _, rest = name.removeprefix("./").partition("/")
    return f"./usr/{first}/{rest}".rstrip("/") if first in MERGED else name


def _copy_modules(modules: dict[str, Path], folder: Path) -> Path:
    """The modules with a new index, below `folder`; returns their top folder."""
    some = next(iter(modules.values()))
    top = next(parent for parent in some.parents if parent.parent.name == "modules")
    kept = folder / "lib/modules" / top.name
    for path in [*modules.values(), *top.glob("modules.builtin*"), top / "modules.order"]:
        place = kept / path.relative_to(top)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    run(["depmod", "-b", folder, top.name], doing="indexing the kernel's modules")
    return kept


def _as_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def add(target: tarfile.TarFile, file: base_files.File) -> None:
    """Put one file, folder or symlink into a tar, owned by root."""
    member = tarfile.TarInfo(f"./{file.path}")
    member.mode = file.mode
    if file.link:
        member.type, member.linkname = tarfile.SYMTYPE, file.link
        target.addfile(member)
        return
    data = file.content.encode()
    member.size = len(data)
    target.addfile(member, io.BytesIO(data))


def _initramfs(tree: Path, modules: dict[str, Path]) -> bytes:
    early: list[Path] = []
    wanted = {_module_name(name) for name in EARLY_MODULES}
    release = next(path.name for path in (tree / "lib/modules").iterdir())
    for name in sorted(wanted & set(modules)):
        printed = subprocess.run(
            ["modprobe", "-d", tree, "-S", release, "--show-depends", name],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for line in printed.splitlines():
            word, _, path = line.partition(" ")
            if word == "insmod" and (found := Path(path.split()[0])) not in early:
                early.append(found)
    files = {"bin/busybox": (tree / "bin/busybox").read_bytes()}
    files["init"] = base_files.INIT.encode()
    files["modules"] = "".join(f"/m/{path.name}\n" for path in early).encode()
    files |= {f"m/{path.name}": path.read_bytes() for path in early}
    return cpio.archive(files)
