# SPDX-License-Identifier: Apache-2.0
"""Any board that already runs a Linux: over the network, no cable, no buttons.

Two cases. A kiosk is there: its own `kioskctl install` takes the signed image, and the board
falls back by itself should the new one not prove healthy. A vendor's plain system: hook and
payload are laid over its root once (`first_contact`), after a question.

After the restart the board is asked what runs: an image that fell back is a failure here.
"""

from __future__ import annotations

import shlex
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from firmware.boards import Board
from firmware.made_for import version_for
from flashing import first_contact
from flashing.errors import FlashError
from flashing.report import Report
from flashing.ssh_connection import Connection, check_host, explain, is_refused
from flashing.ssh_probe import SCRIPT, Machine, check_machine, parse

RESTART_POLL_S: Final = 3.0
_UPLOAD_SPARE_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class SshJob:
    """One installation over ssh; `archive` is rootfs-overlay.tar, `folder` takes backups."""

    board: Board
    host: str
    port: int
    known_hosts: Path | None
    image: Path
    archive: Path
    folder: Path
    first_contact: bool = False
    allow_downgrade: bool = False
    restart: bool = True
    wait_s: float = 300.0
    confirmed: bool = False


def newest_image(folder: Path, board: str) -> Path:
    """The newest kiosk image in a folder; a name that tells what is missing when there is none."""
    images = sorted(folder.glob(f"kiosk-{board}-*.img"), key=lambda path: path.stat().st_mtime)
    return images[-1] if images else folder / f"kiosk-{board}-VERSION.img"


def install(job: SshJob, report: Report) -> None:
    """Bring the board to `job.image`; raises FlashError."""
    check_host(job.host)
    with tempfile.TemporaryDirectory(prefix="kiosk-ssh-") as control:
        connection = Connection(job.host, job.port, job.known_hosts, Path(control))
        try:
            _install(job, report, connection)
        finally:
            connection.close()


def _install(job: SshJob, report: Report, connection: Connection) -> None:
    report.step(f"Asking {job.host} what it is")
    machine = _ask(connection)
    report.note(
        f"{machine.model or 'no model'}, {machine.arch}, systemd {machine.systemd}, kiosk "
        f"{machine.version or ('installed' if machine.installed else 'not installed')}"
    )
    virgin = job.first_contact or not machine.installed
    file = job.archive if virgin else job.image
    if not file.is_file():
        raise FlashError(f"{file} is not there; make it with `make overlay BOARD={job.board.name}`")
    version = version_for(job.board.name, job.image, job.image) if not virgin else ""
    check_machine(machine, job.board, file.stat().st_size + _UPLOAD_SPARE_BYTES)
    if version and (machine.version, machine.service) == (version, "active"):
        report.state = f"{job.host} runs {version} already; nothing was changed."
        return
    connection = replace(connection, sudo=not machine.root_user)
    if virgin:
        first_contact.lay_over(
            connection, machine, report, job.archive, job.board.name, job.folder, job.confirmed
        )
    else:
        _update(job, connection, report, file, version)
    if not job.restart:
        report.note("not restarted: the board takes it at its next start")
        return
    _restart(job, report, connection, machine, version)


def plan(job: SshJob) -> list[tuple[str, list[str]]]:
    """What would be run, in order, each with its reason."""
    connection = Connection(job.host, job.port, job.known_hosts, Path("CONTROL_FOLDER"))
    upload = "/var/tmp/kiosk-RANDOM"
    asking = "(flashing/ssh_probe.py's script on its stdin)"
    steps = [(f"what is it: model, systemd, room, kiosk {asking}", connection.script_argv())]
    if not job.first_contact:
        steps += [
            (
                f"with a kiosk on it: copy the image (its stdin: {job.image})",
                connection.argv(f"cat > {upload}/image.img"),
            ),
            ("install it", connection.argv(_command(job, f"{upload}/image.img"))),
        ]
    steps += first_contact.plan(connection, upload, job.archive)
    if job.restart:
        steps.append(("restart", connection.argv("systemctl reboot")))
        steps.append((f"what runs now {asking}", connection.script_argv()))
    return steps


def _ask(connection: Connection) -> Machine:
    output = connection.script(SCRIPT)
    if is_refused(output):
        raise explain(output, connection)
    return parse(output.text)


def _command(job: SshJob, image: str) -> str:
    flag = "--allow-downgrade " if job.allow_downgrade else ""
    return f"kioskctl install {flag}{shlex.quote(image)}"


def _update(job: SshJob, connection: Connection, report: Report, image: Path, version: str) -> None:
    folder = connection.upload_folder()
    try:
        report.step(f"Copying {image.name}")
        remote = f"{folder}/image.img"
        connection.send(image, remote, report)
        report.state = (
            "The image was copied but not yet installed; the board still runs the old one. Run the "
            "same command again."
        )
        report.step(f"Installing {version} into the free slot")
        output = connection.script(f"{_command(job, remote)} 2>&1\n", echo=True)
        if output.status != 0:
            raise FlashError(f"the board refused the image: {output.last_line}")
    finally:
        connection.script(f"rm -rf {shlex.quote(folder)}\n")
    report.state = f"{version} is installed; the board tries it at its next start."


def _restart(
    job: SshJob, report: Report, connection: Connection, before: Machine, version: str
) -> None:
    report.step(f"Restarting {job.host}")
    connection.script("sync; systemctl reboot\n")
    connection.close()
    machine = _wait_for_restart(job, report, connection, before)
    if version and machine.version != version:
        raise FlashError(
            f"{job.host} came back with {machine.version or 'no kiosk'} and not with {version}: "
            "it fell back. `kioskctl slots` and `journalctl -b -u kiosk-activate -u kioskd` on "
            "the board say why"
        )
    if machine.service not in ("active", "activating"):
        raise FlashError(
            f"{job.host} came back, but kioskd.service is {machine.service or 'not there'}; "
            "`journalctl -b -u kiosk-activate -u kioskd` on the board says why"
        )
    report.state = f"{job.host} runs {machine.version} from slot {machine.slot}."
    if version:
        report.note(
            "It is on trial: after a minute in good health the board keeps it, a restart before\n"
            "that counts as a failed try."
        )


def _wait_for_restart(
    job: SshJob, report: Report, connection: Connection, before: Machine
) -> Machine:
    deadline = time.monotonic() + job.wait_s
    report.step("Waiting until it is back")
    report.state = f"{job.host} was restarted and has not come back yet."
    while time.monotonic() < deadline:
        time.sleep(RESTART_POLL_S)
        try:
            machine = _ask(replace(connection, sudo=False))
        except FlashError:  # not up yet
            continue
        if machine.boot != before.boot and machine.service not in ("", "inactive", "activating"):
            return machine
    raise FlashError(
        f"{job.host} did not come back with a kiosk within {job.wait_s:.0f} s; look at its screen "
        "or its serial console. A new address by DHCP would explain it too"
    )
