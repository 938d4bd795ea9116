# SPDX-License-Identifier: Apache-2.0
"""A FIFO where a command wants a file: told at once by all of them, none waits for a writer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

AVATAR = "config/avatars/default-20k.avatar"
COMMANDS = {
    "play": "-m kioskd play {}.json",
    "info": "-m splat_gles info {}.avatar",
    "import": "-m splat_gles import {}.zip -o out.avatar",
    "bench": "-m splat_gles bench {}.avatar",
    "estimate": "-m splat_gles estimate {}.avatar --board rk3576",
    "clip": f"-m splat_gles render {AVATAR} --clip {{}}.json -o out.png",
    "decode": "-m driving_client decode {}.json",
    "provenance": "-m driving_client provenance {}.json",
    "fit": "-m driving_client fit {}.json -o out.json",
    "FLAME pickle": "-m driving_client fit --flame {}.pkl --blendshapes {}.npz -o o.json",
    "FLAME arrays": "-m driving_client fit --flame {}.npz --blendshapes {}.npz -o o.json",
    "endpoint": "-m driving_client.endpoint --port 0 --retarget {}.json",
    "token": "-m kioskd.ctl --url http://127.0.0.1:9 --token-file {} status",
    "authority": "-m kioskd.ctl --url https://127.0.0.1:9 --authority {} status",
    "recipe": "scripts/make_avatar.py {}.yaml",
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_no_command_waits_for_the_writer_of_a_fifo(
    root: Path, tmp_path: Path, command: str
) -> None:
    for suffix in ("", ".json", ".avatar", ".zip", ".pkl", ".npz", ".yaml"):
        os.mkfifo(tmp_path / f"odd{suffix}")
    words = [word.replace("{}", str(tmp_path / "odd")) for word in command.split()]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"PYTHONPATH": f"{root}:{root / 'scripts'}"},
    )
    assert done.returncode in (1, 2), done.stderr
    assert "regular file" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "-m driving_client.endpoint --voice \udcff",
        "-m driving_client.endpoint --greeting \x1b[2J",
        "-m driving_client.endpoint --say \udcff",
        "-m driving_client.endpoint --host \udcff",
        "-m splat_gles import none.zip --name \udcff",
        "-m splat_gles import none.zip --licence \udcff",
    ],
    ids=ascii,
)
def test_words_of_a_command_line_that_are_no_text_are_refused(root: Path, command: str) -> None:
    done = subprocess.run(
        [sys.executable, *command.split(" ")],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr
