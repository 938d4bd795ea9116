# SPDX-License-Identifier: Apache-2.0
"""Laying hook and payload over the root of a vendor's running Linux, once per board.

What the archive would overwrite is fetched first; what it adds is listed before a yes is
asked for. The board's own tar unpacks it (GNU's or busybox's), then every file's hash is
compared. Nothing else is changed: units are enabled by links in the archive, and the next
start takes them.
"""

from __future__ import annotations

import shlex
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from firmware.root_archive import read_archive
from flashing.errors import FlashError
from flashing.job import hash_file
from flashing.report import Report
from flashing.ssh_connection import Connection
from flashing.ssh_probe import Machine, check_virgin

# GNU tar would replace a link to a folder by a folder and set the modes of existing ones
_UNPACK: Final = """
umask 022
options=
if tar --help 2>&1 | grep -q -e --keep-directory-symlink; then
    options='--keep-directory-symlink --no-overwrite-dir'
fi
tar $options -x -p -f {archive} -C / && sync
"""


def lay_over(
    connection: Connection,
    machine: Machine,
    report: Report,
    archive: Path,
    board: str,
    backups: Path,
    confirmed: bool,
) -> None:
    """Unpack `archive` over the board's root; raises FirmwareError. Keeps what it overwrites."""
    with tempfile.TemporaryDirectory(prefix="kiosk-archive-") as work:
        entries = read_archive(archive, Path(work), board).entries
        hashes = {entry.name: hash_file(entry.source) for entry in entries if entry.source}
    check_virgin(machine, archive.stat().st_size)
    existing = _existing(connection, hashes)
    changed = [name for name, digest in existing.items() if digest != hashes[name]]
    report.step(f"First contact: {len(hashes)} files go onto {connection.host}")
    for name in sorted(hashes):
        word = "new" if name not in existing else "replaced" if name in changed else "as it is"
        report.note(f"{word:>8}  /{name}")
    if machine.desktop:
        units = " ".join(machine.desktop)
        report.note(
            f"This system starts a desktop ({units}). The kiosk stops it at every start, to have\n"
            f"the screen; to be rid of it: systemctl disable {units}"
        )
    _confirm(report, connection.host, confirmed)
    if changed:
        _fetch(connection, report, changed, backups)
    folder = connection.upload_folder()
    try:
        report.step(f"Copying {archive.name}")
        remote = f"{folder}/overlay.tar"
        connection.send(archive, remote, report)
        report.step("Unpacking")
        report.state = (
            "The board's root holds only a part of the kiosk; it boots as before. Run the same "
            "command again to make it whole."
        )
        output = connection.script(_UNPACK.format(archive=shlex.quote(remote)))
        if output.status != 0:
            raise FlashError(f"unpacking on the board failed: {output.last_line}")
        _compare(connection, hashes)
    finally:
        connection.script(f"rm -rf {shlex.quote(folder)}\n")
    report.note("all files are as sent")
    report.state = "Hook and payload are on the board; the next start takes them."


def plan(connection: Connection, upload: str, archive: Path) -> list[tuple[str, list[str]]]:
    """What would be run on a board without a kiosk."""
    return [
        (
            "without a kiosk: keep what would be overwritten",
            connection.argv("tar -C / -c -f - FILES"),
        ),
        (
            f"copy the archive (its stdin: {archive})",
            connection.argv(f"cat > {upload}/overlay.tar"),
        ),
        ("lay it over the root", connection.argv(f"tar -x -p -f {upload}/overlay.tar -C /")),
        ("compare every file", connection.argv("cd / && sha256sum FILES")),
    ]


def _existing(connection: Connection, hashes: Mapping[str, str]) -> dict[str, str]:
    """Hashes of those files that the board has already."""
    output = connection.script(f"cd / && sha256sum {_quoted(hashes)} 2>/dev/null\n")
    pairs = (line.split(maxsplit=1) for line in output.text.splitlines())
    return {pair[1].strip(): pair[0] for pair in pairs if len(pair) == 2 and pair[1] in hashes}


def _compare(connection: Connection, hashes: Mapping[str, str]) -> None:
    found = _existing(connection, hashes)
    bad = [name for name, digest in hashes.items() if found.get(name) != digest]
    if bad:
        raise FlashError(f"these differ on the board from what was sent: {', '.join(bad[:5])}")


def _confirm(report: Report, host: str, confirmed: bool) -> None:
    if confirmed:
        return
    if not sys.stdin.isatty():
        raise FlashError(
            "there is no terminal to ask on; give YES=1 (--yes) to go on without a question"
        )
    report.step(f"From its next start on, {host} is a kiosk")
    if input("         Type yes to go on: ").strip().lower() != "yes":
        raise FlashError("not confirmed. Nothing was written")


def _fetch(connection: Connection, report: Report, names: list[str], backups: Path) -> None:
    backups.mkdir(parents=True, exist_ok=True)
    backup = backups / f"backup-{time.strftime('%Y%m%d-%H%M%S')}-root.tar"
    report.step(f"Keeping {len(names)} files of the board in {backup}")
    output = connection.fetch(f"tar -C / -c -f - {_quoted(dict.fromkeys(names, ''))}", backup)
    if output.status != 0 or not tarfile.is_tarfile(backup):
        raise FlashError(f"the board's files could not be kept: {output.last_line}")
    backup.with_name(backup.name + ".sha256").write_text(f"{hash_file(backup)}  {backup.name}\n")


def _quoted(names: Mapping[str, str]) -> str:
    return " ".join(shlex.quote(name) for name in names)
