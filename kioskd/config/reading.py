# SPDX-License-Identifier: Apache-2.0
"""Reads YAML files into checked values, each with the line that it comes from.

PyYAML's node tree is used instead of its loader, because only nodes know their line and
only there a key given twice can be seen. Every problem of a file is collected, so that one
run shows all of them. Left out on purpose: environment variables and includes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import yaml
from yaml.reader import ReaderError

from driving_client.regular_file import read_regular
from kioskd.config.options import Value, check_value
from kioskd.config.sections import OPTIONS, SECTIONS

MAX_FILE_BYTES = 256 * 1024
OVERRIDE_ORIGIN = "--set"
_NOT_CONSTRUCTED = (yaml.YAMLError, ValueError, OverflowError, LookupError, AttributeError)
"""What PyYAML raises for a scalar that is not what its tag says, such as `!!bool perhaps`."""


@dataclass(slots=True)
class Reading:
    """What has been read so far: values, where each was last set, and what was wrong."""

    values: dict[str, Value] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def where(self, key: str) -> str:
        """`file:line` that set the key, or the word for its default."""
        return self.origins.get(key, "default")


def read_file(path: Path, reading: Reading) -> None:
    """Add a file's values; later files win, key by key."""
    try:
        raw = read_regular(path, MAX_FILE_BYTES)
    except OSError as error:
        reading.problems.append(
            f"{path}: cannot be read ({error.strerror}); create it or name another with --config"
        )
        return
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        reading.problems.append(f"{path}:{line}: not UTF-8 text")
        return
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        reading.problems.append(_yaml_problem(path, text, error))
        return
    if root is not None and not _empty(root):
        _FileReader(path, reading).read_root(root)


def read_override(text: str, reading: Reading) -> None:
    """Add one `section.key=value` of the command line; it wins over every file."""
    key, equals, written = text.partition("=")
    key = key.strip()
    where = f"{OVERRIDE_ORIGIN} {key}"
    if not equals:
        reading.problems.append(f"{where}: has no value; write --set section.key=value")
        return
    if key not in OPTIONS:
        reading.problems.append(f"{where}: unknown option{_did_you_mean(key, list(OPTIONS))}")
        return
    value: object = written
    if not isinstance(OPTIONS[key].default, str):
        with contextlib.suppress(yaml.YAMLError, RecursionError):
            node = yaml.compose(written, Loader=yaml.SafeLoader)
            value = None if node is None else _plain(node)
    _store(key, value, where, where, reading)


def _store(key: str, value: object, where: str, origin: str, reading: Reading) -> None:
    try:
        reading.values[key] = check_value(OPTIONS[key], value)
    except ValueError as error:
        reading.problems.append(f"{where}: {error}")
        return
    reading.origins[key] = origin


class _FileReader:
    """Walks the node tree of one file."""

    def __init__(self, path: Path, reading: Reading) -> None:
        self._path = path
        self._reading = reading

    def read_root(self, root: yaml.Node) -> None:
        if not isinstance(root, yaml.MappingNode):
            self._problem(root, "", f"must hold sections, such as {', '.join(SECTIONS)}")
            return
        for name_node, section_node in self._pairs(root, ""):
            name = name_node.value
            if name not in SECTIONS:
                self._problem(name_node, name, f"unknown section{_did_you_mean(name, SECTIONS)}")
            elif isinstance(section_node, yaml.MappingNode):
                self._read_section(name, section_node)
            elif not _empty(section_node):
                self._problem(section_node, name, "must hold keys, indented below it")

    def _read_section(self, section: str, node: yaml.MappingNode) -> None:
        known = [row.name for row in OPTIONS.values() if row.section == section]
        for name_node, value_node in self._pairs(node, f"{section}."):
            key = f"{section}.{name_node.value}"
            if key not in OPTIONS:
                hint = _did_you_mean(name_node.value, known, prefix=f"{section}.")
                self._problem(name_node, key, f"unknown key{hint}")
                continue
            line = value_node.start_mark.line + 1
            origin = f"{self._path}:{line}"
            _store(key, _plain(value_node), f"{origin}: {key}", origin, self._reading)

    def _pairs(
        self, node: yaml.MappingNode, prefix: str
    ) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
        """The mapping's pairs with plain keys; anything else is reported and left out."""
        first: dict[str, int] = {}
        pairs = []
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(key_node, prefix + "?", "a key must be a plain word")
                continue
            name = key_node.value
            if name in first:
                self._problem(
                    key_node, prefix + name, f"given twice, first in line {first[name]}; keep one"
                )
                continue
            first[name] = key_node.start_mark.line + 1
            pairs.append((key_node, value_node))
        return pairs

    def _problem(self, node: yaml.Node, key: str, text: str) -> None:
        subject = f" {key}:" if key else ""
        line = node.start_mark.line + 1
        self._reading.problems.append(f"{self._path}:{line}:{subject} {text}")


def _plain(node: yaml.Node) -> object:
    """The node's value; groups and lists only as far as a message needs to name them."""
    if isinstance(node, yaml.MappingNode):
        return {}
    if isinstance(node, yaml.SequenceNode):
        return []
    constructor = yaml.SafeLoader("")
    try:
        return constructor.construct_object(node)
    except _NOT_CONSTRUCTED:
        return str(node.value)
    finally:
        constructor.dispose()


def _empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _did_you_mean(name: str, known: Iterable[str], prefix: str = "") -> str:
    candidates = list(known)
    close = get_close_matches(name, candidates, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {prefix}{close[0]}?"
    return f"; known are {', '.join(candidates)}"


def _yaml_problem(path: Path, text: str, error: Exception) -> str:
    if isinstance(error, ReaderError):
        line = text[: error.position].count("\n") + 1
        return f"{path}:{line}: not valid YAML: holds U+{ord(text[error.position]):04X}, no text"
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        context = f" ({error.context})" if error.context else ""
        return f"{path}:{error.problem_mark.line + 1}: not valid YAML: {error.problem}{context}"
    if isinstance(error, RecursionError):
        return f"{path}: not valid YAML: nested too deeply"
    return f"{path}: not valid YAML: {str(error).splitlines()[0]}"
