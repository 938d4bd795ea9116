# SPDX-License-Identifier: Apache-2.0
"""Reads `board/<name>/board.yaml` into a checked `Board`; the keys are in `board_keys`.

Every problem of a file is collected: one run shows all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import yaml

from firmware.board_keys import BOARD_KEYS, FLASH_KEYS, VERIFIED_KEYS, Key
from firmware.errors import FirmwareError
from kioskd.board_facts import described
from kioskd.config.yaml_file import Entry, YamlFile, YamlFileError, plain

ROOT: Final = Path(__file__).resolve().parents[2]
BOARDS: Final = ROOT / "board"
MAX_FILE_BYTES: Final = 64 * 1024


class BoardError(FirmwareError):
    """No such board, or its board.yaml is wrong."""


@dataclass(frozen=True, slots=True)
class Flash:
    """How a board is flashed; keys as in `board_keys.FLASH_KEYS`."""

    tool: str
    usb_ids: tuple[str, ...]
    chip: str
    buttons: str
    loader: str
    partitions: tuple[str, ...]
    rootfs_partition: str
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Verified:
    """One report that a person sent of this board; keys as in `board_keys.VERIFIED_KEYS`."""

    date: str
    model: str
    image: str
    system: str
    screen: str
    sound: str
    npu: str
    watchdog: str
    measured: str
    estimated: str
    report: str

    def describe(self) -> str:
        """When, what and with which image, in a few words."""
        return f"{self.date} {self.model}, {self.image}"


@dataclass(frozen=True, slots=True)
class Board:
    """One board; keys as in `board_keys.BOARD_KEYS`. `folder` is where its files are."""

    name: str
    title: str
    soc: str
    tier: int
    verified_on: tuple[Verified, ...]
    compatible: tuple[str, ...]
    arch: str
    base: str
    compression: str
    avatar: str
    drm_drivers: tuple[str, ...]
    audio_match: tuple[str, ...]
    microphone_match: tuple[str, ...]
    watchdog: bool
    npu: str
    serial_console: str
    flash: Flash
    folder: Path

    def describe(self) -> str:
        """Name, tier and who verified it; print it wherever a board is named."""
        verified = [each.describe() for each in self.verified_on]
        return described(self.name, self.title, self.tier, verified)


def board_names(boards: Path = BOARDS) -> list[str]:
    """Names of all boards, sorted."""
    return sorted(path.parent.name for path in boards.glob("*/board.yaml"))


def load_board(name: str, boards: Path = BOARDS) -> Board:
    """The board of that name, in either case; `BoardError` lists the names there are."""
    names = board_names(boards)
    for known in names:
        if known.lower() == name.strip().lower():
            return read_board(boards / known / "board.yaml")
    close = get_close_matches(name.strip().lower(), names, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise BoardError(
        f"unknown board '{name}'; {hint}the boards are {', '.join(names) or 'not there'} "
        f"(each a folder of {boards} with a board.yaml)"
    )


def read_board(path: Path) -> Board:
    """Read and check one board.yaml; `BoardError` has a line for each problem."""
    reader = _Reader(path)
    values = reader.read()
    if not reader.problems and values["name"] != path.parent.name:
        reader.problems.append(
            f"{path}: name: '{values['name']}' must be that of its folder, '{path.parent.name}'"
        )
    if reader.problems:
        raise BoardError("\n".join(reader.problems))
    parts = {
        "flash": Flash(**values["flash"]),
        "verified_on": tuple(Verified(**each) for each in values["verified_on"]),
    }
    return Board(**(values | parts | {"folder": path.parent}))


class _Reader:
    """One board.yaml against the two tables of keys."""

    def __init__(self, path: Path) -> None:
        self.problems: list[str] = []
        self._file = YamlFile(path, self.problems)

    def read(self) -> dict[str, Any]:
        path = self._file.path
        try:
            root = self._file.compose(MAX_FILE_BYTES)
        except OSError as error:
            raise BoardError(f"{path}: cannot be read ({error.strerror})") from None
        except YamlFileError as error:
            raise BoardError(str(error)) from None
        if not isinstance(root, yaml.MappingNode):
            raise BoardError(f"{path}: must hold keys, such as {', '.join(BOARD_KEYS)}")
        known = (*BOARD_KEYS, "verified_on", "flash")
        entries = {each.name: each for each in self._file.entries(root, "", known)}
        flash = self._flash(root, entries.pop("flash", None))
        verified = self._verified(root, entries.pop("verified_on", None))
        return self._values(root, entries, BOARD_KEYS, "") | {
            "flash": flash,
            "verified_on": verified,
        }

    def _flash(self, root: yaml.Node, entry: Entry | None) -> dict[str, Any]:
        if entry is None:
            self._file.problem(root, "flash", "missing")
            return {}
        return self._part(entry.value, FLASH_KEYS, "flash")

    def _verified(self, root: yaml.Node, entry: Entry | None) -> list[dict[str, Any]]:
        if entry is None:
            self._file.problem(root, "verified_on", "missing; write []")
        elif isinstance(entry.value, yaml.SequenceNode):
            return [self._part(each, VERIFIED_KEYS, "verified_on") for each in entry.value.value]
        else:
            self._file.problem(
                entry.value, "verified_on", "must be a list; `make verified` fills it"
            )
        return []

    def _part(self, node: yaml.Node, table: dict[str, Key], name: str) -> dict[str, Any]:
        if not isinstance(node, yaml.MappingNode):
            self._file.problem(node, name, "must hold keys, indented below it")
            return {}
        found = {each.name: each for each in self._file.entries(node, f"{name}.", table)}
        return self._values(node, found, table, f"{name}.")

    def _values(
        self, node: yaml.Node, entries: dict[str, Entry], table: dict[str, Key], prefix: str
    ) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, key in table.items():
            if name not in entries:
                self._file.problem(node, prefix + name, f"missing: {key.text}")
                continue
            value = plain(entries[name].value)
            if problem := key.check(value):
                text = f"{problem} ({key.text})"
                self._file.problem(entries[name].value, prefix + name, text)
            values[name] = tuple(value) if isinstance(value, list) else value
        return values
