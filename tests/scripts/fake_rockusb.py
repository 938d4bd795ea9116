# SPDX-License-Identifier: Apache-2.0
"""Stands in for rkdeveloptool and the board behind it: a process with the tool's own words.

Output, exit status and the way a partition is found by name follow the source of the tool
(1.32) and its packages in Debian 12 and, with FORK, 13. The storage is a sparse file; like
the real one, `wlx` writes whatever size it is given, past the end of the partition too.
Everything else comes from scene.json: what is connected, and what shall go wrong.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from pathlib import Path

SECTOR = 512
FOLDER = Path(os.environ["FAKE_DEVICE"])
SCENE = json.loads((FOLDER / "scene.json").read_text())
FORK = bool(SCENE.get("fork"))
WORDS = {
    "list": "ld", "boot": "db", "read-chip-info": "rci", "list-partitions": "ppt", "read": "rl",
    "write-partition": "wlx", "reboot": "rd",
}  # fmt: skip


def fail(text: str) -> None:
    print(f"\x1b[30;41m{text}\x1b[0m\r")
    sys.exit(1)


def devices() -> list[str]:
    """Lines of the device list; a scene may let the board show up late."""
    later = SCENE.get("after_lists", 0)
    seen = FOLDER / "lists"
    count = int(seen.read_text()) if seen.exists() else 0
    if count < later:
        return []
    mode = "Loader" if (FOLDER / "loaded").exists() else SCENE.get("mode", "Loader")
    return [
        f"DevNo={number + 1}\tVid=0x2207,Pid=0x{SCENE.get('pid', '350e')},LocationID={101 + number}"
        f"\t{mode}"
        for number in range(SCENE.get("devices", 1))
    ]


def entries() -> list[tuple[str, int, int]]:
    with (FOLDER / "storage.img").open("rb") as storage:
        raw = storage.read(34 * SECTOR)
    found = []
    for at in range(2 * SECTOR, 34 * SECTOR, 128):
        first, last = struct.unpack_from("<QQ", raw, at + 32)
        if raw[at : at + 128] == bytes(128):
            break
        found.append((raw[at + 56 : at + 128].decode("utf-16-le").split("\0")[0], first, last))
    return found


def percent(word: str, done: int, total: int) -> None:
    print(f"\x1b[1A\x1b[2K{word} ({done * 100 // total}%)\r")


def main(argv: list[str]) -> None:
    with (FOLDER / "log").open("a") as log:
        log.write(json.dumps(argv) + "\n")
    if argv[0] == "-h":
        print(
            "  write-partition       Write an image" if FORK else "WriteLBA:\t\twlx  <Name> <File>"
        )
        return
    word = WORDS.get(argv[0], "") if FORK else argv[0]
    found = devices()
    if word == "ld":
        seen = FOLDER / "lists"
        seen.write_text(str(int(seen.read_text()) + 1 if seen.exists() else 1))
        print("\r\n".join(found) if found else "not found any devices!\r")
        sys.exit(0 if found else 1)
    if not found:
        fail("Did not find any rockusb device, please plug device in!")
    if SCENE.get("no_access"):
        fail("Creating Comm Object failed!")
    if SCENE.get("mode") == "Maskrom" and not (FOLDER / "loaded").exists() and word != "db":
        print("Read GPT failed!\r\nRead parameter failed!\r\nNot found any partition table!\r")
        sys.exit(1)
    if argv[0] in SCENE.get("fails", {}) or word in SCENE.get("fails", {}):
        print(SCENE["fails"][word] + "\r")
        sys.exit(1)
    COMMANDS[word](argv[1:])


def boot(arguments: list[str]) -> None:
    if not Path(arguments[0]).is_file():
        print("Opening loader failed, exiting download boot!\r")
        sys.exit(1)
    if not SCENE.get("loader_is_of_another_board"):
        (FOLDER / "loaded").touch()
    print("Downloading bootloader succeeded.\r")


def chip(_arguments: list[str]) -> None:
    answer = SCENE.get("chip", "36 37 35 33 FF FF FF FF FF FF FF FF FF FF FF FF")
    if not answer:
        print("Read Chip Info failed!\r")
        sys.exit(1)
    print(f"Chip Info: {answer}\r")


def table(_arguments: list[str]) -> None:
    if "ppt" in SCENE:
        print(SCENE["ppt"], end="")
    elif FORK:
        print(
            "#   LBA start (sectors)  LBA end (sectors)  Size (bytes)       Name                \r"
        )
        for number, (name, first, last) in enumerate(entries()):
            size = (last - first + 1) * SECTOR
            print(
                f"{number:02d}           {first:10d}         {last:10d}  {size:12d}       {name}\r"
            )
    else:
        print("**********Partition Info(GPT)**********\r\nNO  LBA       Name                \r")
        for number, (name, first, _) in enumerate(entries()):
            print(f"{number:02d}  {first:08X}  {name}\r")


def read(arguments: list[str]) -> None:
    first, count, target = int(arguments[0]), int(arguments[1]), Path(arguments[2])
    size = count if FORK else count * SECTOR
    with (FOLDER / "storage.img").open("rb") as storage:
        storage.seek(first * SECTOR)
        content = bytearray(storage.read(size))
    content += bytes(size - len(content))
    if "reads_wrong_byte" in SCENE and (FOLDER / "written").exists():
        content[SCENE["reads_wrong_byte"]] ^= 1
    if "reads_short" in SCENE and count != 34:
        del content[SCENE["reads_short"] :]
    target.write_bytes(content)
    percent("Read LBA to file", 1, 2)
    percent("Read LBA to file", 2, 2)


def write(arguments: list[str]) -> None:
    name, image = arguments[0], Path(arguments[1])
    places = [first for known, first, _ in entries() if known == name]
    if not places:
        print(f"No found {name} partition\r")
        sys.exit(1)
    content = image.read_bytes()
    with (FOLDER / "storage.img").open("r+b") as storage:
        storage.seek(places[0] * SECTOR)
        storage.write(content[: len(content) // 2])
        storage.flush()
        (FOLDER / "written").touch()
        percent("Write LBA from file", 1, 2)
        sys.stdout.flush()
        if SCENE.get("hangs_in_write"):
            time.sleep(60)
        if SCENE.get("breaks_in_write"):
            print("Write LBA failed!\r")
            sys.exit(1)
        storage.write(content[len(content) // 2 :])
    percent("Write LBA from file", 2, 2)


def restart(_arguments: list[str]) -> None:
    print("Reset Device OK.\r")


COMMANDS = {
    "db": boot,
    "rci": chip,
    "ppt": table,
    "rl": read,
    "wlx": write,
    "rd": restart,
}

if __name__ == "__main__":
    main(sys.argv[1:])
