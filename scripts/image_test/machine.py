# SPDX-License-Identifier: Apache-2.0
"""One QEMU machine: a board with a screen of 270x480, a sound card and a network.

No KVM: the guest's processor is emulated, 20 to 50 times slower than a board. So the machine
proves function, never frame rates, and every wait is bounded but long. The recorded sound's
level is not that of the card (emulated HDA drops blocks when the host is busy): compare its
content, not its loudness.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TypeVar

from image_test.base_files import PORT_NAME
from image_test.errors import MachineError
from image_test.guest_shell import Answer, GuestShell
from image_test.qmp import Qmp

SCREEN: Final = (270, 480)
MEMORY_MB: Final = 1024
BOOT_S: Final = 600.0
"""To the first answer; half a minute where nothing else runs, minutes beside other work."""
HOST: Final = "10.0.2.2"
"""The host's address as the guest sees it."""
KIOSK_PORT: Final = 8080
COMMAND_LINE: Final = "console=ttyAMA0 loglevel=4 net.ifnames=0 vt.global_cursor_default=0"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MachineSettings:
    """What a machine is started with."""

    kernel: Path
    initramfs: Path
    disk: Path
    """qcow2; the machine writes to it."""
    folder: Path
    """Takes serial.log and sound.wav."""
    read_only_disks: tuple[Path, ...] = ()
    """Raw images, /dev/vdb and so on."""
    snapshot: str = ""
    """Go on from this one of the disk's machine snapshots instead of booting."""
    command_line: str = ""
    """More words for the kernel's."""
    partition: Path | None = None
    """qcow2 of the kiosk's own partition; the machine writes to it."""
    bare: bool = False
    """No network, no sound card, and a clock that stands in the year 2000."""


class Machine:
    """A running machine; leaving the `with` block ends it, whatever happened."""

    def __init__(self, settings: MachineSettings) -> None:
        self.settings = settings
        settings.folder.mkdir(parents=True, exist_ok=True)
        self.port = _free_port()
        self._sockets = Path(tempfile.mkdtemp(prefix="qemu-"))
        self._serial = settings.folder / "serial.log"
        self._errors = settings.folder / "qemu.log"
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=errors, stderr=errors
            )
        try:
            self.qmp = self._until_connected(lambda: Qmp(self._sockets / "qmp"))
            self._shell = GuestShell(self._sockets / "shell")
            if settings.snapshot:
                self.wait_booted()  # what is asked before the guest goes on may get no answer
        except BaseException:
            self.kill()
            raise

    @property
    def sound(self) -> Path:
        """The WAV of all that was played; whole only after `quit`."""
        return self.settings.folder / "sound.wav"

    @property
    def url(self) -> str:
        """The kiosk's health port as the host reaches it, without the scheme."""
        return f"127.0.0.1:{self.port}"

    @property
    def cpu_s(self) -> float:
        """What QEMU has used of the host's processors so far; 0 once it has ended."""
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return 0.0

    def _command(self) -> list[str]:
        settings = self.settings
        words = ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72", "-smp", "2"]
        words += ["-accel", "tcg,thread=multi", "-m", str(MEMORY_MB), "-display", "none"]
        words += ["-kernel", str(settings.kernel), "-initrd", str(settings.initramfs)]
        words += ["-append", f"{COMMAND_LINE} {settings.command_line}".strip()]
        words += ["-drive", f"file={settings.disk},if=none,id=root,format=qcow2,cache=writeback"]
        words += ["-device", "virtio-blk-pci,drive=root"]
        for number, path in enumerate(settings.read_only_disks):
            words += ["-drive", f"file={path},if=none,id=d{number},format=raw,readonly=on"]
            words += ["-device", f"virtio-blk-pci,drive=d{number}"]
        if settings.partition is not None:
            words += ["-drive", f"file={settings.partition},if=none,id=own,format=qcow2"]
            words += ["-device", "virtio-blk-pci,drive=own"]
        words += ["-device", f"virtio-gpu-pci,xres={SCREEN[0]},yres={SCREEN[1]}"]
        words += ["-device", "virtio-rng-pci"]
        if settings.bare:
            words += ["-nic", "none", "-rtc", "base=2000-01-01"]
        else:
            words += self._network_and_sound()
        # A watchdog card, as boards have one in the SoC; what it does when it bites is a reset
        words += ["-device", "i6300esb", "-action", "watchdog=reset"]
        words += ["-device", "virtio-serial-pci"]
        words += ["-chardev", f"socket,id=shell,path={self._sockets}/shell,server=on,wait=off"]
        words += ["-device", f"virtserialport,chardev=shell,name={PORT_NAME}"]
        words += ["-chardev", f"file,id=serial,path={self._serial},append=on"]
        words += ["-serial", "chardev:serial"]
        words += ["-qmp", f"unix:{self._sockets}/qmp,server=on,wait=off"]
        if settings.snapshot:
            words += ["-loadvm", settings.snapshot]
        return words

    def _network_and_sound(self) -> list[str]:
        words = ["-audiodev", f"wav,id=sound,path={self.sound},out.frequency=48000"]
        words += ["-device", "intel-hda", "-device", "hda-output,audiodev=sound"]
        words += ["-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self.port}-:{KIOSK_PORT}"]
        return [*words, "-device", "virtio-net-pci,netdev=net"]

    def _until_connected(self, connect: Callable[[], T]) -> T:
        deadline = time.monotonic() + 60
        while True:
            try:
                return connect()
            except OSError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    words = self._errors.read_text(errors="replace")[-2000:]
                    raise MachineError(f"QEMU did not start ({error}): {words}") from error
                time.sleep(0.05)

    def wait_booted(self, timeout_s: float = BOOT_S) -> None:
        """Until the guest's user space answers."""
        self._shell.wait_ready(timeout_s)

    def shell(self, script: str, timeout_s: float = 60.0) -> str:
        """Output of a script in the guest; raises MachineError when it fails."""
        answer = self.try_shell(script, timeout_s)
        if answer.status != 0:
            raise MachineError(f"in the guest: {script}\nstatus {answer.status}: {answer.output}")
        return answer.output

    def try_shell(self, script: str, timeout_s: float = 60.0) -> Answer:
        """Output and exit status of a script in the guest."""
        return self._shell.run(script, timeout_s)

    def next_boot(self, script: str) -> str:
        """Output of a script while the guest may be restarting; empty where it gives none."""
        try:
            answer = self._shell.run(script, 20.0)
        except MachineError:
            return ""
        return answer.output if answer.status == 0 else ""

    def until(self, what: str, probe: Callable[[], T | None], timeout_s: float) -> T:
        """The probe's first answer that is not None; else MachineError with the console."""
        deadline = time.monotonic() + timeout_s
        while (answer := probe()) is None:
            if self._process.poll() is not None:
                raise MachineError(f"QEMU ended while waiting for {what}\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise MachineError(
                    f"no sign of {what} within {timeout_s:.0f} s\n{self.last_words()}"
                )
            time.sleep(0.5)
        return answer

    def screenshot(self, name: str) -> Path:
        """What is on the screen now, as a PNG beside the other results."""
        path = self.settings.folder / f"{name}.png"
        self.qmp.ask("screendump", filename=str(path.resolve()), format="png")
        return path

    def save(self, snapshot: str) -> None:
        """Keep the whole machine, memory and disk, inside the disk's qcow2 file."""
        self.qmp.monitor(f"savevm {snapshot}")

    def serial(self) -> str:
        """All that the console has printed, without terminal codes."""
        text = self._serial.read_text(errors="replace") if self._serial.exists() else ""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", text)

    def last_words(self) -> str:
        """The console's end and the journal's, for a failure's message."""
        lines = [f"    {line}" for line in self.serial().splitlines()[-25:]]
        with contextlib.suppress(MachineError):
            journal = self._shell.run("journalctl -b --no-pager -n 40 -o short-monotonic", 15)
            lines += ["journal:", *(f"    {line}" for line in journal.output.splitlines())]
        return f"{self._serial}:\n" + "\n".join(lines)

    def wait_ended(self, timeout_s: float) -> None:
        """Until QEMU has ended by itself, as after the guest's power-off."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise MachineError(
                f"the machine still ran after {timeout_s:.0f} s\n{self.last_words()}"
            ) from None

    def quit(self) -> None:
        """End QEMU in order, so that the sound's file is whole; the guest is not asked."""
        with contextlib.suppress(MachineError, OSError):
            self.qmp.ask("quit")
            self._process.wait(30)
        self.kill()

    def kill(self) -> None:
        """SIGKILL: for the guest a power cut.

        What it wrote to new places of the disk without a flush is lost, because qcow2 keeps the
        map of new clusters in memory until then; what it wrote over old ones may be there.
        """
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        shutil.rmtree(self._sockets, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.quit()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
