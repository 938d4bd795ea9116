# SPDX-License-Identifier: Apache-2.0
"""A board for the hook's scripts: store, keys, real signed squashfs images, its own mounts.

The scripts are the real ones, run by the shells that boards have: dash with coreutils, and
busybox with nothing but its own applets. Only the places are others (the KIOSK_* variables),
the label of a partition is a link, and where systemd would be asked a recorder answers.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from kioskd.update.image_format import assemble, padded_digest
from kioskd.update.manifest import Manifest
from kioskd.update.signature import key_id
from kioskd.update.store import Store

ROOT = Path(__file__).resolve().parents[2]
OVERLAY = ROOT / "rootfs_overlay"
HOOK = OVERLAY / "usr/libexec/kiosk"
BOARD = "qemu-virt"
SHELLS = ("dash", "busybox")

RECORDER = """#!/bin/sh
echo "${0##*/} $*" >>"$KIOSK_STAGE/asked"
[ "${0##*/} $1" != "systemctl show" ] || cat "$KIOSK_STAGE/property-$3" 2>/dev/null
[ "${0##*/}" != journalctl ] || cat "$KIOSK_STAGE/journal" 2>/dev/null
"""


@functools.cache
def missing(shell: str) -> str:
    """Why a test with this shell cannot run here; empty where it can."""
    tools = ("openssl", "mksquashfs", shell)
    return ", ".join(tool for tool in tools if shutil.which(tool) is None)


@functools.cache
def mounts_allowed() -> bool:
    """Whether mount namespaces and loop devices may be used."""
    command = ["unshare", "-m", "sh", "-c", "mount -t tmpfs t /mnt && losetup -f"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class KeyPair:
    private: Path
    public: Path


@dataclass(frozen=True)
class Images:
    """Two good ones and the keys that signed them."""

    keys: KeyPair
    one: bytes
    two: bytes


def make_keys(folder: Path, name: str = "key") -> KeyPair:
    folder.mkdir(parents=True, exist_ok=True)
    pair = KeyPair(folder / f"{name}.key", folder / f"{name}.pem")
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(pair.private))
    openssl("ec", "-in", str(pair.private), "-pubout", "-out", str(pair.public))
    return pair


def openssl(*words: str, given: bytes | None = None) -> bytes:
    return subprocess.run(["openssl", *words], input=given, capture_output=True, check=True).stdout


def make_squashfs(folder: Path, version: str) -> Path:
    tree = folder / f"tree-{version}"
    tree.mkdir()
    (tree / "release").write_text(version)
    out = folder / f"{version}.squashfs"
    subprocess.run(
        ["mksquashfs", tree, out, "-quiet", "-no-progress", "-all-root"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return out


def make_manifest(squashfs: Path, keys: KeyPair, version: str, **others: object) -> Manifest:
    size, digest = padded_digest(squashfs)
    values: dict[str, object] = {
        "version": version, "board": BOARD, "squashfs_bytes": size, "squashfs_sha256": digest,
        "key_id": key_id(keys.public), "files": {"release": digest}, "built": 1_700_000_000,
    }  # fmt: skip
    return Manifest(**{**values, **others})  # type: ignore[arg-type]


def make_image(folder: Path, keys: KeyPair, version: str, **others: object) -> bytes:
    squashfs = make_squashfs(folder, version)
    manifest = make_manifest(squashfs, keys, version, **others).to_bytes()
    out = folder / f"{version}.img"
    assemble(squashfs, manifest, sign(manifest, keys), out)
    return out.read_bytes()


def sign(manifest: bytes, keys: KeyPair) -> bytes:
    return openssl("dgst", "-sha256", "-sign", str(keys.private), given=manifest)


@dataclass
class Board:
    """One board; `shell` runs the scripts."""

    folder: Path
    keys: Path
    shell: str = "dash"
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("slots", "state", "config", "data"):
            (self.store.root / name).mkdir(parents=True)
        for name in ("payload", "labels", "bin"):
            (self.folder / name).mkdir()
        if self.shell == "busybox":
            self._make_busybox_tools()
        for name in ("systemctl", "journalctl", "busctl", "systemd-sysusers"):
            (self.folder / "bin" / name).write_text(RECORDER)
            (self.folder / "bin" / name).chmod(0o755)

    @property
    def store(self) -> Store:
        return Store(self.folder / "store", self.folder / "run")

    @property
    def payload(self) -> Path:
        return self.folder / "payload"

    def put(self, slot: str, image: bytes) -> None:
        (self.store.slots / f"{slot}.img").write_bytes(image)

    def environment(self) -> dict[str, str]:
        path = str(self.folder / "bin")
        if self.shell != "busybox":
            path += ":/usr/sbin:/usr/bin:/sbin:/bin"
        return {
            "PATH": path,
            "KIOSK_STAGE": str(self.folder),
            "KIOSK_STORE": str(self.store.root),
            "KIOSK_RUN": str(self.store.run),
            "KIOSK_KEYS": str(self.keys),
            "KIOSK_BOARD": BOARD,
            "KIOSK_HOOK": str(HOOK),
            "KIOSK_PAYLOAD": str(self.payload),
            "KIOSK_LABELS": str(self.folder / "labels"),
            "KIOSK_UNITS": str(self.folder / "units"),
            "KIOSK_USER": "root",
            **self.variables,
        }

    def command(self, script: str | Path, *words: str) -> list[str]:
        program = HOOK / script
        return [*(["busybox", "sh"] if self.shell == "busybox" else ["dash"]), str(program), *words]

    def run(self, script: str | Path, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one of the hook's scripts, without mounts."""
        return subprocess.run(
            self.command(script, *words),
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def mounting(self, text: str) -> subprocess.CompletedProcess[str]:
        """Run shell text in mounts of its own, where /bin/sh is this board's shell.

        $activate, $rollback and so on stand for the scripts.
        """
        shell = shutil.which(self.shell)
        setup = f"mount --bind {shell} /bin/sh && PATH=$BOARD_PATH && {text}"
        environment = self.environment()
        names = {name.name.replace("-", "_"): str(name) for name in HOOK.iterdir()}
        environment |= names | {"BOARD_PATH": environment["PATH"], "PATH": os.environ["PATH"]}
        return subprocess.run(
            ["unshare", "-m", shutil.which("dash") or "sh", "-c", setup],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def asked(self) -> list[str]:
        """What systemd was asked, in order; forgotten then."""
        path = self.folder / "asked"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def _make_busybox_tools(self) -> None:
        """Nothing but busybox, openssl, and e2fsck: what a small vendor's system has."""
        busybox = shutil.which("busybox")
        assert busybox is not None
        listing = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True)
        for name in [*listing.stdout.split(), "busybox"]:
            (self.folder / "bin" / name).symlink_to(busybox)
        for name in ("openssl", "e2fsck"):
            found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
            if found:
                (self.folder / "bin" / name).symlink_to(found)


def digest_of(folder: Path) -> str:
    """One hash over all files below a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(str(path.relative_to(folder)).encode() + b"\0")
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()
