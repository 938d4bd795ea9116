# SPDX-License-Identifier: Apache-2.0
"""Reads files and command line into checked options, each with the line that it comes from.

Every problem is collected, so that one run shows all of them. Left out on purpose: environment
variables and includes.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from driving_client.texts import did_you_mean
from kioskd.config.file_names import DROP_IN_FOLDER
from kioskd.config.options import Value, check_value
from kioskd.config.sections import OPTIONS, SECTIONS
from kioskd.config.yaml_file import YamlFile, YamlFileError, is_empty, plain

MAX_FILE_BYTES = 256 * 1024
OVERRIDE_ORIGIN = "--set"


@dataclass(slots=True)
class Reading:
    """What has been read so far: values, where each was last set, and what was wrong.

    A problem stops the start, a warning is about what is not used as it is written.
    """

    values: dict[str, Value] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def where(self, key: str) -> str:
        """The key after the `file:line` that set it, `--set` or the word for its default."""
        origin = self.origins.get(key, "default")
        return origin if origin.startswith(OVERRIDE_ORIGIN) else f"{origin}: {key}"


def read_file(path: Path, reading: Reading) -> None:
    """Add a file's values; later files win, key by key."""
    file = YamlFile(path, reading.problems)
    try:
        root = file.compose(MAX_FILE_BYTES)
    except OSError as error:
        reading.problems.append(
            f"{path}: cannot be read ({error.strerror}); "
            + (
                "make it a file that kioskd may read, or remove it"
                if path.parent.name == DROP_IN_FOLDER
                else "create it or name another with --config"
            )
        )
        return
    except YamlFileError as error:
        reading.problems.append(str(error))
        return
    if root is None:
        return
    if not isinstance(root, yaml.MappingNode):
        file.problem(root, "", f"must hold sections, such as {', '.join(SECTIONS)}")
        return
    for entry in file.entries(root, "", SECTIONS, "section"):
        if isinstance(entry.value, yaml.MappingNode):
            _read_section(file, entry.name, entry.value, reading)
        elif not is_empty(entry.value):
            file.problem(entry.value, entry.name, "must hold keys, indented below it")


def read_override(text: str, reading: Reading) -> None:
    """Add one `section.key=value` of the command line; it wins over every file."""
    key, equals, written = text.partition("=")
    key = key.strip()
    where = f"{OVERRIDE_ORIGIN} {key}"
    if not equals:
        reading.problems.append(f"{where}: has no value; write --set section.key=value")
        return
    if key not in OPTIONS:
        reading.problems.append(f"{where}: unknown option{did_you_mean(key, OPTIONS)}")
        return
    value: object = written
    if not isinstance(OPTIONS[key].default, str):
        with contextlib.suppress(yaml.YAMLError, RecursionError):
            node = yaml.compose(written, Loader=yaml.SafeLoader)
            value = None if node is None else plain(node)
    _store(key, value, where, where, reading)


def _store(key: str, value: object, where: str, origin: str, reading: Reading) -> None:
    try:
        reading.values[key] = check_value(OPTIONS[key], value)
    except ValueError as error:
        reading.problems.append(f"{where}: {error}")
        return
    reading.origins[key] = origin


def _read_section(file: YamlFile, section: str, node: yaml.MappingNode, reading: Reading) -> None:
    known = [row.name for row in OPTIONS.values() if row.section == section]
    for entry in file.entries(node, f"{section}.", known):
        key = f"{section}.{entry.name}"
        origin = f"{file.path}:{entry.line}"
        _store(key, plain(entry.value), f"{origin}: {key}", origin, reading)
