# SPDX-License-Identifier: Apache-2.0
"""A machine to install over ssh: a small root with dropbear and busybox, on loopback.

The ssh server, the ssh in front of it and busybox (shell, tar, sha256sum, ...) are real; what
makes it look like a board is files in that root (/proc/device-tree/compatible and so on) and
four scripts: uname, systemctl, kioskctl and openssl. `systemctl reboot` does what a start of
the board would change: the boot's number, and the version that runs.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
SCRIPTS = {
    "uname": "cat /scene/arch\n",
    "openssl": "true\n",
    "systemctl": """
case "$1" in
--version) cat /scene/systemd ;;
is-enabled) [ "$3" = weston.service ] && [ -e /scene/desktop ] ;;
is-active) cat /scene/service ;;
reboot)
    echo reboot >>/scene/log
    cat /scene/next_boot >/proc/sys/kernel/random/boot_id
    if [ -e /scene/next_version ]; then
        cat /scene/next_version >/run/kiosk/version
        echo active >/scene/service
        echo b >/run/kiosk/slot
    fi
    ;;
esac
""",
    "kioskctl": """
echo "kioskctl $*" >>/scene/log
[ "$1" = install ] || exit 2
[ ! -e /scene/refuses ] || { cat /scene/refuses; exit 1; }
mkdir -p /var/lib/kiosk/slots
cp "$2" /var/lib/kiosk/slots/b.img && echo "is in slot b, read back and verified"
""",
}


APPLETS = (
    "sh", "cat", "sed", "awk", "tr", "df", "tar", "sha256sum", "mktemp", "id", "grep", "rm", "cp",
    "mkdir", "sync",
)  # fmt: skip


class Machine:
    """One machine; while it lives, `ssh -p PORT root@127.0.0.1` has the key for it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.port = free_port()
        self._make_root()
        self._make_keys(monkeypatch)
        self._start()

    def set(self, name: str, content: str) -> None:
        """Write a file of the machine."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    @property
    def log(self) -> list[str]:
        path = self.root / "scene/log"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def uploads(self) -> list[Path]:
        return list((self.root / "var/tmp").iterdir())

    def has_kiosk(self, version: str) -> None:
        """As after a first contact and a start."""
        self.set("bin/kioskctl", "#!/bin/sh\n" + SCRIPTS["kioskctl"])
        (self.root / "bin/kioskctl").chmod(0o755)
        self.set("var/lib/kiosk/slots/a.img", "old")
        self.set("run/kiosk/version", f"{version}\n")
        self.set("usr/lib/kiosk/board", "rk3576\n")
        self.set("scene/service", "active\n")

    def will_start(self, version: str) -> None:
        """What runs after the next restart."""
        self.set("scene/next_version", f"{version}\n")

    def stop(self) -> None:
        self._server.terminate()
        self._server.wait()

    def _make_root(self) -> None:
        for folder in ("bin", "var/tmp", "run/kiosk", "proc/sys/kernel/random", "dev", "etc"):
            (self.root / folder).mkdir(parents=True)
        for name in ("busybox", "dropbear"):
            self._copy_program(Path(shutil.which(name) or shutil.which(name, path=SBIN) or ""))
        for name in APPLETS:
            (self.root / "bin" / name).symlink_to("busybox")
        for name, script in SCRIPTS.items():
            if name != "kioskctl":
                self.set(f"bin/{name}", "#!/bin/sh\n" + script)
                (self.root / "bin" / name).chmod(0o755)
        self.set("dev/null", "")
        self.set("proc/mounts", "/dev/root / ext4 rw,relatime 0 0\n")
        self.set("proc/filesystems", "nodev\ttmpfs\n\text4\n\tsquashfs\n")
        self.set("proc/device-tree/compatible", "vendor,model-x\0rockchip,rk3576\0")
        self.set("proc/device-tree/model", "Model X\0")
        self.set("proc/sys/kernel/random/boot_id", "boot-1\n")
        self.set("scene/next_boot", "boot-2\n")
        self.set("scene/arch", "aarch64\n")
        self.set("scene/systemd", "systemd 252 (252.39-1~deb12u1)\n")
        self.set("scene/service", "inactive\n")

    def _copy_program(self, program: Path) -> None:
        shutil.copy(program, self.root / "bin" / program.name)
        linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
        for library in re.findall(r"(/\S+) \(0x", linked.stdout):
            target = self.root / library.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, target)

    def _make_keys(self, monkeypatch: pytest.MonkeyPatch) -> None:
        user = self.folder / "user"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", user], check=True)
        self.set("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
        self.set("etc/group", "root:x:0:\n")
        self.set("root/.ssh/authorized_keys", user.with_suffix(".pub").read_text())
        for path in (self.root / "root", self.root / "root/.ssh"):
            path.chmod(0o700)
        told = subprocess.run(
            ["dropbearkey", "-t", "ed25519", "-f", self.root / "host_key"],
            capture_output=True,
            text=True,
            check=True,
        )
        public = next(line for line in told.stdout.splitlines() if line.startswith("ssh-ed25519"))
        self.known_hosts = self.folder / "known_hosts"
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {public}\n")
        (self.folder / "ssh_config").write_text(
            f"IdentityFile {self.folder}/user\nIdentitiesOnly yes\nGlobalKnownHostsFile none\n"
        )
        (self.folder / "tools").mkdir()
        ssh = self.folder / "tools/ssh"
        ssh.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {self.folder}/ssh_config "$@"\n')
        ssh.chmod(0o755)
        monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")

    def _start(self) -> None:
        words = ["/usr/sbin/chroot", self.root, "/bin/dropbear", "-F", "-E", "-s", "-P", "/pid"]
        words += ["-p", f"127.0.0.1:{self.port}", "-r", "/host_key"]
        self._server = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise TimeoutError("dropbear did not listen")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


def why_not() -> str:
    """Why no such machine can be made here; empty where it can."""
    if os.getuid() != 0:
        return "the machine of the ssh tests needs root for its chroot"
    path = f"{os.environ['PATH']}:{SBIN}"
    needed = {"ssh": "openssh-client", "dropbear": "dropbear-bin", "busybox": "busybox"}
    missing = [package for name, package in needed.items() if not shutil.which(name, path=path)]
    return f"no {', '.join(missing)}, which `make setup` brings" if missing else ""
