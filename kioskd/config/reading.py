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
from kioskd.config.accepted import Accepted, Entry, in_its_place, taken
from kioskd.config.file_names import DROP_IN_FOLDER
from kioskd.config.options import Value, check_value, shown
from kioskd.config.table import OPTIONS, SECTIONS
from kioskd.config.versions import RENAMED, VERSION
from kioskd.config.yaml_file import YamlFile, YamlFileError, is_empty, plain

MAX_FILE_BYTES = 256 * 1024
OVERRIDE_ORIGIN = "--set"


@dataclass(slots=True)
class Reading:
    """What has been read so far: values, where each was last set, and what was wrong.

    A problem stops the start, a warning is about what is not used as it is written. `accepted` is
    what images before have taken, `taken` what this one takes.
    """

    accepted: Accepted = field(default_factory=Accepted)
    taken: dict[str, Entry] = field(default_factory=dict)

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
    known = [*SECTIONS, *reading.accepted.sections(), *map(_section, RENAMED)]
    for entry in file.entries(root, "", dict.fromkeys(known), "section"):
        reading.taken[entry.name] = reading.accepted.unknown(entry.name) or taken()
        if isinstance(entry.value, yaml.MappingNode):
            _read_section(file, entry.name, entry.value, reading)
        elif not is_empty(entry.value):
            file.problem(entry.value, entry.name, "must hold keys, indented below it")


def read_override(text: str, reading: Reading) -> None:
    """Add one `section.key=value` of the command line; it wins over every file."""
    key, equals, written = text.partition("=")
    key = key.strip()
    where = f"{OVERRIDE_ORIGIN} {key}"
    key = _present_key(key, where, reading)
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
    row, entry = OPTIONS[key], taken(value)
    try:
        checked = check_value(row, value)
    except ValueError as error:
        before = reading.accepted.value(key, value)
        if before is None:
            reading.problems.append(f"{where}: {error}")
            return
        checked, entry = in_its_place(row, value), before
        reading.warnings.append(
            f"{where}: {error}; an image with configuration version {before.version} accepted it, "
            f"this one uses {shown(checked)}"
        )
    reading.values[key] = checked
    reading.origins[key] = origin
    reading.taken[key] = entry


def _read_section(file: YamlFile, section: str, node: yaml.MappingNode, reading: Reading) -> None:
    own = [row.name for row in OPTIONS.values() if row.section == section]
    former = [_name(key) for key in RENAMED if _section(key) == section]
    of_others = [
        name for name in reading.accepted.names(section) if name not in own and name not in former
    ]
    for entry in file.entries(node, f"{section}.", [*own, *former, *of_others]):
        written = f"{section}.{entry.name}"
        origin = f"{file.path}:{entry.line}"
        where = f"{origin}: {written}"
        if entry.name in of_others:
            _pass_over(written, where, reading)
            continue
        key = _present_key(written, where, reading)
        if key == written or not _set_in(file.path, key, reading):
            _store(key, plain(entry.value), where, origin, reading)


def _pass_over(key: str, where: str, reading: Reading) -> None:
    before = reading.accepted.entries[key]
    reading.taken[key] = before
    reading.warnings.append(
        f"{where}: not known to this image (configuration version {VERSION}); one with version "
        f"{before.version} accepted it, so it is passed over"
    )


def _present_key(key: str, where: str, reading: Reading) -> str:
    """What a key is called now; a warning where it had another name."""
    row = RENAMED.get(key)
    if row is None:
        return key
    reading.warnings.append(
        f"{where}: is called {row.new} since configuration version {row.since}; write that"
    )
    return row.new


def _set_in(path: Path, key: str, reading: Reading) -> bool:
    """Whether the same file sets the option by its present name, which wins."""
    return reading.origins.get(key, "").rpartition(":")[0] == str(path)


def _section(key: str) -> str:
    return key.partition(".")[0]


def _name(key: str) -> str:
    return key.partition(".")[2]
