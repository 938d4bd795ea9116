# SPDX-License-Identifier: Apache-2.0
"""Stands in for fastboot (and, called as genio-bootrom, for that) with the board behind it.

Answers, streams and exit status are those of the real programs: fastboot of Debian 12 and 13
(getvar answers on stderr, waits for ever without a device), genio-bootrom 1.2.3 (exit status 0
whatever happens).
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

FOLDER = Path(os.environ["FAKE_DEVICE"])
SCENE = json.loads((FOLDER / "scene.json").read_text())
VARIABLES = {
    "product": "k85v1_64",
    "unlocked": "yes",
    "max-fetch-size": "0x10000000",
    "is-logical:linux": "no",
    "has-slot:linux": "no",
    "partition-size:linux": "100000",
} | SCENE.get("variables", {})


def told(text: str, status: int = 0) -> None:
    print(text, file=sys.stderr)
    print(
        "Finished. Total time: 0.001s" if status == 0 else "fastboot: error: Command failed",
        file=sys.stderr,
    )
    sys.exit(status)


def bootrom(argv: list[str]) -> None:
    print("Looking for MediaTek SoC matching USB device 0e8d:0003")
    if not Path(argv[argv.index("--bootstrap") + 1]).is_file():
        print("Failed to load bootstrap: -2")
    elif SCENE.get("no_access"):
        print("Opening /dev/ttyACM0 failed: Permission denied")
    else:
        print("Connected to MediaTek SoC: hw_code[0x8189]")
        print("Sending bootstrap to address: 0x201000")
        print("Jumping to bootstrap at address 0x201000 in AArch64 mode")
        (FOLDER / "started").touch()


def main(argv: list[str]) -> None:
    with (FOLDER / "log").open("a") as log:
        log.write(json.dumps(argv) + "\n")
    if "--bootstrap" in argv:
        bootrom(argv)
        return
    if argv == ["help"]:
        print(" getvar NAME                Display given bootloader variable.")
        if not SCENE.get("old_tool"):
            print(" fetch PARTITION OUT_FILE   Fetch a partition image from the device.")
        return
    there = not SCENE.get("needs_loader") or (FOLDER / "started").exists()
    serials = [f"0123456789AB{number}" for number in range(SCENE.get("devices", 1) if there else 0)]
    if argv == ["devices"]:
        print("".join(f"{serial}\tfastboot\n" for serial in serials))
        return
    assert argv[:2] == ["-s", "0123456789AB0"], "every command names the one board"
    if not serials:
        print(f"< waiting for {argv[1]} >", file=sys.stderr, flush=True)
        time.sleep(60)
    COMMANDS[argv[2]](argv[3:])


def getvar(arguments: list[str]) -> None:
    value = VARIABLES.get(arguments[0])
    if value is None:
        told(f"getvar:{arguments[0]}  FAILED (remote: 'unknown variable')", 1)
    told(f"{arguments[0]}: {value}")


def fetch(arguments: list[str]) -> None:
    content = bytearray((FOLDER / f"{arguments[0]}.img").read_bytes())
    if "reads_wrong_byte" in SCENE and (FOLDER / "written").exists():
        content[SCENE["reads_wrong_byte"]] ^= 1
    Path(arguments[1]).write_bytes(content)
    told(f"Fetching '{arguments[0]}'                        OKAY [  0.100s]")


def flash(arguments: list[str]) -> None:
    if SCENE.get("refuses"):
        told(f"Writing '{arguments[0]}'    FAILED (remote: '{SCENE['refuses']}')", 1)
    file = FOLDER / f"{arguments[0]}.img"
    old = file.read_bytes()
    new = Path(arguments[1]).read_bytes()
    file.write_bytes(new + old[len(new) :])
    (FOLDER / "written").touch()
    told(
        f"Sending '{arguments[0]}' (512 KB)                OKAY [  0.02s]\n"
        f"Writing '{arguments[0]}'                         OKAY [  0.10s]"
    )


def reboot(_arguments: list[str]) -> None:
    told("Rebooting                                          OKAY [  0.000s]")


COMMANDS = {"getvar": getvar, "fetch": fetch, "flash": flash, "reboot": reboot}

if __name__ == "__main__":
    main(sys.argv[1:])
