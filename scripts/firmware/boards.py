# SPDX-License-Identifier: Apache-2.0
"""Reads `board/<name>/board.yaml` into a checked `Board`; the keys are in `board_keys`.

PyYAML's node tree is used so that a message names the line and a key given twice is seen.
Every problem of a file is collected: one run shows all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import yaml

from driving_client.regular_file import read_regular
from firmware.board_keys import BOARD_KEYS, FLASH_KEYS, Key
from firmware.errors import FirmwareError
from kioskd.board_facts import described

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
class Board:
    """One board; keys as in `board_keys.BOARD_KEYS`. `folder` is where its files are."""

    name: str
    title: str
    soc: str
    tier: int
    verified_on: tuple[str, ...]
    compatible: tuple[str, ...]
    arch: str
    base: str
    compression: str
    avatar: str
    drm_drivers: tuple[str, ...]
    audio_match: tuple[str, ...]
    watchdog: bool
    npu: str
    serial_console: str
    flash: Flash
    folder: Path

    def describe(self) -> str:
        """Name, tier and who verified it; print it wherever a board is named."""
        return described(self.name, self.title, self.tier, self.verified_on)


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
    return Board(**(values | {"flash": Flash(**values["flash"]), "folder": path.parent}))


class _Reader:
    """Walks the node tree of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.problems: list[str] = []

    def read(self) -> dict[str, Any]:
        try:
            raw = read_regular(self._path, MAX_FILE_BYTES)
            root = yaml.compose(raw.decode("utf-8"), Loader=yaml.SafeLoader)
        except OSError as error:
            raise BoardError(f"{self._path}: cannot be read ({error.strerror})") from None
        except UnicodeDecodeError:
            raise BoardError(f"{self._path}: not UTF-8 text") from None
        except (yaml.YAMLError, RecursionError) as error:
            problem = str(error).replace("\n", " ")
            raise BoardError(f"{self._path}: not valid YAML: {problem}") from None
        if not isinstance(root, yaml.MappingNode):
            raise BoardError(f"{self._path}: must hold keys, such as {', '.join(BOARD_KEYS)}")
        flash = self._take_flash(root)
        return self._read_keys(root, BOARD_KEYS, "") | {"flash": flash}

    def _take_flash(self, root: yaml.MappingNode) -> dict[str, Any]:
        nodes = [value for key, value in root.value if key.value == "flash"]
        root.value = [pair for pair in root.value if pair[0].value != "flash"]
        if len(nodes) != 1:
            self._problem(root, "flash", "missing" if not nodes else "given twice; keep one")
        elif isinstance(nodes[0], yaml.MappingNode):
            return self._read_keys(nodes[0], FLASH_KEYS, "flash.")
        else:
            self._problem(nodes[0], "flash", "must hold keys, indented below it")
        return {}

    def _read_keys(
        self, node: yaml.MappingNode, table: dict[str, Key], prefix: str
    ) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            name = str(key_node.value)
            if name in values:
                self._problem(key_node, prefix + name, "given twice; keep one")
            elif name not in table:
                close = get_close_matches(name, table, n=1)
                hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(table)}"
                self._problem(key_node, prefix + name, f"unknown key; {hint}")
            else:
                values[name] = self._value(value_node, table[name], prefix + name)
        for name in table:
            if name not in values:
                self._problem(node, prefix + name, f"missing: {table[name].text}")
        return values

    def _value(self, node: yaml.Node, key: Key, name: str) -> Any:
        constructor = yaml.SafeLoader("")
        try:
            value = constructor.construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError) as error:
            self._problem(node, name, str(error).splitlines()[0])
            return None
        finally:
            constructor.dispose()
        if problem := key.check(value):
            self._problem(node, name, f"{problem} ({key.text})")
            return None
        return tuple(value) if isinstance(value, list) else value

    def _problem(self, node: yaml.Node, name: str, text: str) -> None:
        self.problems.append(f"{self._path}:{node.start_mark.line + 1}: {name}: {text}")
