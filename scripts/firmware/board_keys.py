# SPDX-License-Identifier: Apache-2.0
"""The schema of `board.yaml`: every key, its type, what it may be and what it is for.

Validation and the JSON schema for editors (`board/board.schema.json`, made by
`scripts/make_overlay.py --board-schema`) both come from this table. Left out on purpose: sector
offsets and partition sizes (three public layouts of one SoC differ; they are read from the
device), package lists (all boards carry the same runtime), and anything that only the running
kiosk decides (`kiosk.yaml`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `kind` is str, int, bool or list (of texts); `pattern` holds for each text."""

    kind: type
    text: str
    pattern: str = ""
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    empty: bool = False
    """Whether an empty text or list is allowed."""

    def check(self, value: object) -> str:
        """What is wrong with a value, in words; empty when it is right."""
        if type(value) is not self.kind:
            return f"must be {KIND_WORDS[self.kind]}"
        if isinstance(value, int) and not isinstance(value, bool):
            low, high = self.minimum, self.maximum
            if (low is not None and value < low) or (high is not None and value > high):
                return f"must be from {low} to {high}"
        if isinstance(value, (str, list)):
            if not value and not self.empty:
                return "must not be empty"
            for item in value if isinstance(value, list) else [value]:
                if problem := self._check_text(item):
                    return problem
            if isinstance(value, list) and len(set(value)) != len(value):
                return "contains something twice"
        return ""

    def _check_text(self, item: object) -> str:
        if not isinstance(item, str):
            return f"{item!r} is not text; put it in quotes"
        if self.choices and item not in self.choices:
            return f"'{item}' is not one of {', '.join(self.choices)}"
        if item and self.pattern and not re.fullmatch(self.pattern, item):
            return f"'{item}' is not of the form {self.pattern}"
        return ""

    def schema(self) -> dict[str, Any]:
        """The key as a JSON schema."""
        text: dict[str, Any] = {"type": "string"}
        if self.choices:
            text["enum"] = list(self.choices)
        if self.pattern:
            text["pattern"] = f"^({self.pattern})?$" if self.empty else f"^{self.pattern}$"
        result: dict[str, Any] = {"description": self.text}
        if self.kind is list:
            result |= {"type": "array", "items": text, "minItems": 0 if self.empty else 1}
            result["uniqueItems"] = True
        elif self.kind is str:
            result |= text
        else:
            result["type"] = "boolean" if self.kind is bool else "integer"
            if self.minimum is not None:
                result |= {"minimum": self.minimum, "maximum": self.maximum}
        return result


KIND_WORDS: Final = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    list: "a list of texts, such as [one, two]",
}
NAME: Final = "[a-z0-9][a-z0-9-]{0,30}"
WORDS: Final = r"[A-Za-z0-9][A-Za-z0-9 ,.:+()_-]{0,120}"
"""A line that means nothing else in YAML, Markdown or a terminal."""
FLASH_TOOLS: Final = ("rkdeveloptool", "genio-flash", "fastboot", "ssh")

BOARD_KEYS: Final[dict[str, Key]] = {
    "name": Key(str, "The board's name, that of its folder.", pattern=NAME),
    "title": Key(str, "What a person calls it."),
    "soc": Key(str, "The system on chip, or `unknown`."),
    "tier": Key(
        int,
        "1: supported; 2: needs the vendor's Linux; 3: built and tried in QEMU only.",
        minimum=1,
        maximum=3,
    ),
    "compatible": Key(
        list,
        "Device-tree `compatible` strings, one of which the machine must have; empty where none "
        "is known; then a wrong board is not noticed.",
        pattern="[a-z0-9]+,[a-z0-9._-]+",
        empty=True,
    ),
    "arch": Key(str, "Instruction set, as Debian names it.", choices=("arm64",)),
    "base": Key(str, "Release that the payload's runtime is from.", choices=("debian-12",)),
    "compression": Key(
        str,
        "Of the payload: xz is smallest, gzip starts sooner; every vendor kernel has both.",
        choices=("xz", "gzip"),
    ),
    "avatar": Key(
        str,
        "Which bundle of config/avatars is the payload's default avatar: -20k where a "
        "weak board would not draw 60,000 splats in time.",
        choices=("default", "default-20k"),
    ),
    "drm_drivers": Key(
        list,
        "Kernel drivers of the display, the likeliest first (never card numbers).",
        pattern="[a-z0-9_-]+",
        empty=True,
    ),
    "audio_match": Key(
        list,
        "Shell patterns for the sound card, tried in order on card id, name, long name and "
        "sysfs path without regard to case (never card numbers).",
        empty=True,
    ),
    "microphone_match": Key(
        list, "The same for the microphone, among the cards that record.", empty=True
    ),
    "watchdog": Key(bool, "Whether the SoC has a watchdog that the kernel should show."),
    "npu": Key(str, "`rknn`: the payload carries rknn-toolkit-lite2.", choices=("none", "rknn")),
    "serial_console": Key(
        str,
        "Kernel console and speed, such as ttyS0,115200.",
        pattern=r"tty[A-Za-z]+\d+,\d+",
        empty=True,
    ),
}

FLASH_KEYS: Final[dict[str, Key]] = {
    "tool": Key(str, "The tool that writes it.", choices=FLASH_TOOLS),
    "usb_ids": Key(
        list,
        "USB vendor:product in flash mode, where the tool does not know them itself.",
        pattern="[0-9a-f]{4}:[0-9a-f]{4}",
        empty=True,
    ),
    "chip": Key(
        str, "What the device says it is in flash mode; empty where it cannot tell.", empty=True
    ),
    "buttons": Key(
        str, "How to bring the board into flash mode; shown while it is waited for.", empty=True
    ),
    "loader": Key(
        str,
        "Shell pattern of the vendor's loader file that the tool must send first.",
        empty=True,
    ),
    "partitions": Key(
        list,
        "Names of partitions that may hold kiosk-overlay.img, the preferred first.",
        pattern="[A-Za-z0-9_-]+",
        empty=True,
    ),
    "rootfs_partition": Key(
        str,
        "Name of the partition that holds the vendor's root.",
        pattern="[A-Za-z0-9_-]+",
        empty=True,
    ),
    "max_bytes": Key(
        int,
        "kiosk-overlay.img is made this large; at most 128 MiB.",
        minimum=64 << 20,
        maximum=128 << 20,
    ),
}

VERIFIED_KEYS: Final[dict[str, Key]] = {
    "date": Key(str, "When the report was made, or taken.", pattern=r"20\d\d-[01]\d-[0-3]\d"),
    "model": Key(str, "The board, as its device tree calls it.", pattern=WORDS),
    "image": Key(str, "The kiosk's version.", pattern=WORDS),
    "system": Key(str, "The vendor's system and kernel.", pattern=WORDS),
    "screen": Key(str, "Connectors and sizes of the screens.", pattern=WORDS),
    "sound": Key(str, "What the chosen sound card's name holds.", pattern=WORDS),
    "npu": Key(str, "The NPU's driver and its time for a second of sound.", pattern=WORDS),
    "watchdog": Key(str, "Seconds until it restarts the board.", pattern=WORDS),
    "measured": Key(str, "Frames a second measured, with which avatar and size.", pattern=WORDS),
    "estimated": Key(str, "What the estimate said of the same.", pattern=WORDS),
    "report": Key(str, "The beginning of the report's SHA-256.", pattern="[0-9a-f]{16}"),
}


def schema() -> dict[str, Any]:
    """A JSON schema (draft 2020-12) of board.yaml."""
    flash = {"description": "How it is flashed.", **_object(FLASH_KEYS)}
    verified = {
        "description": "The reports that people sent of it; `make verified` writes them.",
        "type": "array",
        "items": _object(VERIFIED_KEYS),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "board.yaml",
        "type": "object",
        "additionalProperties": False,
        "required": [*BOARD_KEYS, "verified_on", "flash"],
        "properties": {name: key.schema() for name, key in BOARD_KEYS.items()}
        | {"verified_on": verified, "flash": flash},
    }


def _object(keys: dict[str, Key]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(keys),
        "properties": {name: key.schema() for name, key in keys.items()},
    }
