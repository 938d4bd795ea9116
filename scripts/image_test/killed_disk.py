# SPDX-License-Identifier: Apache-2.0
"""Looks into the disk of a machine that was killed, as its next boot would: journal, then hook.

The file system's journal is replayed by e2fsck, the kiosk's store is copied out of it, and the
hook of that very disk decides: its own scripts run here, on the host, in a second instead of
the half minute that an emulated boot takes. Nothing needs root.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from firmware.steps import run
from image_test.errors import MachineError
from image_test.prepare import BOARD

_E2FSCK_MENDED = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the next boot finds: `slot` is a, b or none; `state` as written after the choice."""

    slot: str
    version: str
    state: dict[str, str]
    config: str
    """A hash over the whole configuration, as `config_sum` of a running board."""


def next_start(disk: Path, partition: Path | None = None) -> Verdict:
    """What the hook chooses on a copy of this qcow2 disk; the disk is left as it is.

    Its store is on `partition`, another qcow2, where that is given.
    """
    with tempfile.TemporaryDirectory(dir=disk.parent, prefix="killed-") as folder:
        work = Path(folder)
        _copy_out(disk, ("/var/lib/kiosk", "/usr/libexec/kiosk", "/usr/lib/kiosk"), work)
        store = work / "var-lib-kiosk/kiosk"
        if partition is not None:
            store = work / "own"
            store.mkdir()
            _copy_out(partition, ("/slots", "/state", "/config"), work)
            for name in ("slots", "state", "config"):
                (work / name / name).rename(store / name)
        hook = work / "usr-libexec-kiosk/kiosk"
        environment = os.environ | {
            "KIOSK_STORE": str(store),
            "KIOSK_RUN": str(work / "run"),
            "KIOSK_HOOK": str(hook),
            "KIOSK_KEYS": str(work / "usr-lib-kiosk/kiosk/keys.d"),
            "KIOSK_BOARD": BOARD,
        }
        slot = _hook(["sh", hook / "slots.sh", "choose"], environment)
        image = store / "slots" / f"{slot}.img"
        version = _hook(["sh", hook / "verify", image], environment) if slot != "none" else ""
        lines = (store / "state/slots").read_text().splitlines()
        state = dict(line.split("=", 1) for line in lines)
        return Verdict(slot, version, state, config_sum(store))


def _copy_out(disk: Path, paths: tuple[str, ...], work: Path) -> None:
    """Copy folders of a qcow2 disk into folders of `work` that are named for them."""
    raw = work / "disk.raw"
    run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", disk, raw], doing="reading a disk")
    _replay_journal(raw)
    for path in paths:
        target = work / path.strip("/").replace("/", "-")
        target.mkdir()
        run(["debugfs", "-R", f'rdump {path} "{target}"', raw], doing=f"copying {path}")
    raw.unlink()


def config_sum(store: Path) -> str:
    """As `find config -type f -exec sha256sum {} + | sort | sha256sum` in the store says."""
    lines = sorted(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(store)}\n"
        for path in (store / "config").rglob("*")
        if path.is_file()
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _replay_journal(raw: Path) -> None:
    """Only the journal: what e2fsck would have to mend beyond it is a failure."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    environment = os.environ | {"PATH": path}
    for options in (["-E", "journal_only", "-p"], ["-fn"]):
        done = subprocess.run(
            ["e2fsck", *options, raw],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        if done.returncode not in (0, _E2FSCK_MENDED):
            raise MachineError(f"the killed disk is damaged:\n{done.stdout}{done.stderr}")


def _hook(command: list[str | Path], environment: dict[str, str]) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise MachineError(f"the hook failed: {done.stderr}")
    return done.stdout.strip()
